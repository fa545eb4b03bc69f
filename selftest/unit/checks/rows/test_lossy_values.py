import pytest

from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.changes import Change, DerivedValue, GoneTable, MovedRows, NewColumn, NewTable
from postmigration.model.migration import Migration
from postmigration.postgres.connection import Snapshot
from selftest.tiers import few
from selftest.unit.uncommitted import Fill

# How a value was held, as what it is now; a value that the type holds, and one of which it loses something, if any.
CASTS = {
    "numeric to integer": ("numeric", "integer", "7.0", "7.4"),
    "numeric to bigint": ("numeric(12,2)", "bigint", "7.00", "7.50"),
    "float to integer": ("double precision", "smallint", "7", "7.4"),
    "tiny float to integer": ("double precision", "integer", "0", "1e-07"),
    "timestamp to date": ("timestamp", "date", "2024-03-01 00:00:00", "2024-03-01 00:00:00.5"),
    "timestamptz to date": ("timestamptz", "date", "2024-03-01 00:00:00+00", "2024-03-01 12:00:00+00"),
    "text to date": ("text", "date", "2024-03-01T00:00:00.000Z", "2024-03-01T12:00:00Z"),
    "timestamp to time": ("timestamp", "time", "", "2024-03-01 12:00:00"),
    "text to varchar(n)": ("text", "varchar(3)", "abc", "abcd"),
    "text to char(n)": ("text", "char(3)", "abc", "abcd"),
    "numeric to fewer decimals": ("numeric", "numeric(8,1)", "1.50", "1.55"),
    "numeric to real": ("numeric", "real", "0.1", "0.1234567891"),
    "double to real": ("double precision", "real", "0.5", "0.1234567891"),
    "real to double": ("real", "double precision", "0.1", ""),
    "real to integer": ("real", "integer", "1500000", "1234567.5"),
    "timestamp to fewer digits": ("timestamp", "timestamp(0)", "2024-03-01 01:00:00", "2024-03-01 01:00:00.25"),
    "integer to boolean": ("integer", "boolean", "1", "5"),
}


def hold(value: str, type_: str) -> str:
    """What makes a table of before with a value."""
    return f"CREATE TABLE old (id int PRIMARY KEY, v {type_}); INSERT INTO old VALUES (1, '{value}'), (2, NULL)"


def cast(value: str, was: str, now: str) -> str:
    """What makes a table of now with what became of it."""
    values = f"(1, CAST(CAST('{value}' AS {was}) AS {now})), (2, NULL)"
    return f"CREATE TABLE new (id int PRIMARY KEY, w {now}); INSERT INTO new VALUES {values}"


def examine(before: Snapshot, after: Snapshot, *changes: Change) -> list[str]:
    found = RowExamination(before, after, ["public"], migration=Migration("m", changes=changes)).compare()
    assert found.unjudged == []
    return [finding.statement for finding in found.findings]


def move(value: str) -> tuple[Change, ...]:
    moved = MovedRows(table="old", to="new", key={"id": "r.id"}, columns={"w": value})
    return GoneTable(table="old"), NewTable(table="new"), moved


@pytest.mark.parametrize("case", few([case for case, (_, _, kept, _) in CASTS.items() if kept]))
def test_a_cast_that_loses_nothing_is_a_move(was: Fill, now: Fill, case: str) -> None:
    old, new, kept, _ = CASTS[case]
    assert examine(was(hold(kept, old)), now(cast(kept, old, new)), *move("r.v")) == []


@pytest.mark.parametrize("case", few([case for case, (_, _, _, lost) in CASTS.items() if lost]))
def test_a_cast_that_loses_something_is_a_finding_unless_it_is_declared(was: Fill, now: Fill, case: str) -> None:
    old, new, _, lost = CASTS[case]
    before, after = was(hold(lost, old)), now(cast(lost, old, new))
    (words,) = examine(before, after, *move("r.v"))
    assert words.startswith("new: 1 row differs in w")
    assert examine(before, after, *move(f"CAST(r.v AS {new})")) == []


def test_a_computed_value_that_the_column_rounds_is_a_finding(was: Fill, now: Fill) -> None:
    before = was("CREATE TABLE t (id int PRIMARY KEY, price numeric); INSERT INTO t VALUES (1, 1.255), (2, 1.25)")
    after = now(
        "CREATE TABLE t (id int PRIMARY KEY, price numeric, cents int); "
        "INSERT INTO t VALUES (1, 1.255, 126), (2, 1.25, 125)"
    )
    added = NewColumn(table="t", column="cents")
    for value, wrong in (("r.price * 100", 1), ("round(r.price * 100)", 0), ("r.price > 2", 2)):
        found = examine(before, after, added, DerivedValue(table="t", column="cents", value=value))
        assert [words.partition(" in ")[0] for words in found] == [
            f"t: {wrong} row{'s' * (wrong != 1)} differ{'s' * (wrong == 1)}"
        ] * bool(wrong)
