"""What SQL that repairs something does, as short as a line."""

from postmigration.report.diagnosis.outline import list_first, outline

POLICIES = """-- run this after all repairs of rows
-- The DBA runs it. Risk: none
BEGIN;
CREATE OR REPLACE FUNCTION public.owner() RETURNS text LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;
CREATE FUNCTION since() RETURNS int LANGUAGE sql BEGIN ATOMIC
 SELECT 1;
END;
DROP POLICY IF EXISTS own ON public.orders;
CREATE POLICY own ON public.orders USING (note <> ';' -- no; never
    AND id > 0);
REVOKE ALL ON TABLE public.orders FROM PUBLIC;
ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Notes" ENABLE TRIGGER "at; once";
COMMIT;"""


def test_several_statements_are_counted_and_none_stands_alone() -> None:
    assert outline(POLICIES) == (
        "The DBA runs it",
        "",
        "7 statements: definition of owner and since; policies and privileges of orders; row-level security of notes; "
        'triggers of "Notes"',
    )


def test_the_first_of_several_statements_are_listed() -> None:
    first = "CREATE OR REPLACE FUNCTION public.owner() RETURNS text LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;"
    second = "CREATE FUNCTION since() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;"
    assert list_first(POLICIES) == [first, second]
    assert list_first("BEGIN;\nSELECT 1;\nCOMMIT;") == []


def test_the_only_statement_stands_alone_in_one_line() -> None:
    assert (
        outline("SET search_path TO app;\nBEGIN;\nUPDATE a\n    SET b = 1;\nCOMMIT;").statement == "UPDATE a SET b = 1;"
    )


def test_a_command_of_a_shell_counts_and_one_of_psql_does_not() -> None:
    assert outline("-- in a shell\npg_dump --table=a; psql").statement == "pg_dump --table=a; psql"
    assert outline("-- in a shell\npg_dump a\n-- on the target\n\\set x 1\nSELECT 1;").contents == "2 statements"


def test_the_rows_that_statements_write_are_named_by_their_table() -> None:
    written = "UPDATE a SET b = $$;$$;\nINSERT INTO ONLY_A SELECT 1;\nDELETE FROM public.c;\nTRUNCATE d;"
    assert outline(written).contents == "4 statements: rows of a, ONLY_A and c"
