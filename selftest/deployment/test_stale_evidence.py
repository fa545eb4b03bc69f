"""Evidence of a state before that is another one, or an older one, proves nothing of the present one."""

from __future__ import annotations

from msgspec.structs import replace

from postmigration.deployment.records.record import File
from postmigration.model.migration import Criterion, Proof, Window
from selftest.deployment.plans import ACCEPTED, DUMP, HOUR, NOW, PLAN, READY, STAGED, judge, live, rehearse, verify
from selftest.deployment.records import NOON, PRODUCTION, make

CLONE = replace(PRODUCTION, system="7399", label="dba@clone:5432/app")
CLONED = (File(name="clone.dump", sha256="d" * 64),)
TAKEN = (File(name="before.fingerprint", sha256="f" * 64),)
UNPROVEN = "rehearse of 2026-11-28 11:05 UTC was of clone.dump, which no verify-backup has proven"


def test_a_rehearsal_on_the_backup_of_a_clone_does_not_count() -> None:
    # The backup of the right database was verified too, and nothing was tried on it.
    records = [STAGED, rehearse(backup=CLONED), verify(-90, baseline=CLONE, backup=CLONED), verify()]
    assert not judge(records).ready
    plan = judge(records, databases={"production": PRODUCTION})
    assert [item.reasons for item in plan.blocking] == [(UNPROVEN,)]
    records[2] = verify(-90, backup=CLONED)
    assert judge(records, databases={"production": PRODUCTION}).ready


def test_a_rehearsal_on_a_backup_that_was_verified_long_ago_does_not_count() -> None:
    proof = Proof(command="rehearse", environment="production", within_hours=24)
    point = Criterion("A", "It was rehearsed.", id="a", phase="preparation", proven_by=(proof,))
    assert judge([verify(-120), rehearse()], plan=[point]).ready
    plan = judge([verify(-24 * 60), rehearse()], plan=[point])
    assert [item.reasons for item in plan.blocking] == [(UNPROVEN.replace("clone", "before"),)]
    # Its scripts are not those of the present, which is nothing to a state before.
    taken = make(-120, command="fingerprint", environment="production", database=PRODUCTION, backup=DUMP, scripts=TAKEN)
    assert judge([taken, rehearse()], plan=[point]).ready


def test_a_signature_must_not_outlive_the_migration_of_what_comes_before_it() -> None:
    day = NOON + 80 * HOUR
    records, known = [*READY, live()], replace(ACCEPTED, until=NOON.date())
    assert judge(records, [known], asked="after", now=day).ready
    assert not judge(records, [replace(known, until=NOON.date() - 24 * HOUR)], asked="after", now=day).ready
    assert not judge(READY, [known], now=day).ready


def test_ready_says_of_which_phase_nothing_was_asked_and_when_the_window_begins() -> None:
    assert "asks for nothing" not in judge().verdict.line
    plan = judge([rehearse(), verify(-120)], plan=PLAN[:1], window=Window(begins=NOW + HOUR, ends=NOW + 2 * HOUR))
    assert plan.verdict.line == (
        "READY TO PROCEED: 1 of 1 points met, 0 of them signed by a person; the plan asks for nothing in the phase "
        "staging, preparation; the maintenance window begins 2026-11-28 23:00 UTC; shop, phase production"
    )


def test_a_backup_that_equals_an_old_fingerprint_is_as_old() -> None:
    point = Criterion("A", "It is there.", id="a", phase="preparation", proven_by=(
        Proof(command="verify-backup", environment="production", within_hours=12),
    ))  # fmt: skip
    verified = verify(baseline=None, backup=(*DUMP, *TAKEN), facts={"against": "the fingerprint"})
    taken = make(50, command="fingerprint", environment="production", database=PRODUCTION, backup=TAKEN, checks=())
    assert judge([taken, verified], plan=[point]).ready
    older = replace(taken, started=taken.started.replace(day=20), ended=taken.ended.replace(day=20))
    plan = judge([older, verified], plan=[point])
    assert [item.reasons for item in plan.blocking] == [
        (
            "verify-backup of 2026-11-28 13:05 UTC compared the backup with a fingerprint of 201.1 h ago, and proves "
            "nothing after 12 h",
        )
    ]


BEFORE_STAGING = replace(PRODUCTION, system="7388", label="qa@staging:5432/before")
DESCRIBED = "qa@staging:5432/before (system 7388, started 2026-10-01)"


def test_a_gate_that_was_compared_with_another_live_database_must_be_signed() -> None:
    named = {"production": PRODUCTION}
    plan = (*PLAN[:6], PLAN[6])
    records = [*READY, live(baseline=BEFORE_STAGING)]
    found = judge(records, asked="after", plan=plan)
    reason = (
        f"gate of 2026-11-28 17:05 UTC was compared with {DESCRIBED}, and the verify-backup of 2026-11-28 13:05 UTC "
        "was of gate@production:5432/app (system 7300000000000000002, started 2026-10-01)"
    )
    assert [item.reasons for item in found.blocking] == [(f"{reason}: somebody must sign that",)]
    signed = replace(ACCEPTED, item="live", when=NOON + 6 * HOUR)
    assert judge(records, [ACCEPTED, signed], asked="after", plan=plan).ready
    # Compared with the server of before, from which a new one took over.
    newer = live(database=replace(PRODUCTION, system="7377", label="gate@new:5432/app"), baseline=PRODUCTION)
    assert judge([*READY, newer], asked="after", plan=plan).ready
    # Which of them the newest record is of counts.
    of_it = make(70, command="fingerprint", environment="production", database=BEFORE_STAGING, backup=TAKEN, checks=())
    assert not judge([*READY, of_it, newer], asked="after", plan=plan, databases=named).ready


def test_staging_may_have_a_state_before_of_its_own() -> None:
    gate = make(baseline=BEFORE_STAGING)
    plan = judge([rehearse(), verify(), gate])
    assert plan.ready
    # Nobody else has seen it: who reads READY is told.
    told = f"; gate of 2026-11-28 12:05 UTC was compared with {DESCRIBED}, of which no other record speaks; "
    assert told in plan.verdict.line
    # Its own records speak of it, and of no other.
    own = make(-90, command="fingerprint", database=BEFORE_STAGING, backup=TAKEN, checks=())
    plan = judge([rehearse(), verify(), gate, own])
    assert plan.ready
    assert "was compared with" not in plan.verdict.line
    other = judge([rehearse(), verify(), gate, replace(own, database=CLONE)])
    assert [item.criterion.name for item in other.blocking] == ["validated"]
    assert f"was compared with {DESCRIBED}, and the fingerprint of" in other.blocking[0].reasons[0]
    # Live production, of which the backup is, is known as well.
    plan = judge([rehearse(), verify(), make(baseline=PRODUCTION)])
    assert plan.ready
    assert "was compared with" not in plan.verdict.line


def test_what_was_validated_after_the_migration_was_not_validated_before_it() -> None:
    late = [rehearse(), verify(), live(), make(400)]
    plan = judge(late, asked="after", now=NOON + 12 * HOUR)
    reason = "no record of pytest on staging before production was migrated (2026-11-28 17:00 UTC)"
    assert {item.reasons for item in plan.blocking} == {(reason,)}
    assert [item.criterion.name for item in plan.blocking] == ["validated", "rows"]
    # A rehearsal that was repeated since takes nothing away.
    assert judge([*READY, live(), rehearse(400)], asked="after", now=NOON + 12 * HOUR).ready


def test_what_was_judged_again_since_counts_where_it_had_been_judged_before() -> None:
    # In the window a declaration was missing, and was added.
    before, now = ((File(name="migration.toml", sha256=letter * 64),) for letter in "ab")
    day = NOON + 12 * HOUR
    records = [rehearse(), verify(), make(declarations=before), live(declarations=now)]
    stale = judge(records, asked="after", now=day, declarations=now)
    assert [item.criterion.name for item in stale.blocking] == ["validated", "rows"]
    assert "judged by other declarations" in stale.again[0]
    assert judge([*records, make(400, declarations=now)], asked="after", now=day, declarations=now).ready
    bad = make(400, declarations=now, status=1, word="NO-GO")
    assert not judge([*records, bad], asked="after", now=day, declarations=now).ready
    # What was too old by then does not grow young.
    records[2] = make(-30 * 60, declarations=before)
    old = judge([*records, make(400, declarations=now)], asked="after", now=day, declarations=now)
    assert [item.criterion.name for item in old.blocking] == ["validated"]


def test_a_backup_that_was_verified_after_the_migration_was_not_proven_before_it() -> None:
    plan = [one for one in PLAN if one.name != "backup"]
    day = NOON + 12 * HOUR
    assert judge([rehearse(), verify(), STAGED, live()], asked="after", plan=plan, now=day).ready
    late = judge([rehearse(), verify(10 * 60), STAGED, live()], asked="after", plan=plan, now=day)
    assert [item.reasons for item in late.blocking] == [(UNPROVEN.replace("clone", "before"),)]


def test_what_was_signed_after_the_migration_is_told() -> None:
    records, late = [*READY, live()], replace(ACCEPTED, when=NOON + 8 * HOUR)
    words = "; accepted was signed after production was migrated; "
    assert words in judge(records, [late], asked="after").verdict.line
    assert "was signed" not in judge(records, asked="after").verdict.line


def test_what_is_found_on_staging_after_the_migration_takes_nothing_back() -> None:
    no_go = {"environment": "", "status": 1, "word": "NO-GO"}
    records, day = [*READY, live()], NOON + 12 * HOUR
    assert judge([*records, make(400, **no_go)], asked="after", now=day).ready
    # Before it, or of production, it is not overlooked.
    assert not judge([*records, make(200, **no_go)], asked="after", now=day).ready
    for asked in ("after", "done"):
        plan = judge([*records, live(400, **no_go)], asked=asked, plan=PLAN[:7], now=day)
        assert [item.criterion.name for item in plan.blocking] == ["live"]
