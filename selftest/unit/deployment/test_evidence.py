"""Which record proves a point of the plan, and why others do not."""

import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.binding import Wanted
from postmigration.deployment.evidence import Found, bind, find, find_steps, name_proof, name_record
from postmigration.deployment.records.record import Record
from postmigration.model.migration import Proof
from selftest.deployment.plans import NOW, rehearse, verify
from selftest.deployment.records import GO, PRODUCTION, SCRIPTS, STAGING, check, make, store

STAGED = Proof(command="gate", environment="staging", within_hours=24)


def _find(proof: Proof, records: Sequence[Record], **wanted: Any) -> Found:
    binding = bind(Wanted(now=NOW, suite="0.1.0", scripts=SCRIPTS, records=records, **wanted), {}, {})
    return find(proof, store(*records), binding, NOW)


def test_the_last_record_about_the_subject_decides() -> None:
    found = _find(STAGED, [make(), make(30), make(60, environment="production", database=PRODUCTION)])
    assert found.record is not None
    assert (found.record.record, found.reasons, found.seconds) == (make(30), (), 300)


@pytest.mark.parametrize(
    ("records", "reason", "missing"),
    [
        ([], "no record of pytest on staging", True),
        ([make(scripts=())], "gate of 2026-11-28 12:05 UTC says nothing of scripts: it was not run in the", False),
        ([make(-24 * 60)], "gate of 2026-11-27 12:05 UTC ", False),
        (
            [
                make(
                    word="NO-GO",
                    sentence="1 failed: x; 2 of 2 plan checks passed, 3 tables; 4 not applicable",
                    status=1,
                )
            ],
            "gate of 2026-11-28 12:05 UTC says NO-GO: 1 failed: x",
            False,
        ),
        (
            [make(checks=(check(1, outcome="failed"),), status=1), make(30, checks=(check(2),))],
            "gate of 2026-11-28 12:35 UTC says GO without tests/test_plan.py::test_1, which gate of 2026-11-28 12:05",
            False,
        ),
        (
            [make(word="NO-GO", status=1), make(1)],
            "gate of 2026-11-28 12:05 UTC says NO-GO and gate of 2026-11-28 12:06 UTC says GO of the same",
            False,
        ),
    ],
    ids=["none", "no scripts", "old", "no-go", "fewer", "contradiction"],
)
def test_why_it_is_not_proven_is_said(records: list[Record], reason: str, missing: bool) -> None:
    found = _find(STAGED, records)
    assert found.reasons[0].startswith(reason)
    assert found.missing is missing


def test_steps_of_a_rehearsal_are_asked_for_by_their_titles() -> None:
    back = Proof(command="rehearse", environment="production", steps=("the rollback, at once",))
    found = _find(back, [verify(-120), rehearse()])
    assert (found.reasons, found.seconds) == ((), 25)
    (gone,) = _find(Proof(command="rehearse", steps=("no such step",)), [rehearse()]).reasons
    assert gone.endswith("has no step ‹no such step›")
    assert [step.title for step in find_steps(rehearse(), "the backup")] == [
        "the backup, restored into an empty database"
    ]


def test_a_watch_has_to_last() -> None:
    watched = make(command="watch", environment="production", database=PRODUCTION, scripts=SCRIPTS)
    (reason,) = _find(Proof(command="watch", environment="production", lasts_hours=48), [watched]).reasons
    assert reason == "watch of 2026-11-28 12:05 UTC lasted 0.1 h of 48 h"


def test_a_later_no_go_of_the_same_database_is_overlooked_nowhere() -> None:
    later = make(60, environment="", word="NO-GO", status=1)
    (doubt,) = _find(STAGED, [GO, later]).doubts
    assert doubt.endswith("says NO-GO of the same database, as one of no named environment (--environment)")


def test_a_proof_is_named_as_a_user_calls_it() -> None:
    assert name_proof(STAGED) == "pytest on staging"
    assert name_proof(Proof(command="check", environment="development")) == "postmigration check"
    assert name_proof(Proof(command="verify-backup")) == "postmigration verify-backup"
    assert name_record(store(GO)[0]) == "gate of 2026-11-28 12:05 UTC"


def test_a_record_is_bound_to_the_database_of_its_environment() -> None:
    wanted = Wanted(now=NOW, suite="0.1.0", scripts=SCRIPTS, records=(GO,))
    find_misfits = bind(wanted, {"staging": replace(STAGING, oid="1")}, {})
    (reason,) = find_misfits(GO, STAGED, NOW)
    assert reason.startswith("was of another database: gate@staging:5432/app")
    assert bind(wanted, {"staging": STAGING}, {})(GO, STAGED, NOW) == []
    late = NOW + datetime.timedelta(days=9)
    assert bind(wanted, {}, {})(GO, STAGED, late) != []
