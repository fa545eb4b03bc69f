"""What is the same is not accused, however it was written, stored and constrained."""

import pytest

from postmigration.diff.table_diff import TableComparison
from selftest.comparison.cases import Case
from selftest.comparison.stored import STORED
from selftest.comparison.written import WRITTEN


@pytest.mark.parametrize("case", [*STORED, *WRITTEN], ids=lambda case: case.name)
def test_what_is_the_same_is_not_accused(case: Case, compared: dict[str, TableComparison]) -> None:
    result = compared[case.name]
    assert not result.reason
    assert result.rows is not None
    assert not result.rows.differences
    assert not result.problems
    assert result.equal
    assert result.rows.want_rows == result.rows.have_rows
    assert result.rows.want_rows or case.name == "no rows"
