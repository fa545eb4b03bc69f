"""SQL as text: with parameters, with identifiers quoted, and written out for psql and for people."""

import pytest
import sqlalchemy as sa

from postmigration.model.sqltext import (
    as_comment,
    copy_objects,
    copy_statements,
    find_row_column,
    gives_several,
    list_row_columns,
    literal,
    pasteable,
    quoted,
    single,
    split_beforehand,
    statement,
    tell_beforehand,
    write_literals,
)


def test_a_statement_has_those_parameters_that_it_names() -> None:
    built = statement("SELECT CAST(:n AS int), ':m'::text, a[1:2]", {"n": 1, "other": 2})
    assert built.compile().params == {"n": 1}
    # What follows another colon is no parameter.
    assert write_literals(built) == "SELECT CAST(1 AS int), ':m'::text, a[1:2]"


def test_a_single_statement_has_a_parameter_at_least() -> None:
    built, values = single("SELECT 1", {"other": 2})
    assert (set(built.compile().params), values) == ({"postmigration_single"}, {"postmigration_single": 0})


def test_a_statement_is_read_once_for_values_of_the_same_types() -> None:
    small, large = ({"n": n} for n in (1, 1 << 40))
    built, values = single("SELECT :n", small)
    assert single("SELECT :n", {"n": 2}) == (built, {"n": 2, "postmigration_single": 0})
    # What has no room in 32 bits is sent as another type.
    other, _ = single("SELECT :n", large)
    dialect = sa.create_engine("postgresql+psycopg://").dialect
    assert [str(one.compile(dialect=dialect)).split("::")[1].split("\n")[0] for one in (built, other)] == [
        "INTEGER",
        "BIGINT",
    ]
    assert values["n"] == 1


def test_a_query_is_pasted_with_its_values_and_without_endless_conditions() -> None:
    assert pasteable("  SELECT :n\n  FROM t", {"n": "it's"}) == "SELECT 'it''s'\nFROM t"
    endless = "SELECT a FROM t WHERE b > 1 AND (t.made <= CAST('infinity' AS timestamptz)) IS NOT FALSE"
    assert pasteable(endless, {}) == "SELECT a FROM t WHERE b > 1"
    there = (
        "SELECT FROM u x WHERE x.id = t.u AND NOT (greatest(x.a, x.b) <= CAST('infinity' AS timestamptz)) IS NOT FALSE"
    )
    assert pasteable(f"SELECT a FROM t WHERE b > 1\n  AND NOT EXISTS ({there})", {}) == "SELECT a FROM t WHERE b > 1"
    ended = endless.replace("infinity", "2025-01-01")
    assert pasteable(ended, {}) == ended


def test_a_query_is_written_with_its_literals() -> None:
    assert write_literals(sa.select(sa.literal("50%"))) == "SELECT '50%' AS anon_1"


@pytest.mark.parametrize(
    ("name", "sql"),
    [("plain_1", "plain_1"), ("Mixed", '"Mixed"'), ('a"b', '"a""b"'), ("order", '"order"'), ("lateral", '"lateral"'),
     ("1st", '"1st"'), ("ä", '"ä"'), ("a b", '"a b"')],
)  # fmt: skip
def test_a_name_is_quoted_where_it_must_be(name: str, sql: str) -> None:
    assert quoted(name) == sql


@pytest.mark.parametrize(("text", "sql"), [("it's", "'it''s'"), ("a\\b'", "E'a\\\\b'''"), ("", "''")])
def test_a_text_is_a_literal_whatever_the_server_has_set(text: str, sql: str) -> None:
    assert literal(text) == sql


def test_the_columns_of_a_row_are_listed_once_in_their_order() -> None:
    assert list_row_columns('r.b || r."Odd ""one""" || r.a || r.b || x.c') == ["b", 'Odd "one"', "a"]


def test_a_value_may_be_a_column_of_a_row_as_it_is() -> None:
    assert [find_row_column(sql) for sql in (" r.b ", 'r."Odd ""one"""')] == ["b", 'Odd "one"']
    assert [find_row_column(sql) for sql in ("", "r.b + 1", "r.a || r.b", "lower(r.b)", "x.b", "'r.b'")] == [""] * 6


def test_a_comment_ends_nowhere_in_its_text() -> None:
    assert as_comment("first\n; DROP TABLE x") == "-- first ; DROP TABLE x"
    assert all(line.startswith("-- ") and len(line) <= 120 for line in as_comment("word " * 100).splitlines())


def test_objects_and_statements_are_copied_in_a_shell() -> None:
    assert copy_objects("table", 'public."it\'s"', "as the owner").splitlines() == [
        "-- as the owner",
        "-- in a shell",
        """pg_dump '--table=public."it'"'"'s"' "$BASELINE" | psql -X -v ON_ERROR_STOP=1 "$TARGET\"""",
    ]
    assert copy_statements("SELECT 'x'", "as the owner").splitlines()[2] == (
        """psql -X -At -c 'SELECT '"'"'x'"'"'' "$BASELINE" | psql -X -q -v ON_ERROR_STOP=1 "$TARGET\""""
    )


def test_what_a_shell_cannot_take_on_one_line_is_not_copied() -> None:
    assert copy_objects("table", "a\nb", "x") == ""
    assert copy_statements("SELECT 1;\nSELECT 2", "x") == ""


def test_what_is_said_of_a_repair_beforehand_is_parted_from_it() -> None:
    said = tell_beforehand("3 rows are too long") + tell_beforehand("SELECT 1")
    assert split_beforehand(f"{said}-- the DBA\nALTER TABLE t;") == (said, "-- the DBA\nALTER TABLE t;")
    assert "3 rows are too long" in said
    assert split_beforehand("ALTER TABLE t;") == ("", "ALTER TABLE t;")
    # What is no single line is not said.
    assert tell_beforehand("a\nb") == ""


def test_what_gives_several_values_is_told_from_what_only_names_it() -> None:
    assert gives_several("unnest(string_to_array(r.tags, ','))")
    assert gives_several("lower(jsonb_array_elements_text (r.tags))")
    assert gives_several("'a' || unnest((SELECT p.tags FROM post p WHERE p.id = (r.id)))")
    assert not gives_several("r.unnest || 'unnest(x)'")
    assert not gives_several("(SELECT max(t) FROM unnest(r.tags) t WHERE t <> ALL (ARRAY(SELECT unnest(r.old))))")
