"""A statement may take as long as it is allowed to, and no longer than the run."""

import pytest

from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.limits.limits import Limits


def test_without_a_deadline_each_statement_has_its_time() -> None:
    assert Limits(5_000, 1_000).statement_left == 5_000


@pytest.mark.parametrize(("left", "milliseconds"), [(60.0, 5_000), (1.5, 1_500), (0.0001, 1), (0.0, 1)])
def test_no_statement_outlives_the_run(monkeypatch: pytest.MonkeyPatch, left: float, milliseconds: int) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 1_000.0)
    limits = Limits(5_000, deadline=Deadline("1m", 1_000.0 + left))
    assert limits.statement_left == milliseconds
    # How long it may take is no part of what is asked.
    assert limits == Limits(5_000)


def test_what_concludes_after_the_end_has_its_time_again() -> None:
    deadline = Deadline("1m", 0.0)
    deadline.lift()
    assert Limits(5_000, deadline=deadline).statement_left == 5_000
