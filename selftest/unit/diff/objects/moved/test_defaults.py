"""What filled a column must fill it in the table to which its values moved."""

from collections.abc import Mapping

import pytest

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.moved.defaults import compare_defaults
from postmigration.diff.objects.moved.moves import read_moves
from postmigration.model.changes import Change, GoneTable, MovedRows, NewIds, NewTable
from selftest.unit.diff.objects.made import Made, column, part, relation

SERIAL = {"default": "nextval('public.member_id_seq'::regclass)", "not null": "yes"}
IDENTITY = {"identity": "always", "not null": "yes"}
FILLED = {"not null": "yes"}
MOVE = MovedRows(table="member", to="account", key={"id": "r.id"}, columns={"state": "r.state"})
CHANGES: list[Change] = [NewTable(table="account"), GoneTable(table="member"), MOVE]
LEADS = "FOREIGN KEY (id) REFERENCES public.person(id)"
FILLS = "CREATE TRIGGER BEFORE INSERT OR UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.fill()"


def make(table: str, facts: Mapping[str, str], type_: str = "integer") -> Made:
    """A table with an id."""
    return relation(table) | column(table, "id", type_, facts)


def compare(before: Made, after: Made, changes: list[Change] = CHANGES) -> list[Difference]:
    return list(compare_defaults(read_moves(before, after, changes), changes))


@pytest.mark.parametrize("was", [SERIAL, IDENTITY])
def test_what_counted_and_is_counted_by_nothing_is_a_blocker_with_its_repair(was: Mapping[str, str]) -> None:
    (found,) = compare(make("member", was), make("account", FILLED))
    assert (found.check, found.level, str(found.name)) == (
        "columns",
        "blocker",
        "default of column public.account.id",
    )
    assert found.statement.startswith(
        "nothing fills column public.account.id, and column public.member.id, whose values it holds, was "
    )
    assert found.statement.endswith(": a row of account that is inserted without it is refused")
    assert found.repair == (
        f"ALTER TABLE public.account ALTER COLUMN id ADD GENERATED {was.get('identity', 'by default').upper()} AS "
        "IDENTITY;\nSELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('public.account', 'id'), "
        "(SELECT coalesce(max(id), 1) FROM public.account));"
    )


@pytest.mark.parametrize(
    "now",
    [
        make("account", IDENTITY),
        make("account", SERIAL),
        make("account", {"default": "gen_random_uuid()"}),
        make("account", {"generated": "(a + 1)"}),
        make("account", FILLED) | part("constraint", "leads", "account", {"definition": LEADS}),
    ],
)
def test_what_is_filled_in_another_way_is_no_difference(now: Made) -> None:
    assert compare(make("member", SERIAL), now) == []


def test_a_value_that_was_derived_is_filled_by_who_derives_it() -> None:
    derived = MovedRows(table="member", to="account", key={"id": "'m' || r.id"})
    assert compare(make("member", SERIAL), make("account", FILLED), [*CHANGES[:2], derived]) == []


@pytest.mark.parametrize(
    ("was", "now", "repair"),
    [
        (SERIAL, {}, "ALTER TABLE public.account ALTER COLUMN id SET NOT NULL;\nALTER TABLE"),
        ({"default": "7"}, FILLED, "ALTER TABLE public.account ALTER COLUMN id SET DEFAULT 7;"),
        ({"generated": "(a + 1)"}, FILLED, ""),
    ],
)
def test_what_may_be_meant_is_a_warning(was: Mapping[str, str], now: Mapping[str, str], repair: str) -> None:
    (found,) = compare(make("member", was), make("account", now))
    assert found.level == "warning"
    assert found.repair.startswith(repair)
    assert bool(found.repair) == bool(repair)


def test_no_default_is_the_default_null() -> None:
    assert compare(make("member", {"default": "NULL::integer"}), make("account", FILLED)) == []


@pytest.mark.parametrize(("enabled", "level"), [("O", "told"), ("D", "blocker")])
def test_a_trigger_may_fill_it_where_it_fires(enabled: str, level: str) -> None:
    after = make("account", FILLED) | part("trigger", "f", "account", {"definition": FILLS, "enabled": enabled})
    assert [one.level for one in compare(make("member", SERIAL), after)] == [level]


def test_ids_that_rows_are_known_by_beside_new_ones_are_told() -> None:
    ids = NewIds(table="account", column="number", by=("id",))
    assert [one.level for one in compare(make("member", SERIAL), make("account", FILLED), [*CHANGES, ids])] == ["told"]


def test_a_sequence_that_is_there_still_goes_on() -> None:
    kept = {"default": "nextval('public.numbers'::regclass)"}
    there = next(iter(relation("numbers", kind="sequence").items()))
    (found,) = compare(make("member", kept), make("account", FILLED) | dict([there]))
    assert found.repair == f"ALTER TABLE public.account ALTER COLUMN id SET DEFAULT {kept['default']};"


def test_a_text_or_what_counted_in_other_steps_has_no_repair() -> None:
    (found,) = compare(make("member", SERIAL), make("account", FILLED, "text"))
    assert not found.repair
    steps = relation("member_id_seq", {"owned by": "public.member.id", "increment": "-2"}, "sequence")
    (found,) = compare(make("member", SERIAL) | steps, make("account", FILLED))
    assert not found.repair


@pytest.mark.parametrize(("other", "level"), [(SERIAL, "blocker"), ({}, "warning")])
def test_rows_of_two_tables_are_counted_where_both_were(other: Mapping[str, str], level: str) -> None:
    beside = MovedRows(table="guest", to="account", key={"id": "r.id"})
    changes = [*CHANGES, GoneTable(table="guest"), beside]
    found = compare(make("member", SERIAL) | make("guest", other), make("account", FILLED), changes)
    assert {one.level for one in found} == {level}


def test_a_table_that_was_there_and_was_filled_by_nothing_needs_nothing() -> None:
    before = make("member", SERIAL) | make("account", FILLED)
    assert [one.level for one in compare(before, make("account", FILLED), CHANGES[1:])] == ["told"]


def test_rows_that_were_split_are_counted_in_one_part() -> None:
    part_of = MovedRows(table="member", to="profile", key={"id": "r.id"})
    after = make("account", IDENTITY) | make("profile", FILLED)
    found = compare(make("member", SERIAL), after, [*CHANGES, NewTable(table="profile"), part_of])
    assert [(one.level, one.name.table) for one in found] == [("told", "profile")]
    half: list[Change] = [
        NewTable(table="profile"),
        MovedRows(table="member", to="profile", key={"id": "r.id"}, where="r.id > 5"),
    ]
    halves: list[Change] = [
        *CHANGES[:2],
        MovedRows(table="member", to="account", key={"id": "r.id"}, where="r.id <= 5"),
        *half,
    ]
    found = compare(make("member", SERIAL), after, halves)
    assert [(one.level, one.name.table) for one in found] == [("blocker", "profile")]


def test_a_domain_fills_its_columns() -> None:
    domain = relation("number", {"default": "5"}, "type")
    assert compare(make("member", SERIAL), make("account", FILLED, "public.number") | domain) == []
