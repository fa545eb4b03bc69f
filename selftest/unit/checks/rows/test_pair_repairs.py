from dataclasses import replace

import pytest

from postmigration.checks.contents.tables import Column, Relation
from postmigration.checks.rows.declared import TableChanges
from postmigration.checks.rows.pair_repairs import bring_back_column, repair_pair
from postmigration.checks.rows.pairs import Pair, pair_tables
from postmigration.diff.row_diff import Comparison
from postmigration.diff.row_sets import Difference

COLUMNS = {
    name: Column(name, type_, filled, "", type_, type_, i)
    for i, (name, type_, filled) in enumerate([("id", "integer", True), ("note", "text", False), ("vat", "text", True)])
}
WAS = Relation("public", "stay", "r", 1, False, False, "p", True, False, False, 1, "", (), COLUMNS, (("id",),))
NOW = replace(WAS, columns={name: COLUMNS[name] for name in ("id", "note")})
FOUND = Comparison(
    2,
    1,
    {"missing": 1, "extra": 0, "changed": 1},
    0,
    {},
    (Difference("missing", ("1",), ("1", "a"), None), Difference("changed", ("2",), ("2", "b"), ("2", "c"))),
)


@pytest.fixture
def pair() -> Pair:
    found = pair_tables(WAS, NOW, only=False, zone="UTC", pages=1)
    assert found is not None
    return found


def test_a_lost_column_comes_back_with_its_values(pair: Pair) -> None:
    repair = bring_back_column(pair, "vat")
    assert "ALTER TABLE public.stay ADD COLUMN IF NOT EXISTS vat text;" in repair
    assert "SET NOT NULL" in repair
    assert "SELECT id, vat FROM public.stay" in repair


def test_a_column_that_is_computed_is_no_value_to_bring_back(pair: Pair) -> None:
    columns = {**COLUMNS, "vat": replace(COLUMNS["vat"], generated="s")}
    assert bring_back_column(replace(pair, was=replace(WAS, columns=columns)), "vat") == ""
    assert bring_back_column(replace(pair, now=replace(NOW, kind="v")), "vat") == ""


def test_rows_that_differ_become_again_what_they_were(pair: Pair) -> None:
    repair = repair_pair(pair, FOUND, shown=True, zone="UTC")
    assert "INSERT INTO public.stay (id, note)" in repair
    assert "'2'" in repair
    assert "'2'" not in repair_pair(pair, FOUND, shown=False, zone="UTC")


def test_a_generated_column_is_not_written(pair: Pair) -> None:
    columns = {**NOW.columns, "note": replace(COLUMNS["note"], generated="s")}
    repair = repair_pair(replace(pair, now=replace(NOW, columns=columns)), FOUND, shown=True, zone="UTC")
    assert "INSERT INTO public.stay (id)" in repair


def test_rows_of_which_something_is_declared_are_not_repaired(pair: Pair) -> None:
    assert repair_pair(replace(pair, changes=TableChanges()), FOUND, shown=True, zone="UTC") == ""
    assert repair_pair(replace(pair, is_new=True), FOUND, shown=True, zone="UTC") == ""
    assert repair_pair(replace(pair, now=replace(NOW, kind="f")), FOUND, shown=True, zone="UTC") == ""


def test_what_only_deletes_says_first_that_it_waits_for_a_decision(pair: Pair) -> None:
    extra = Difference("extra", ("3",), None, ("3", "c"))
    found = replace(FOUND, counts={"missing": 0, "extra": 1, "changed": 0}, differences=(extra,))
    head = repair_pair(pair, found, shown=True, zone="UTC").partition("-- on the target")[0].replace("\n-- ", " ")
    assert head.startswith('-- nothing is deleted until you remove the "-- once decided:", once product has decided: ')
    # No rows travel, and no file holds them.
    assert "baseline" not in head
    assert "file" not in head
    # A key that says who somebody is does not stand in it: the rows are told by those of the baseline.
    hidden = repair_pair(pair, found, shown=False, zone="UTC")
    assert hidden.startswith("-- nothing is deleted until")
    assert "The first part is run on the baseline" in hidden.replace("\n-- ", " ")
    assert "nothing is deleted" not in repair_pair(pair, FOUND, shown=True, zone="UTC")
    # Rows that nothing tells apart are exchanged as a whole, or not at all.
    unkeyed = repair_pair(
        replace(pair, key=()), replace(found, counts={**found.counts, "missing": 2}), shown=True, zone="UTC"
    )
    assert unkeyed.startswith("-- nothing is changed until you remove")


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("timestamp without time zone", "timestamp with time zone", 2),
        ("timestamp with time zone", "timestamp without time zone", 2),
        ("timestamp with time zone", "timestamp with time zone", 0),
    ],
)
def test_both_sides_read_times_in_the_zone_in_which_they_were_compared(
    pair: Pair, was: str, now: str, named: int
) -> None:
    sides = [
        replace(side, columns={**side.columns, "note": Column("note", type_, False, "", type_, type_, 1)})
        for side, type_ in ((WAS, was), (NOW, now))
    ]
    repair = repair_pair(replace(pair, was=sides[0], now=sides[1]), FOUND, shown=True, zone="Europe/Zurich")
    assert repair.count("SET LOCAL TimeZone = 'Europe/Zurich';") == named
    # On the baseline it holds within a transaction only.
    assert repair.partition("-- on the target")[0].count("BEGIN;") == named / 2
