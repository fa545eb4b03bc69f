"""The plugin opens the databases, gives each check its target, and turns how a check ended into its result."""

import pytest

from selftest.conftest import Scratch
from selftest.unit.gate.projects import PASSES, judge_shop

SOURCE = """
@plan
def test_it(target):
    target.expect(target.value("SELECT count(*) FROM orders") == 2, "two orders")
def test_refused(target):
    target.value("SELECT 1 FROM gone")
def test_wrong(target):
    target.expect(False, "nothing is lost")
def test_both(target):
    from postmigration import NotJudged
    target.expect(False, "what was seen before counts")
    raise NotJudged("locked")
def test_looks_at_nothing():
    pass
def test_broken(target):
    1 / 0
def test_of_a_backup(backup):
    pass
"""


def test_how_each_check_ended_is_its_result(scratch: Scratch, shop: str) -> None:
    judged = judge_shop(scratch, shop, SOURCE)
    assert {result.check: result.outcome for result in judged.results} == {
        "1": "passed",
        "refused": "failed",
        "wrong": "failed",
        "both": "failed",
        "looks_at_nothing": "not judged",
        "broken": "broken",
    }
    # The plan comes first, and what needs a backup is left out without one.
    assert min(judged.results, key=lambda result: result.position).check == "1"
    assert "1 deselected" in judged.output
    assert "relation" in judged.evidence("refused")
    assert judged.output.splitlines()[0].startswith("=")
    assert "judging:" in judged.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--strict", "--allow-partial"), "--strict and --allow-partial contradict each other: leave one out"),
        (("--baseline=gone.dump",), "--baseline: no such file: gone.dump"),
        (("--evidence-rows=0",), "--evidence-rows=0: want 1 or more"),
        (("--dburl=postgresql://judge:geheim@h/x",), "unrecognized arguments: --dburl (did you mean --db-url?)"),
    ],
    ids=str,
)
def test_a_wrong_call_is_one_line(scratch: Scratch, shop: str, options: tuple[str, ...], said: str) -> None:
    judged = judge_shop(scratch, shop, PASSES, *options)
    assert judged.status == 4
    assert said in judged.output
    assert "geheim" not in judged.output
    assert "Traceback" not in judged.output
