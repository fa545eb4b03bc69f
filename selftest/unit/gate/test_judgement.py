"""A session gathers the results of its checks, and ends with the verdict that they come to."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from postmigration.deployment.records.store import read_records
from postmigration.gate.judgement import Judgement, is_worker
from postmigration.model.migration import Migration
from selftest.conftest import Scratch
from selftest.unit.gate.projects import PASSES, judge_shop
from selftest.unit.results import make_result


@pytest.mark.parametrize(
    ("source", "options", "status", "said"),
    [
        (PASSES, (), 0, "GO: 1 of 1 plan checks passed, 1 row examined"),
        (PASSES.replace("True", "False"), (), 1, "NO-GO: 1 of 1 plan checks failed"),
        (
            f"{PASSES}def test_more(target): pytest.skip('late')\n",
            ("-k", "more"),
            4,
            "PARTIAL: 1 check beyond the plan",
        ),
    ],
    ids=["go", "no-go", "partial"],
)
def test_what_the_checks_come_to(
    scratch: Scratch, shop: str, source: str, options: tuple[str, ...], status: int, said: str
) -> None:
    records = scratch.directory / "records"
    judged = judge_shop(scratch, shop, source, f"--record-dir={records}", *options)
    assert (judged.status, judged.last_line[: len(said)]) == (status, said)
    told = json.loads((scratch.directory / "reports" / "validation.json").read_text())
    assert told["verdict"]["exit_status"] == status
    (stored,) = read_records([records]).stored
    assert (stored.record.command, stored.record.status) == ("gate", status)


def test_checks_that_cannot_be_read_are_an_error_of_ours(scratch: Scratch, shop: str) -> None:
    judged = judge_shop(scratch, shop, f"{PASSES}1 / 0\n")
    assert judged.status == 3
    assert judged.last_line.startswith("ERROR: ")


def _report(judgement: Judgement, nodeid: str, outcome: str) -> None:
    told = make_result(outcome, nodeid=nodeid).to_dict()
    report = SimpleNamespace(postmigration=told, failed=outcome == "failed", nodeid=nodeid, longrepr=None)
    judgement.pytest_runtest_logreport(cast(pytest.TestReport, report))


def test_a_result_is_not_lost_behind_a_later_one() -> None:
    config = SimpleNamespace(option=SimpleNamespace(evidence_rows=5), stash=pytest.Stash())
    judgement = Judgement(cast(pytest.Config, config), Migration("shop"), Path("/tests"))
    for nodeid, outcomes in {"a": ("passed", "broken"), "b": ("failed", "broken"), "c": ("passed",)}.items():
        for outcome in outcomes:
            _report(judgement, nodeid, outcome)
    assert {nodeid: result.outcome for nodeid, result in judgement.results.items()} == {
        "a": "broken",
        "b": "failed",
        "c": "passed",
    }


def test_a_worker_is_told_from_the_process_that_has_the_verdict() -> None:
    assert is_worker(cast(pytest.Config, SimpleNamespace(workerinput={})))
    assert not is_worker(cast(pytest.Config, SimpleNamespace()))
