"""The page of hostile conditions names selftests that there are."""

import ast
import re
from pathlib import Path

import pytest

from selftest.conftest import ROOT

PAGE = ROOT / "docs" / "conditions.md"
# Condition, exit status, what is left behind, and the selftest that tries it.
_ROW = re.compile(r"\| (\S.*) \| (-?\d.*) \| (\S.*) \| `(\S+\.py)::(\w+)` \|")


def list_rows(page: str) -> list[tuple[str, ...]]:
    """The rows of all tables of the page; one that cannot be read as a row of conditions is an error."""
    lines = [line for line in page.splitlines() if line.startswith("|") and not line.startswith(("| cond", "| ---"))]
    matches = [_ROW.fullmatch(line) for line in lines]
    unread = [line for line, match in zip(lines, matches, strict=True) if match is None]
    assert not unread, "no row of conditions"
    return [match.groups() for match in matches if match is not None]


def list_functions(path: Path) -> set[str]:
    """The names of the functions that stand in a file of selftests; none if there is no such file."""
    if not path.is_file():
        return set()
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def is_tried(row: tuple[str, ...]) -> bool:
    """Whether the selftest that a row names is in the tree."""
    *_, file, function = row
    return function in list_functions(ROOT / "selftest" / file)


@pytest.mark.parametrize("row", list_rows(PAGE.read_text()), ids=lambda row: row[0])
def test_each_condition_is_tried_by_a_selftest(row: tuple[str, ...]) -> None:
    assert is_tried(row), row
    assert re.match(r"([0-4]|-9)\b", row[1]), row


def test_there_are_sixty_and_none_stands_there_twice() -> None:
    conditions = [row[0] for row in list_rows(PAGE.read_text())]
    assert len(set(conditions)) == len(conditions) >= 60


def test_a_row_without_its_selftest_is_noticed() -> None:
    good, renamed, gone = list_rows(
        "| a | 0 | nothing | `test_safety.py::test_the_snapshot_can_only_read` |\n"
        "| a | 0 | nothing | `test_safety.py::test_that_was_renamed` |\n"
        "| a | 0 | nothing | `test_gone.py::test_the_snapshot_can_only_read` |\n"
    )
    assert (is_tried(good), is_tried(renamed), is_tried(gone)) == (True, False, False)
    with pytest.raises(AssertionError, match="no row of conditions"):
        list_rows("| a | GO | nothing | somewhere |")
