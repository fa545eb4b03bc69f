"""While checks run, it is said what runs for how long and what is left, and what blocks as soon as it is found."""

from types import SimpleNamespace
from typing import Any

import pytest

from postmigration.gate.running.progress import Progress, State
from selftest.conftest import Scratch
from selftest.unit.gate.projects import PASSES, judge_shop


@pytest.fixture
def state() -> State:
    return State({"t::test_a": 100.0, "t::test_b_c": 300.0, "t::test_d": 600.0}, began=1_000.0)


def test_a_line_says_what_runs_for_how_long_and_what_is_left(state: State) -> None:
    assert state.describe(1_000.0) == ""
    state.begin("t::test_a", 1_000.0)
    assert state.describe(1_001.0) == "0 of 3, a for 1 s"
    state.end("t::test_a")
    state.begin("t::test_b_c", 1_010.0)
    assert state.describe(1_020.0) == "1 of 3, b c for 10 s; about 3 min left"
    state.begin("t::test_d", 1_015.0)
    assert state.describe(1_020.0, 61.0) == (
        "1 of 3, b c for 10 s and 1 more; about 3 min left; 1 min 1 s of the time budget"
    )


def test_a_line_says_for_how_long_it_waits(state: State) -> None:
    state.wait("others are active", 1_000.0)
    state.wait("more are active", 1_060.0)
    assert state.describe(1_061.0) == "0 of 3, waiting for 1 min 1 s: more are active"
    state.begin("t::test_a", 1_062.0)
    assert state.describe(1_063.0) == "0 of 3, a for 1 s"
    state.end("t::test_a")
    assert state.describe(1_063.0) == ""


def test_an_estimate_is_made_when_it_is_no_guess(state: State) -> None:
    assert state.estimate(1_100.0) is None
    state.end("t::test_a")
    assert state.estimate(1_002.0) is None
    assert state.estimate(1_010.0) == 90.0


def test_a_worker_that_replaces_another_begins_nothing_anew() -> None:
    run: Any = SimpleNamespace(shared={"sizes": {}})
    found: dict[str, Any] = {nodeid: SimpleNamespace(function=None, nodeid=nodeid) for nodeid in ("t::a", "t::b")}
    progress = Progress(SimpleNamespace(), run, lambda: found)  # type: ignore[arg-type]
    progress.pytest_xdist_node_collection_finished(list(found))
    progress._state.end("t::a")
    progress._state.begin("t::b", 0.0)
    progress.pytest_xdist_node_collection_finished(list(found))
    assert progress._state.describe(1.0) == "1 of 2, b for 1 s"


def test_what_blocks_is_said_at_once_and_once(scratch: Scratch, shop: str) -> None:
    judged = judge_shop(scratch, shop, PASSES.replace("True", "False"))
    told = [line for line in judged.output.splitlines() if line.startswith("✘ check 1, Scratch: A check: ")]
    assert told == ["✘ check 1, Scratch: A check: all is well"]
