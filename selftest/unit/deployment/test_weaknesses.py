"""What let a record say yes where it would otherwise have said no."""

from msgspec.structs import replace

from postmigration.deployment.weaknesses import describe_baseline, has_source, knows_baseline, list_weaknesses
from selftest.deployment.plans import verify
from selftest.deployment.records import GO, check, make, store


def test_what_weakened_a_record_is_listed() -> None:
    weak = make(weakened=("--waivers", "-k rows"))
    assert list_weaknesses(store(weak)[0], []) == ["gate of 2026-11-28 12:05 UTC was weakened: --waivers; -k rows"]
    alone = replace(verify(), baseline=None)
    (said,) = list_weaknesses(store(alone)[0], store(alone))
    assert said.endswith("compared the backup with nothing (--against)")
    assert list_weaknesses(store(GO)[0], []) == []


def test_a_check_that_other_declarations_leave_out_is_missed() -> None:
    red = make(-60, checks=(check(1, outcome="failed"),), status=1, declarations="a" * 64)
    without = make(checks=(check(2),), declarations="b" * 64)
    (said,) = list_weaknesses(store(without)[0], store(red, without))
    assert said.startswith("gate of 2026-11-28 12:05 UTC was without tests/test_plan.py::test_1, which gate of")


def test_another_state_before_is_told() -> None:
    verified = verify()
    assert verified.baseline is not None
    everything = store(verified, make(baseline=verified.baseline))
    assert has_source(verified.environment, everything)
    assert knows_baseline(everything[1], everything)
    other = make(baseline=replace(verified.baseline, label="gate@elsewhere:5432/app", oid="1"))
    stored = store(verified, other)
    assert not knows_baseline(stored[1], stored)
    assert describe_baseline(stored[1]).startswith("gate of 2026-11-28 12:05 UTC was compared with gate@elsewhere:5432")
    assert not has_source("development", stored)
