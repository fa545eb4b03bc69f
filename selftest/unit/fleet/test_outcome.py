"""What the judgement of one database came to: GO, a verdict, or neither."""

import pytest

from postmigration.fleet.outcome import Outcome
from selftest.fleet.conftest import outcome


@pytest.mark.parametrize(
    ("found", "go", "judged"),
    [
        (outcome("a"), True, True),
        (outcome("a", word="PARTIAL"), False, True),
        (outcome("a", 1), False, True),
        (outcome("a", 2), False, False),
        (outcome("a", 3), False, False),
        (outcome("a", 4, word="GO"), False, False),
    ],
    ids=lambda case: case.word if isinstance(case, Outcome) else str(case),
)
def test_only_go_is_go(found: Outcome, go: bool, judged: bool) -> None:
    assert (found.go, found.judged) == (go, judged)
