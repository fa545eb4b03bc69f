"""Each fault turns exactly the checks red that it breaks, and the evidence says what is wrong."""

import inspect
import re

import pytest

from postmigration.model.faults import Fault
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from selftest.conftest import ROOT, Copy, Judge
from selftest.faults import FAULTS


def judged_red(fault: Fault, server: embedded.Server, copy: Copy, judge: Judge, *, world: str) -> None:
    legacy, migrated = f"legacy{world}", copy(f"migrated{world}")
    if fault.before:
        legacy = copy(legacy)
    with server.connect(legacy if fault.before else migrated) as connection:
        if fault.needs_icu and not connection.execute("SELECT FROM pg_collation WHERE collname = 'und-x-icu'").rowcount:
            pytest.skip(reason="this PostgreSQL was built without ICU")
        run_script(connection, fault.path)
    baseline = [f"--baseline={server.conninfo(legacy)}"] if fault.against_baseline else []
    judged = judge(f"--db-url={server.conninfo(migrated)}", *baseline, *fault.options)
    assert judged.red() == fault.red, judged.output
    assert not [result for result in judged.results if result.outcome == "broken"], judged.output
    assert fault.says in judged.evidence(fault.check)
    assert {result.check for result in judged.results if result.evidence.warnings} >= fault.warns
    assert judged.status == (1 if fault.red else 0)
    whole = not any(option.startswith("--deselect") for option in fault.options)
    assert judged.last_line.startswith(("NO-GO: " if whole else "PARTIAL: ") if fault.red else "GO: ")


@pytest.mark.in_turn
@pytest.mark.parametrize("fault", [f for f in FAULTS if not f.size], ids=lambda fault: fault.path.stem)
def test_a_fault_turns_exactly_its_checks_red(fault: Fault, server: embedded.Server, copy: Copy, judge: Judge) -> None:
    judged_red(fault, server, copy, judge, world="")


@pytest.mark.in_turn
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.size], ids=lambda fault: fault.path.stem)
def test_a_fault_of_a_large_world_turns_exactly_its_checks_red(
    fault: Fault, server: embedded.Server, large_world: str, copy: Copy, judge: Judge
) -> None:
    judged_red(fault, server, copy, judge, world=large_world)


def test_every_check_has_a_fault() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    plan = set(re.findall(r"mark\.plan\(\s*(\d+)", sources))
    beyond = set(
        re.findall(r"^def test_(\w+)", re.sub(r"@pytest\.mark\.plan\([^@]*?\ndef test_\w+", "", sources), re.M)
    )
    assert len(plan) == 29
    # A backup has faults of its own, which no script can make in a database: rehearsal/test_backup_check.py.
    beyond -= {"the_backup_holds_the_state_before"}
    assert plan | beyond == {fault.check for fault in FAULTS}


def test_every_fault_says_what_happened() -> None:
    assert all(inspect.cleandoc(fault.what).endswith((".", ").")) for fault in FAULTS)
