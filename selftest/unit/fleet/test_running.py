"""All databases of a fleet are judged, and each outcome is handed on once."""

from concurrent.futures import ThreadPoolExecutor

import msgspec

from postmigration.fleet.outcome import Judged, Outcome, Task
from postmigration.fleet.running import ATTEMPTS, judge_all
from postmigration.model.errors import CannotJudge
from selftest.fleet.conftest import outcome, task


def test_whoever_dies_is_replaced_and_a_verdict_is_never_asked_for_again() -> None:
    calls: list[str] = []

    def judge(asked: Task) -> Judged:
        calls.append(asked.name)
        if asked.name == "lost":
            raise RuntimeError("its workers died")
        if asked.name == "refused":
            raise CannotJudge("a worker is neither encrypted nor here")
        died = asked.name == "dies" or (asked.name == "dies once" and calls.count("dies once") == 1)
        found = outcome(asked.name, {"no": 1, "cannot": 4}.get(asked.name, 0))
        return Judged(msgspec.structs.replace(found, died=True, status=3) if died else found, {})

    kept: dict[str, Outcome] = {}
    names = ["yes", "no", "cannot", "dies", "dies once", "lost", "refused"]
    with ThreadPoolExecutor(2) as executor:
        judge_all(executor, judge, map(task, names), lambda judged: kept.update({judged.outcome.name: judged.outcome}))
    assert {name: calls.count(name) for name in names} == {
        **dict.fromkeys(names, 1),
        "dies": ATTEMPTS,
        "dies once": 2,
    }
    assert {name: each.status for name, each in kept.items()} == {
        "yes": 0,
        "no": 1,
        "cannot": 4,
        "dies": 3,
        "dies once": 0,
        "lost": 3,
        "refused": 4,
    }
    assert kept["lost"].sentence == "whoever judged it failed: RuntimeError: its workers died"
