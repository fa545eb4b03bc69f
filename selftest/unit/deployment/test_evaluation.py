"""A phase may begin only when each point before it is shown to be so; what is in the way is said in a line."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.evaluation import Asked, Plan, group, name_items
from postmigration.deployment.records.record import Database, File, Record
from postmigration.deployment.signoffs import Signoff
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Criterion, Proof, Window
from selftest.deployment.plans import (
    ACCEPTED,
    DUMP,
    HOUR,
    NOW,
    PLAN,
    READY,
    STAGED,
    STEPS,
    judge,
    live,
    rehearse,
    verify,
    watch,
)
from selftest.deployment.records import NOON, PRODUCTION, SCRIPTS, STAGING, check, make

OLDER = (File(name="scripts/01.sql", sha256="d" * 64), SCRIPTS[1])
FAILED = (check(1), check(2, outcome="failed", codes=("rows_missing",)), check(3))


def test_it_is_ready_when_all_before_it_is_shown_to_be_so() -> None:
    plan = judge()
    assert plan.verdict.line == (
        "READY TO PROCEED: 6 of 6 points met, 1 of them signed by a person; shop, phase production"
    )
    assert plan.verdict.status == 0
    assert [item.state for item in plan.items] == ["met"] * 6 + ["open"] * 3


@pytest.mark.parametrize(("asked", "points"), [("staging", 1), ("preparation", 4), ("production", 6)])
def test_it_waits_for_what_comes_before_it_alone(asked: Asked, points: int) -> None:
    plan = judge(asked=asked)
    assert (plan.verdict.word, len(plan.required)) == ("READY TO PROCEED", points)
    assert judge(READY, asked="after").verdict.word == "NOT READY"


def _without(*gone: Record) -> list[Record]:
    return [record for record in READY if record not in gone]


NO_GO = make(10, word="NO-GO", sentence="1 of 3 plan checks failed: 2", status=1, checks=FAILED)
REBUILT = replace(PRODUCTION, system="7399")
CHANGED = "with other scripts: scripts/01.sql changed since"


@pytest.mark.parametrize(
    ("records", "item", "reason"),
    [
        (_without(STAGED), "validated", "no record of pytest on staging"),
        ([], "rehearsed", "no record of postmigration rehearse"),
        ([*READY, NO_GO], "validated", "gate of 2026-11-28 12:15 UTC says NO-GO: 1 of 3 plan checks failed: 2"),
        ([rehearse(), verify(), make(scripts=OLDER)], "validated", f"gate of 2026-11-28 12:05 UTC was made {CHANGED}"),
        ([rehearse(scripts=OLDER), verify(), STAGED], "back", f"rehearse of 2026-11-28 11:05 UTC was made {CHANGED}"),
        ([rehearse(), verify(), make(-1000)], "validated", "was 26.6 h ago, and proves nothing after 24 h"),
        (
            [rehearse(), verify(), make(suite="0.0.9")],
            "validated",
            "by postmigration 0.0.9, and this is 0.1.0",
        ),
        ([*_without(STAGED), make(demonstration=True)], "validated", "was of the demonstration world"),
        ([*READY, make(60, database=REBUILT, status=1, word="NO-GO")], "validated", "says NO-GO"),
        ([*_without(verify()), verify(status=1, word="NOT PROVEN")], "backup", "says NOT PROVEN"),
        (
            [*READY, rehearse(-30, status=1, steps=(STEPS[0], replace(STEPS[1], outcome="failed")))],
            "back",
            "rehearse of 2026-11-28 11:35 UTC: the rollback, at once: failed",
        ),
        ([*_without(rehearse()), rehearse(steps=STEPS[:1])], "back", "has no step ‹the rollback, at once›"),
        (
            [*_without(rehearse()), rehearse(-300, ended=NOON - 2 * HOUR)],
            "rehearsed",
            "it took 3.0 h, planned were 1 h at most",
        ),
    ],
)
def test_each_thing_that_is_wrong_is_in_the_way(records: Sequence[Record], item: str, reason: str) -> None:
    plan = judge(records)
    found = next(one for one in plan.items if one.criterion.name == item)
    assert found.state != "met"
    assert reason in "; ".join(found.reasons)
    assert (plan.verdict.word, plan.verdict.status) == ("NOT READY", 1)


def test_a_record_of_another_database_is_none_of_the_one_that_was_named() -> None:
    plan = judge(databases={"staging": replace(STAGING, system="7399")})
    (item,) = (item for item in plan.blocking if item.criterion.name == "validated")
    assert "was of another database: gate@staging:5432/app" in item.reasons[0]
    assert plan.verdict.word == "NOT READY"


def test_a_go_of_fewer_checks_takes_nothing_back() -> None:
    fewer = make(20, checks=(check(1), check(3)))
    plan = judge([*READY, NO_GO, fewer])
    (item, other) = plan.blocking
    assert item.reasons == other.reasons
    assert item.reasons == (
        "gate of 2026-11-28 12:25 UTC says GO without tests/test_plan.py::test_2, which gate of 2026-11-28 12:15 UTC "
        "found to be wrong",
    )
    # It holds once it was judged again, also by a run that was followed by one of fewer.
    assert judge([*READY, NO_GO, make(20)]).ready
    assert judge([*READY, NO_GO, make(20), make(30, checks=(check(1), check(3)))]).ready


def test_records_of_one_time_that_do_not_say_the_same_contradict_each_other() -> None:
    plan = judge([*READY, make(-2, word="NO-GO", status=1)])
    (item,) = plan.blocking
    assert item.reasons == (
        "gate of 2026-11-28 12:03 UTC says NO-GO and gate of 2026-11-28 12:05 UTC says GO of the same database at the "
        "same time: they contradict each other",
    )


def test_what_the_checks_decide_is_told_whatever_else_the_run_came_to() -> None:
    wrong = replace(NO_GO, checks=(check(1, outcome="failed", title="No contact is lost"), *FAILED[1:]))
    states = {item.criterion.name: item for item in judge([*READY, wrong]).items}
    assert states["rows"].reasons == ("gate of 2026-11-28 12:15 UTC: not met: No contact is lost",)
    assert {item.criterion.name: item.state for item in judge([*READY, NO_GO]).items}["rows"] == "met"
    assert "not judged" in judge([*READY, make(30, checks=(check(2),))]).items[2].reasons[0]


def test_where_records_prove_it_checks_that_did_not_run_are_not_missed() -> None:
    proof = Proof(command="verify-backup", environment="production")
    point = Criterion("A", "The backup is whole.", ("the_backup",), id="a", phase="staging", proven_by=(proof,))
    assert judge(plan=[point]).items[0].state == "met"
    broken = make(5, checks=(check(1, nodeid="t.py::test_the_backup", outcome="failed", plan=None),))
    assert judge([*READY, broken], plan=[point]).items[0].state == "not met"
    assert judge([STAGED], plan=[point]).items[0].state == "open"


def test_signatures_alone_are_no_evidence() -> None:
    plan = judge([], [ACCEPTED], plan=[PLAN[3]])
    assert "no record proves any point" in plan.verdict.line
    assert plan.verdict.status == 1


def test_files_that_are_no_records_are_in_the_way() -> None:
    plan = judge(refusals=["records/a.json: was changed after it was written"])
    assert plan.verdict.line.startswith("NOT READY: because records/a.json: was changed after it was written; shop")


def test_a_plan_that_asks_for_nothing_cannot_be_judged() -> None:
    with pytest.raises(CannotJudge, match=r"^--phase=staging: the plan asks for nothing before it"):
        judge(asked="staging", plan=PLAN[1:])


@pytest.mark.parametrize(
    ("signoff", "reason"),
    [
        (None, "product owner has not signed it"),
        (
            replace(ACCEPTED, until=datetime.date(2026, 11, 27)),
            "Ann Example signed it 2026-11-28 13:00 UTC, until 2026-11-27, which is over",
        ),
        (
            replace(ACCEPTED, when=NOON - 24 * HOUR),
            "Ann Example signed it 2026-11-27 12:00 UTC, before the first record of the present scripts (2026-11-28 "
            "11:00 UTC): sign it again",
        ),
    ],
)
def test_a_signature_counts_as_long_as_it_says_something(signoff: Signoff | None, reason: str) -> None:
    plan = judge(signed=[signoff] if signoff else [])
    assert [item.reasons for item in plan.blocking] == [(reason,)]
    assert plan.verdict.status == 1
    assert plan.again == ([f"{reason}: accepted"] if reason.endswith("sign it again") else [])


def test_no_signature_outweighs_a_record_that_says_no() -> None:
    signed = [replace(ACCEPTED, item=item.name) for item in PLAN]
    plan = judge([*READY, NO_GO], signed)
    assert [item.criterion.name for item in plan.blocking] == ["validated"]


def test_what_was_weakened_must_be_signed() -> None:
    weak = make(10, weakened=("--allow-partial",))
    plan = judge([*READY, weak])
    (item,) = plan.blocking
    assert item.reasons == ("gate of 2026-11-28 12:15 UTC was weakened: --allow-partial: QA must sign that",)
    signed = replace(ACCEPTED, item="validated")
    assert judge([*READY, weak], [ACCEPTED, signed]).ready
    # Nobody signs what is not there yet.
    later = make(90, weakened=("--allow-empty",))
    plan = judge([*READY, weak, later], [ACCEPTED, signed])
    reason = (
        "Ann Example signed it 2026-11-28 13:00 UTC, and then gate of 2026-11-28 13:35 UTC was weakened: "
        "--allow-empty: sign it again"
    )
    assert [item.reasons for item in plan.blocking] == [(reason,)]
    assert plan.again == [f"{reason}: validated"]


def test_a_backup_that_was_compared_with_nothing_must_be_signed() -> None:
    plan = judge([*_without(verify()), verify(baseline=None)])
    assert [item.reasons for item in plan.blocking] == [
        ("verify-backup of 2026-11-28 13:05 UTC compared the backup with nothing (--against): somebody must sign that",)
    ]
    compared = verify(baseline=None, backup=(*DUMP, *TAKEN), facts={"against": "the fingerprint a.fingerprint"})
    plan = judge([*_without(verify()), compared])
    assert [item.reasons for item in plan.blocking] == [
        (
            "verify-backup of 2026-11-28 13:05 UTC compared the backup with the fingerprint a.fingerprint, and no "
            "record says of which database that is: somebody must sign that",
        )
    ]
    assert judge([*_without(verify()), compared, fingerprint(PRODUCTION)]).ready


def test_a_rehearsal_on_a_backup_that_nobody_verified_proves_nothing_of_it() -> None:
    plan = judge([STAGED, verify(), rehearse(backup=(File(name="other.dump", sha256="f" * 64),))])
    assert [item.reasons for item in plan.blocking] == [
        ("rehearse of 2026-11-28 11:05 UTC was of other.dump, which no verify-backup has proven",)
    ]
    assert judge([STAGED, verify(), rehearse(backup=())]).ready


def test_a_change_of_the_scripts_says_what_must_be_done_again() -> None:
    records = [rehearse(scripts=OLDER), make(scripts=OLDER), verify()]
    again = judge(records).again
    assert any(CHANGED in words and words.startswith("gate of") for words in again)
    assert any(CHANGED in words and words.startswith("rehearse of") for words in again)
    assert any("Ann Example signed it" in words for words in again)
    # A backup is as good as before.
    assert not any(words.startswith("verify-backup") for words in again)
    assert judge().again == []


def test_after_the_migration_what_was_recorded_before_it_counts_as_it_did_then() -> None:
    later = NOON + 60 * HOUR
    records = [*READY, live()]
    plan = judge(records, asked="after", now=later)
    assert plan.ready
    assert plan.live == NOON + datetime.timedelta(minutes=305)
    # Asked before it, the same records are too old.
    assert not judge(records, now=later).ready


def test_a_watch_counts_when_it_lasted_and_came_after() -> None:
    day = NOON + 80 * HOUR
    states = {
        name: judge([*READY, live(), record], asked="done", now=day).items[7]
        for name, record in {
            "whole": watch(310),
            "short": watch(310, 5),
            "before": watch(200),
            "bad": watch(310, status=1, word="NO-GO"),
        }.items()
    }
    assert {name: item.state for name, item in states.items()} == {
        "whole": "met", "short": "not met", "before": "open", "bad": "not met"
    }  # fmt: skip
    assert "lasted 5.0 h of 48 h" in states["short"].reasons[0]
    assert states["before"].reasons[-1] == "it was due 2026-12-01 17:05 UTC"


def test_what_is_signed_of_the_time_after_was_signed_after() -> None:
    signed = [ACCEPTED, replace(ACCEPTED, item="feedback")]
    assert judge(signed=signed, asked="done").items[8].reasons == (
        "Ann Example signed it 2026-11-28 13:00 UTC, and the application is not live",
    )
    plan = judge([*READY, live()], signed, asked="done")
    assert "before the application went live" in plan.items[8].reasons[0]
    signed[1] = replace(signed[1], when=NOON + 6 * HOUR)
    assert judge([*READY, live()], signed, asked="done").items[8].state == "met"


def test_the_way_back_is_told_from_the_last_rehearsal() -> None:
    window = Window(begins=NOON + 20 * HOUR, ends=NOON + 24 * HOUR)
    ways = judge(window=window).ways
    assert [(way.proven, way.seconds) for way in ways] == [(True, 25), (True, 35), (True, 90)]
    assert ways[1].lost.endswith(": 7 rows of what was written in the rehearsal")
    assert ways[0].decide_by == window.ends - datetime.timedelta(seconds=25)
    assert "verified 2026-11-28 13:00 UTC" in ways[2].lost
    late = judge(window=Window(begins=NOON, ends=NOW + datetime.timedelta(seconds=30))).ways
    assert [way.decide_by is None for way in late] == [False, True, True]
    after = judge([*READY, live()]).ways
    assert after[0].until == "it closed 2026-11-28 17:05 UTC, when people began to write"
    assert after[0].lost == "all that was written in 4.9 h since the application went live"
    broken = rehearse(steps=(replace(STEPS[1], outcome="failed"),))
    assert [(way.proven, way.outcome) for way in judge([broken]).ways] == [
        (False, "failed"), (False, "never tried"), (False, "never tried")
    ]  # fmt: skip
    assert [way.outcome for way in judge([rehearse(scripts=OLDER)]).ways] == ["never tried"] * 3


def test_the_last_watch_tells_what_a_rollback_would_lose() -> None:
    words = "a rollback would lose what was written since: 12 rows of orders"
    written = judge([*READY, live(), watch(310, 1, facts={"rollback": words})], now=NOON + 8 * HOUR).written
    assert written is not None
    assert written.words == words
    assert judge([*READY, live(), watch(310, 1)], now=NOON + 8 * HOUR).written is None


def test_what_was_not_judged_once_was_not_found_to_be_wrong() -> None:
    unjudged = make(10, checks=(check(1), check(2, outcome="not judged"), check(3)))
    assert judge([*READY, unjudged, make(20, checks=(check(1), check(3)))]).ready


def test_a_window_that_is_over_is_no_window() -> None:
    window = Window(begins=NOON - 9 * HOUR, ends=NOW - HOUR)
    assert judge(window=window).problems == ["the maintenance window ended 2026-11-28 21:00 UTC: name another"]


CLONE = replace(PRODUCTION, system="7399", label="dba@clone:5432/app")
TAKEN = (File(name="a.fingerprint", sha256="f" * 64),)
OTHER = (File(name="other.dump", sha256="d" * 64),)


def fingerprint(database: Database) -> Record:
    """The record of a fingerprint of a database."""
    fields: dict[str, Any] = {"command": "fingerprint", "environment": "production", "checks": (), "backup": TAKEN}
    return make(50, database=database, **fields)


def test_a_backup_that_equals_the_fingerprint_of_a_clone_is_one_of_the_clone() -> None:
    records = (rehearse(), STAGED, verify(baseline=None, backup=(*DUMP, *TAKEN), facts={"against": "the fingerprint"}))
    known = {"production": PRODUCTION}
    (reason,) = find_reasons_of(judge((*records, fingerprint(CLONE)), databases=known), "backup")
    assert reason.startswith("verify-backup of 2026-11-28 13:05 UTC was of another database: dba@clone:5432/app")
    assert judge((*records, fingerprint(PRODUCTION)), databases=known).ready


def test_a_backup_of_another_database_does_not_count() -> None:
    cloned = (rehearse(), STAGED, verify(baseline=CLONE))
    (reason,) = find_reasons_of(judge(cloned, databases={"production": PRODUCTION}), "backup")
    assert "was of another database: dba@clone:5432/app" in reason
    assert judge(READY, databases={"production": PRODUCTION}).ready
    # Where nobody names the database, the last backup is of the right one.
    taken = make(90, command="fingerprint", environment="production", database=CLONE, checks=(), backup=OTHER)
    (reason,) = find_reasons_of(judge((*READY, taken)), "backup")
    assert "the fingerprint of " in reason
    assert "was of dba@clone:5432/app" in reason


def test_the_database_of_staging_is_not_taken_for_production() -> None:
    assert not judge(databases={"production": STAGING}).ready


def test_a_gate_is_compared_with_a_state_before_that_was_verified() -> None:
    gate = make(backup=OTHER)
    plan = judge((rehearse(), gate, verify()))
    (reason,) = find_reasons_of(plan, "validated")
    assert "was of other.dump, which no verify-backup has proven" in reason
    # What its checks say of it is worth no more.
    assert find_reasons_of(plan, "rows") == (reason,)
    proofs: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"environment": "staging"}, True),
        ({"environment": "development"}, False),
        ({"baseline": None}, False),
        ({"status": 1}, False),
    ]
    for proof, ready in proofs:
        assert judge((rehearse(), gate, verify(), verify(30, backup=OTHER, **proof))).ready is ready
    taken = make(-90, command="fingerprint", database=PRODUCTION, environment="production", checks=(), backup=OTHER)
    assert judge((rehearse(), gate, verify(), taken)).ready


def test_a_later_no_go_of_the_same_database_counts_though_it_was_not_said_where_it_stands() -> None:
    later = make(30, environment="", status=1, word="NO-GO")
    plan = judge((*READY, later))
    (reason,) = find_reasons_of(plan, "validated")
    assert "says NO-GO of the same database, as one of no named environment" in reason
    assert find_reasons_of(plan, "rows") == (reason,)
    assert judge((*READY, make(30, environment=""))).ready
    assert judge((*READY, make(-30, environment="", status=1, word="NO-GO"))).ready
    assert not judge((*READY, make(30, environment="Staging", status=1, word="NO-GO"))).ready


def find_reasons_of(plan: Plan, name: str) -> tuple[str, ...]:
    """Why a point is not met."""
    (item,) = (item for item in plan.items if item.criterion.name == name)
    return item.reasons


def test_points_with_the_same_reasons_are_named_together() -> None:
    names = [name_items(items) for items in group(judge([]).blocking).values()]
    assert names == ["rehearsed", "validated, rows", "accepted", "back", "backup"]


def test_a_record_that_decides_a_point_twice_is_one_record() -> None:
    item = judge(plan=[Criterion("A", "B", (1,), phase="staging", proven_by=PLAN[1].proven_by)]).items[0]
    assert (len(item.found), [stored.record for stored in item.records]) == (2, [STAGED])
