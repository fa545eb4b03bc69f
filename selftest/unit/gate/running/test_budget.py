"""The time that a run may take as a whole is read as people write it, and counts from when it was started."""

import datetime
import time
from argparse import Namespace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from postmigration.gate.running.budget import limit, read_budget, share_end
from postmigration.gate.session import Request
from postmigration.model.errors import CannotJudge
from postmigration.postgres.limits.limits import Limits

REQUEST = Request(
    db_url="",
    baseline=(),
    backup=(),
    schema="public",
    limits=Limits(),
    world_seed=0,
    world_size=1,
    embedded_version=18,
)


@pytest.mark.parametrize("text", ["", "10", "0s", "366d"])
def test_a_budget_is_more_than_nothing_and_a_year_at_most(text: str) -> None:
    assert read_budget("365d") == 31_536_000
    with pytest.raises(CannotJudge, match=r"^--time-budget=.*: want a time like 90s, 10m or 1h$"):
        read_budget(text)


def _limit(budget: str | None, *, prove: bool = False, joined: dict[str, Any] | None = None, ago: float = 0) -> Request:
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=ago)
    config = SimpleNamespace(option=Namespace(time_budget=budget, prove=prove), add_cleanup=lambda _: None)
    return limit(REQUEST, cast(pytest.Config, config), joined, started)


def test_it_counts_from_when_the_run_was_started() -> None:
    deadline = _limit("10m", ago=100).limits.deadline
    assert deadline is not None
    assert deadline.budget == "10m"
    assert 490 < deadline.at - time.monotonic() <= 500


def test_all_processes_of_a_run_end_at_the_same_time() -> None:
    request = _limit("10m", joined={"end": 1_234.5})
    assert share_end(request.limits.deadline) == {"end": 1_234.5}
    assert share_end(None) == {}


def test_without_a_budget_a_run_takes_its_time() -> None:
    assert _limit(None) is REQUEST
    with pytest.raises(CannotJudge, match=r"^--prove takes a time of its own: leave out --time-budget"):
        _limit("10m", prove=True)
