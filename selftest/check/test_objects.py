"""Every loss, weakening and widening of objects turns its check red and no other; what is sound turns none."""

from __future__ import annotations

import pytest

from selftest.check import object_faults, privilege_faults
from selftest.check.conftest import Change
from selftest.check.judging import Verdict, judge
from selftest.check.object_faults import Fault
from selftest.check.sound_objects import SOUND

BLOCKERS = (*object_faults.BLOCKERS, *privilege_faults.BLOCKERS)
WARNINGS = (*object_faults.WARNINGS, *privilege_faults.WARNINGS)
MODULES = ("test_objects", "test_privileges", "test_settings", "test_extensions")


def judged(changed: Change, fault: Fault) -> Verdict:
    before, after = changed(fault.sql, undo=fault.undo)
    return judge(before, after, only=MODULES)


def skip_older(request: pytest.FixtureRequest, fault: Fault) -> None:
    version = request.node.callspec.params["world"]
    if version < fault.since:
        pytest.skip(reason=f"PostgreSQL {version} has no such thing")


@pytest.mark.parametrize("fault", BLOCKERS, ids=lambda fault: fault.sql[:80])
def test_a_fault_turns_its_check_red_and_no_other(
    fault: Fault, changed: Change, request: pytest.FixtureRequest
) -> None:
    skip_older(request, fault)
    verdict = judged(changed, fault)
    assert [name for name in verdict.red() if fault.check not in name] == [], verdict.words("blocker")
    assert verdict.red(), verdict.words("warning")
    assert any(fault.words in words for words in verdict.words("blocker")), verdict.words("blocker")


@pytest.mark.parametrize("fault", WARNINGS, ids=lambda fault: fault.sql[:80])
def test_what_may_be_meant_is_a_warning(fault: Fault, changed: Change, request: pytest.FixtureRequest) -> None:
    skip_older(request, fault)
    verdict = judged(changed, fault)
    assert not verdict.red(), verdict.words("blocker")
    assert [name for name in verdict.yellow() if fault.check not in name] == [], verdict.words("warning")
    assert any(fault.words in words for words in verdict.words("warning")), verdict.words("warning")


@pytest.mark.parametrize("what", SOUND)
def test_what_is_sound_is_accused_of_nothing(what: str, changed: Change) -> None:
    before, after = changed(SOUND[what])
    verdict = judge(before, after, only=MODULES)
    assert not verdict.red(), verdict.words("blocker")
    assert not verdict.yellow(), verdict.words("warning")
