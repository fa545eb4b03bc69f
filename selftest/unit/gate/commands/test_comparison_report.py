"""What a comparison prints of each table: for people, or as a line of JSON."""

import io
import json

import pytest
from rich.console import Console

from postmigration.diff.row_diff import Comparison
from postmigration.diff.row_sets import Difference
from postmigration.diff.table_diff import TableComparison
from postmigration.gate.commands.comparison_report import Writer

EQUAL = TableComparison("orders", ("id",), ("id",), rows=Comparison(1_200, 1_200, {}, 0, {}, ()))
CHANGED = TableComparison(
    "people",
    ("id", "mail"),
    ("id",),
    frozenset({"id"}),
    Comparison(
        2, 3, {"changed": 1, "extra": 1}, 0, {}, (Difference("changed", ("7",), ("7", "ann@example.com"), ("7", None)),)
    ),
    candidates=(("8",),),
    lost=("column phone is gone",),
    notes=("collations differ",),
)
UNREAD = TableComparison("locked\x1b", reason="it is locked")


def _print(*results: TableComparison, show_values: bool = False) -> str:
    stream = io.StringIO()
    writer = Writer(as_json=False, show_values=show_values, console=Console(file=stream, width=100, highlight=False))
    for result in results:
        writer.table(result)
    assert writer.results == list(results)
    return stream.getvalue()


def test_a_table_that_is_equal_is_one_line() -> None:
    assert _print(EQUAL) == "orders: equal: 1,200 rows\n"


def test_what_differs_is_shown_without_what_tells_of_a_person() -> None:
    printed = _print(CHANGED)
    assert printed.startswith("people: different: 1 changed, 1 extra\n    2 rows, now 3\n    column phone is gone\n")
    assert "collations differ" in printed
    assert [line.strip() for line in printed.splitlines()[-2:]] == ["id", "8"]
    assert "ann@example.com" not in printed
    assert "ann@example.com" in _print(CHANGED, show_values=True)


def test_what_could_not_be_compared_is_told_elsewhere() -> None:
    assert _print(UNREAD) == ""


@pytest.mark.parametrize("show_values", [True, False])
def test_programs_get_an_object_for_each_table(capsys: pytest.CaptureFixture[str], show_values: bool) -> None:
    writer = Writer(as_json=True, show_values=show_values, console=Console())
    for result in (EQUAL, CHANGED, UNREAD):
        writer.table(result)
    equal, changed, unread = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (equal["equal"], equal["rows_baseline"], equal["rows_target"]) == (True, 1_200, 1_200)
    assert (changed["changed"], changed["extra"], changed["problems"]) == (1, 1, ["column phone is gone"])
    assert changed["candidates"] == [{"id": "8"}]
    (difference,) = changed["differences"]
    assert (difference["kind"], difference["key"]) == ("changed", {"id": "7"})
    assert difference["columns"]["mail"]["have"] is None
    assert (difference["columns"]["mail"]["want"] == "ann@example.com") is show_values
    assert unread == {"table": "locked\x1b", "equal": None, "error": "it is locked"}
