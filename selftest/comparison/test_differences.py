"""Each single difference is found, with its key and its column, and nothing else is."""

from collections import Counter

import pytest

from postmigration.diff.table_diff import TableComparison
from selftest.comparison.cases import Case
from selftest.comparison.shapes import SHAPES
from selftest.comparison.structures import STRUCTURES
from selftest.comparison.values import VALUES


def as_found(result: TableComparison) -> Counter[tuple[str, tuple[str | None, ...], tuple[str, ...]]]:
    assert result.rows is not None, result.reason
    return Counter(
        (found.kind, found.key, tuple(result.columns[i] for i in found.columns())) for found in result.rows.differences
    )


@pytest.mark.parametrize("case", [*VALUES, *STRUCTURES, *SHAPES], ids=lambda case: case.name)
def test_a_difference_is_found_for_what_it_is(case: Case, compared: dict[str, TableComparison]) -> None:
    result = compared[case.name]
    assert as_found(result) == Counter(case.found)
    assert result.rows is not None
    kinds = Counter(kind for kind, *_ in case.found)
    assert result.rows.counts == {kind: kinds[kind] for kind in ("missing", "extra", "changed")}
    assert result.problems == case.problems
    assert not result.equal
