"""No selftest is lost between the tiers, and they run however they are started."""

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selftest.conftest import ROOT
from selftest.servers import VERSIONS
from selftest.test_faults import EVERYWHERE, IN_TURN, ONCE
from selftest.tiers import TIERS, few, name_group, tier_of


class Ledger:
    """Writes down each case that is collected: its tier, its file, its function and its values."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        rows = []
        for item in session.items:
            assert isinstance(item, pytest.Function)
            values = item.callspec.params if hasattr(item, "callspec") else {}
            fault = getattr(values.get("fault"), "name", "")
            file = str(item.path.relative_to(ROOT))
            rows.append([tier_of(item), file, item.originalname, fault, values.get("server")])
        self._file.write_text(json.dumps(rows))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """All cases of all tiers, collected in a process of its own: this one may run some of them only."""
    file = tmp_path_factory.mktemp("ledger") / "cases.json"
    collect = (
        "import sys, pytest; from pathlib import Path; from selftest.test_tiers import Ledger; sys.exit(pytest.main("
        "['selftest', '--collect-only', '-qq', '-p', 'no:cacheprovider', '--tier=nightly'], "
        "plugins=[Ledger(Path(sys.argv[1]))]))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, "-c", collect, file], cwd=ROOT, env=clean, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    found: list[list[Any]] = json.loads(file.read_text())
    return found


pytestmark = pytest.mark.xdist_group("ledger")


@pytest.mark.full
def test_every_fault_is_tried_in_each_tier_and_on_every_server_in_the_last(ledger: list[list[Any]]) -> None:
    for tier, function, pairs in (
        ("default", "test_a_check_finds_its_fault", [pair for pair in ONCE if not pair[0].size]),
        ("full", "test_a_fault_turns_exactly_its_checks_red", IN_TURN),
        ("nightly", "test_a_fault_turns_exactly_its_checks_red", set(EVERYWHERE) - IN_TURN),
    ):
        place = [tier, "selftest/test_faults.py", function]
        tried = [(fault, server) for *its, fault, server in ledger if its == place]
        assert sorted(tried) == sorted((fault.name, version) for fault, version in pairs)


# What takes a server under load for minutes; the default tier tries the same rules on seeded series.
NIGHTLY_ALONE = {
    ("selftest/watch/test_under_load.py", "test_each_incident_is_found_named_and_timed"),
    ("selftest/watch/test_under_load.py", "test_nothing_is_found_while_nothing_happens"),
}


@pytest.mark.full
def test_every_selftest_is_in_the_default_or_the_full_tier(ledger: list[list[Any]]) -> None:
    written = {
        (str(path.relative_to(ROOT)), node.name)
        for path in (ROOT / "selftest").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert written - {(file, name) for tier, file, name, *_ in ledger if tier != "nightly"} == NIGHTLY_ALONE


@pytest.mark.full
def test_the_newest_and_the_oldest_server_have_cases_in_the_default_tier_and_each_in_the_full_one(
    ledger: list[list[Any]],
) -> None:
    default, full = (
        {server for tier, *_, server in ledger if tier == wanted and isinstance(server, int)} for wanted in TIERS[:2]
    )
    assert (default, full) == ({max(VERSIONS), min(VERSIONS)}, set(VERSIONS))


def test_all_but_a_few_cases_are_left_to_the_full_tier() -> None:
    marks = [[mark.name for mark in getattr(case, "marks", ())] for case in few([1, 2, 3], 1)]
    assert marks == [["full"], [], ["full"]]
    pair = few([("a", 1), ("b", 2)])[1]
    assert (pair.values, [mark.name for mark in pair.marks]) == (("b", 2), ["full"])
    assert TIERS[0] == "default"


class Bare(pytest.Item):
    """A selftest that does nothing."""

    def runtest(self) -> None:
        raise NotImplementedError


def test_one_process_runs_a_group(request: pytest.FixtureRequest) -> None:
    item = Bare.from_parent(request.session, name="bare")
    alone = item.nodeid
    name_group(item)
    assert item.nodeid == alone
    item.add_marker(pytest.mark.xdist_group("of two"))
    for _ in range(2):
        name_group(item)
        assert item.nodeid == f"{alone}@of two"


def test_what_a_selftest_starts_can_be_interrupted_though_the_selftests_are_started_in_the_background() -> None:
    started = (
        "import signal; from selftest.processes import take_interrupts as t; t(); print(signal.getsignal(2).__name__)"
    )
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = subprocess.run([sys.executable, "-c", started], cwd=ROOT, capture_output=True, text=True, check=True)
    finally:
        signal.signal(signal.SIGINT, ignoring)
    assert done.stdout == "default_int_handler\n"
