"""A declared change explains what hangs on it, must have happened, and explains nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration import Migration
from postmigration.changes import (
    Change,
    ChangedObject,
    GoneColumn,
    GoneTable,
    MovedRows,
    NewColumn,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.checks.declared import test_bypasses
from postmigration.postgres import embedded
from selftest.check.conftest import Change as Changed
from selftest.check.conftest import load
from selftest.check.judging import Verdict, judge
from selftest.tiers import few

MODULES = ("test_objects", "test_privileges", "test_changes")
WHY = "it is planned"


@dataclass(frozen=True)
class Case:
    """A change, how it is made, and what goes wrong beside it.

    Args:
        sql: the statements that make it.
        changes: what is declared.
        undeclared: what is said of it where nobody declared it.
        undone: what is said where it is declared and did not happen.
        beside: statements after which one more thing is wrong.
        words: what is said of that.
    """

    sql: str
    changes: Sequence[Change]
    undeclared: str
    undone: str
    beside: str
    words: str


MOVE = MovedRows(table="booking", to="visit", key={"code": "'v' || r.id"}, reason=WHY)
VISIT = (
    "CREATE TABLE public.visit (code text PRIMARY KEY); ALTER TABLE public.visit ENABLE ROW LEVEL SECURITY; "
    "INSERT INTO public.visit VALUES ('v1'); "
)
CASES = {
    "a table that is dropped": Case(
        "DROP TABLE public.scrap CASCADE",
        [GoneTable(table="scrap", reason=WHY)],
        "table public.scrap is gone",
        "gone_table scrap: it is still there",
        "ALTER TABLE public.payment DROP CONSTRAINT payment_booking_id_fkey",
        "constraint payment_booking_id_fkey on public.payment is gone",
    ),
    "a column that is dropped": Case(
        'ALTER TABLE public."Guest" DROP nickname CASCADE',
        [GoneColumn(table="Guest", column="nickname", reason=WHY)],
        'column public."Guest".nickname is gone',
        "gone_column Guest.nickname: it is still there",
        'ALTER TABLE public."Guest" DROP CONSTRAINT "Guest_eMail_key"',
        'constraint "Guest_eMail_key" on public."Guest" is gone',
    ),
    "a column under a view that is dropped": Case(
        "ALTER TABLE public.booking DROP note CASCADE",
        [
            GoneColumn(table="booking", column="note", reason=WHY),
            ChangedObject(object="view public.plain", gone=True, reason=WHY),
        ],
        "column public.booking.note is gone",
        "gone_column booking.note: it is still there",
        "DROP VIEW public.totals",
        "view public.totals is gone",
    ),
    "a table that is added": Case(
        'CREATE TABLE public."Room" (id serial PRIMARY KEY, name text UNIQUE); '
        'ALTER TABLE public."Room" ENABLE ROW LEVEL SECURITY; '
        'CREATE POLICY named ON public."Room" FOR SELECT TO check_reader USING (name IS NOT NULL); '
        'GRANT SELECT ON public."Room" TO check_reader; '
        'CREATE TRIGGER t BEFORE UPDATE ON public."Room" FOR EACH ROW EXECUTE FUNCTION public.stamp()',
        [NewTable(table="Room", reason=WHY)],
        'table public."Room" is new, and nobody declared it',
        "new_table Room: there is none",
        'ALTER TABLE public."Room" DISABLE ROW LEVEL SECURITY; GRANT SELECT ON public."Room" TO anon',
        'anon now has SELECT on table public."Room": it has no row-level security',
    ),
    "a column that is added": Case(
        "ALTER TABLE public.payment ADD paid boolean; CREATE INDEX payment_paid ON public.payment (paid)",
        [NewColumn(table="payment", column="paid", reason=WHY)],
        "",
        "new_column payment.paid: there is no column paid",
        "DROP POLICY paid ON public.payment",
        "policy paid on public.payment is gone",
    ),
    "a table of another name": Case(
        'ALTER TABLE public.booking RENAME TO "Stay"; ALTER SEQUENCE public.booking_id_seq RENAME TO "Stay_id_seq"; '
        'ALTER TABLE public."Stay" RENAME CONSTRAINT booking_pkey TO "Stay_pkey"; '
        "CREATE OR REPLACE FUNCTION public.sum_of(guest integer) RETURNS bigint LANGUAGE sql STABLE "
        """SET search_path = '' AS 'SELECT sum(total) FROM public."Stay" WHERE "guestId" = guest'""",
        [RenamedTable(table="booking", to="Stay", reason=WHY)],
        "table public.booking is gone",
        "renamed_table booking to Stay: it is still called booking",
        'ALTER TABLE public."Stay" DROP CONSTRAINT "booking_guestId_fkey"; '
        'ALTER TABLE public."Stay" ADD CONSTRAINT "booking_guestId_fkey" FOREIGN KEY ("guestId") '
        'REFERENCES public."Guest" (id)',
        'constraint "booking_guestId_fkey" on public."Stay"',
    ),
    "a table of another schema": Case(
        "CREATE SCHEMA stays; ALTER TABLE public.booking SET SCHEMA stays; "
        "CREATE OR REPLACE FUNCTION public.sum_of(guest integer) RETURNS bigint LANGUAGE sql STABLE "
        """SET search_path = '' AS 'SELECT sum(total) FROM stays.booking WHERE "guestId" = guest'""",
        [
            RenamedTable(table="booking", to="booking", to_schema="stays", reason=WHY),
            ChangedObject(object="schema stays", reason=WHY),
        ],
        "table public.booking is gone",
        "renamed_table booking to stays.booking: it is still called booking",
        "DROP INDEX stays.booking_total",
        "index stays.booking_total is gone",
    ),
    "a column of another name": Case(
        'ALTER TABLE public.booking RENAME total TO "Amount"; '
        "CREATE OR REPLACE FUNCTION public.sum_of(guest integer) RETURNS bigint LANGUAGE sql STABLE "
        """SET search_path = '' AS 'SELECT sum("Amount") FROM public.booking WHERE "guestId" = guest'""",
        [RenamedColumn(table="booking", column="total", to="Amount", reason=WHY)],
        "column public.booking.total is gone",
        "renamed_column booking.total to Amount: it is still called total",
        'ALTER TABLE public.booking ALTER "Amount" DROP NOT NULL',
        'column public.booking."Amount" is no longer NOT NULL',
    ),
    "a table and a column of other names": Case(
        'ALTER TABLE public.booking RENAME total TO "Amount"; ALTER TABLE public.booking RENAME TO stay; '
        'ALTER TABLE public."Guest" RENAME "eMail" TO email; ALTER TABLE public."Guest" RENAME TO guest; '
        "CREATE OR REPLACE FUNCTION public.sum_of(guest integer) RETURNS bigint LANGUAGE sql STABLE "
        """SET search_path = '' AS 'SELECT sum("Amount") FROM public.stay WHERE "guestId" = guest'""",
        [
            RenamedColumn(table="booking", column="total", to="Amount", reason=WHY),
            RenamedTable(table="booking", to="stay", reason=WHY),
            RenamedColumn(table="Guest", column="eMail", to="email", reason=WHY),
            RenamedTable(table="Guest", to="guest", reason=WHY),
        ],
        "table public.booking is gone",
        "renamed_column booking.total to Amount: it is still called total",
        "REVOKE INSERT ON public.stay FROM check_reader",
        "check_reader no longer has INSERT on table public.stay",
    ),
    "a column in the place of another": Case(
        "ALTER TABLE public.scrap DROP part CASCADE; ALTER TABLE public.scrap ADD parts integer; "
        "ALTER TABLE public.scrap RENAME booking_id TO part; "
        "CREATE POLICY open ON public.scrap FOR SELECT USING (parts > 0)",
        [
            GoneColumn(table="scrap", column="part", reason=WHY),
            RenamedColumn(table="scrap", column="booking_id", to="part", reason=WHY),
            NewColumn(table="scrap", column="parts", reason=WHY),
            ChangedObject(object="policy open on public.scrap", reason=WHY),
        ],
        "column public.scrap.booking_id is gone",
        "renamed_column scrap.booking_id to part: both are there",
        "ALTER TABLE public.scrap DROP CONSTRAINT scrap_booking_id_fkey",
        "constraint scrap_booking_id_fkey on public.scrap is gone",
    ),
    "a column of another type": Case(
        "DROP VIEW public.totals, public.plain; DROP POLICY own ON public.booking; DROP POLICY paid ON public.payment; "
        "DROP TRIGGER stamp ON public.booking; "
        "ALTER TABLE public.booking ALTER total TYPE numeric, ALTER note TYPE text; "
        "CREATE POLICY own ON public.booking FOR SELECT TO check_reader USING (total > 0 AND EXISTS "
        '(SELECT FROM public."Guest" g WHERE g.id = booking."guestId")); '
        "CREATE POLICY paid ON public.payment FOR SELECT TO check_reader USING "
        "(EXISTS (SELECT FROM public.booking b WHERE b.id = payment.booking_id AND b.total > 0)); "
        "CREATE TRIGGER stamp BEFORE UPDATE OF total ON public.booking FOR EACH ROW EXECUTE FUNCTION public.stamp(); "
        "CREATE VIEW public.totals WITH (security_invoker = true) AS SELECT b.id, b.total, "
        'g."eMail" FROM public.booking b JOIN public."Guest" g ON g.id = b."guestId"; '
        "CREATE VIEW public.plain WITH (security_invoker = true) AS SELECT id, total, note FROM public.booking; ",
        [Retyped(table="booking", column="total", reason=WHY), Retyped(table="booking", column="note", reason=WHY)],
        "",
        "retyped booking.total: it has the type that it had: integer",
        "ALTER TABLE public.booking ALTER total DROP DEFAULT",
        "the default of column public.booking.total was 0, is none",
    ),
    "an enum that becomes text": Case(
        'DROP INDEX public.guest_state; ALTER TABLE public."Guest" ALTER state DROP DEFAULT, ALTER state TYPE text; '
        """ALTER TABLE public."Guest" ALTER state SET DEFAULT 'open'; """
        """CREATE INDEX guest_state ON public."Guest" (state) WHERE state = 'open'""",
        [Retyped(table="Guest", column="state", reason=WHY)],
        'column public."Guest".state',
        "retyped Guest.state: it has the type that it had: public.state",
        "DROP TYPE public.state; DROP INDEX public.guest_state",
        "index public.guest_state is gone",
    ),
    "keys of another type": Case(
        "DROP VIEW public.totals; DROP POLICY own ON public.booking; "
        'ALTER TABLE public.booking DROP CONSTRAINT "booking_guestId_fkey"; '
        'ALTER TABLE public."Guest" ALTER id DROP IDENTITY; '
        'ALTER TABLE public."Guest" ALTER id TYPE text; '
        'ALTER TABLE public.booking ALTER "guestId" TYPE text; ALTER TABLE public.booking '
        'ADD CONSTRAINT "booking_guestId_fkey" FOREIGN KEY ("guestId") REFERENCES public."Guest" ON DELETE CASCADE; '
        "CREATE POLICY own ON public.booking FOR SELECT TO check_reader USING (total > 0 AND EXISTS "
        '(SELECT FROM public."Guest" g WHERE g.id = booking."guestId")); '
        "CREATE VIEW public.totals WITH (security_invoker = true) AS SELECT b.id, b.total, "
        'g."eMail" FROM public.booking b JOIN public."Guest" g ON g.id = b."guestId"',
        [Retyped(table="Guest", column="id", reason=WHY)],
        'column public."Guest".id',
        "retyped Guest.id: it has the type that it had: integer",
        "DROP INDEX public.booking_total",
        "index public.booking_total is gone",
    ),
    "a reference that is re-pointed in place": Case(
        VISIT + "DROP POLICY paid ON public.payment; "
        "ALTER TABLE public.payment DROP CONSTRAINT payment_booking_id_fkey, "
        "ALTER booking_id TYPE text USING 'v' || booking_id; "
        "ALTER TABLE public.payment ADD CONSTRAINT other FOREIGN KEY (booking_id) REFERENCES public.visit; "
        "CREATE POLICY paid ON public.payment FOR SELECT TO check_reader USING "
        "(EXISTS (SELECT FROM public.booking b WHERE 'v' || b.id = payment.booking_id AND b.total > 0))",
        [
            NewTable(table="visit", reason=WHY),
            MOVE,
            RepointedReference(table="payment", column="booking_id", parent="booking", through="visit", reason=WHY),
            ChangedObject(object="policy paid on public.payment", gone=True, reason=WHY),
        ],
        "constraint other on public.payment was FOREIGN KEY (booking_id) REFERENCES public.booking(id)",
        "repointed_reference payment.booking_id through visit: its foreign key payment_booking_id_fkey still leads to "
        "booking",
        "ALTER TABLE public.payment DROP CONSTRAINT other",
        "constraint payment_booking_id_fkey on public.payment is gone: FOREIGN KEY (booking_id) REFERENCES "
        "public.visit(code)",
    ),
    "a reference that is re-pointed into a new column": Case(
        VISIT + "DROP POLICY paid ON public.payment; ALTER TABLE public.payment DROP booking_id; "
        "ALTER TABLE public.payment ADD visit text REFERENCES public.visit",
        [
            NewTable(table="visit", reason=WHY),
            MOVE,
            GoneColumn(table="payment", column="booking_id", reason=WHY),
            RepointedReference(
                table="payment", column="booking_id", to="visit", parent="booking", through="visit", reason=WHY
            ),
            ChangedObject(object="policy paid on public.payment", gone=True, reason=WHY),
        ],
        "column public.payment.booking_id is gone",
        "repointed_reference payment.booking_id through visit: there is no column visit",
        "ALTER TABLE public.payment DROP CONSTRAINT payment_visit_fkey",
        "constraint payment_booking_id_fkey on public.payment is gone: FOREIGN KEY (visit) REFERENCES "
        "public.visit(code)",
    ),
}  # fmt: skip
EACH = few(list(CASES), 5)


@pytest.fixture(scope="module")
def small(world: embedded.Server) -> Iterator[str]:
    world.create("declared")
    load(world, "declared", (Path(__file__).parent / "declared.sql").read_text())
    yield "declared"
    world.drop("declared")


def judged(changed: Changed, small: str, changes: Sequence[Change], *statements: str) -> Verdict:
    before, after = changed(*statements, database=small)
    return judge(before, after, only=MODULES, migration=Migration(name="stays", changes=tuple(changes)))


@pytest.mark.parametrize("what", EACH)
def test_what_is_declared_and_happened_is_no_fault(what: str, changed: Changed, small: str) -> None:
    case = CASES[what]
    verdict = judged(changed, small, case.changes, case.sql)
    assert "declared changes" in verdict.evidence
    assert not verdict.words("blocker")
    assert not verdict.words("warning")
    assert not [words for words in verdict.words("told") if "nothing used" in words]


@pytest.mark.parametrize("what", EACH)
def test_what_is_declared_must_have_happened(what: str, changed: Changed, small: str) -> None:
    case = CASES[what]
    verdict = judged(changed, small, case.changes)
    assert verdict.red() == {"declared changes"}
    assert case.undone in verdict.words("blocker")


@pytest.mark.parametrize("what", [what for what in EACH if not isinstance(what, str) or CASES[what].undeclared])
def test_what_nobody_declared_is_found(what: str, changed: Changed, small: str) -> None:
    case = CASES[what]
    if not case.undeclared:
        return
    verdict = judged(changed, small, [ChangedObject(object="comment on nothing", reason=WHY)], case.sql)
    said = [*verdict.words("blocker"), *verdict.words("warning")]
    assert any(case.undeclared in words for words in said), said
    assert "nothing used changed_object comment on nothing: take it out" in verdict.words("warning")


@pytest.mark.parametrize("what", EACH)
def test_what_is_broken_beside_it_is_found_alone(what: str, changed: Changed, small: str) -> None:
    case = CASES[what]
    verdict = judged(changed, small, case.changes, case.sql, case.beside)
    said = verdict.words("blocker")
    assert len(said) == 1, said
    assert case.words in said[0]


@pytest.mark.full
def test_what_was_so_before_is_found_under_its_new_name(changed: Changed, small: str) -> None:
    """Rows that violate a constraint, and a sequence that goes back, are compared with those of the old name."""
    wrong = "ALTER TABLE public.booking DROP CONSTRAINT booking_total_check; UPDATE public.booking SET total = -1"
    check = "ALTER TABLE public.booking ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID"
    _, before = changed(wrong, check, "SELECT setval('public.booking_id_seq', 7)", database=small)
    name = conninfo_to_dict(before)["dbname"]
    rename = (
        'ALTER TABLE public.booking RENAME TO "Stay"; ALTER TABLE public."Stay" RENAME total TO "sum"; '
        "ALTER SEQUENCE public.booking_id_seq RENAME TO stay_id_seq; SELECT setval('public.stay_id_seq', 3)"
    )
    _, after = changed(rename, database=str(name))
    changes = (
        RenamedTable(table="booking", to="Stay", reason=WHY),
        RenamedColumn(table="booking", column="total", to="sum", reason=WHY),
    )
    only = ("test_references", "test_sequences")
    verdict = judge(before, after, only=only, migration=Migration(name="stays", changes=changes))
    assert not verdict.words("blocker")
    assert verdict.words("warning") == [
        "Stay: 1 row violates the CHECK positive, which is not validated; it was so before",
        "sequence stay_id_seq: it gives 4 next, and would have given 8 before",
    ]


@pytest.mark.full
def test_a_table_that_was_open_before_is_open_under_its_new_name(changed: Changed, small: str) -> None:
    _, before = changed("GRANT SELECT ON public.payment TO anon", database=small)
    name = str(conninfo_to_dict(before)["dbname"])
    _, after = changed('ALTER TABLE public.payment RENAME TO "Fee"', database=name)
    renamed = [RenamedTable(table="payment", to="Fee", reason=WHY)]
    for changes, red in ((renamed, set()), ([], {"tables"})):
        verdict = judge(
            before,
            after,
            only=("none",),
            migration=Migration(name="stays", changes=tuple(changes)),
            more={"tables": lambda target: test_bypasses.test_nothing_bypasses_the_policies(target, "tables")},
        )
        assert verdict.red() == red, verdict.words("blocker")
        assert "tables" in verdict.evidence


@pytest.mark.full
def test_a_declared_table_is_nothing_that_a_tool_has_left(changed: Changed, small: str) -> None:
    before, after = changed("CREATE TABLE public.booking_old AS TABLE public.booking", database=small)
    changes: list[Change] = [NewTable(table="booking_old", reason=WHY)]
    for declared in (changes, []):
        verdict = judge(
            before, after, only=("test_tool_remains",), migration=Migration(name="stays", changes=tuple(declared))
        )
        assert bool(verdict.words("warning")) is not bool(declared)


_TABLES = """
    SELECT n.nspname, c.relname, coalesce(a.attname, ''),
           CASE WHEN a.attname IS NULL
                THEN format('ALTER TABLE %I.%I RENAME TO %I', n.nspname, c.relname, c.relname || ' N')
                ELSE format('ALTER TABLE %I.%I RENAME %I TO %I', n.nspname, c.relname, a.attname, a.attname || ' N') END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT attname, attnum FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attinhcount = 0
        UNION ALL SELECT NULL, 9999) a
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('sales', 'Staff', 'hall', 'bare')
    ORDER BY c.oid, a.attnum
"""


@pytest.mark.full
def test_all_tables_and_columns_of_a_world_have_other_names(changed: Changed, world: embedded.Server) -> None:
    with world.connect("objects") as connection:
        those = connection.execute(_TABLES.encode()).fetchall()
    before, after = changed(*(f"{statement};" for *_, statement in those))
    changes: list[Change] = [
        RenamedColumn(schema=schema, table=table, column=column, to=f"{column} N", reason=WHY)
        if column
        else RenamedTable(schema=schema, table=table, to=f"{table} N", reason=WHY)
        for schema, table, column, _ in those
    ]
    assert len(changes) > 40
    verdict = judge(before, after, only=MODULES, migration=Migration(name="stays", changes=tuple(changes)))
    assert "declared changes" in verdict.evidence
    assert not verdict.words("blocker")
    assert not verdict.words("warning")
