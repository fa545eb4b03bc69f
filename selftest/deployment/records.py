"""Records as commands leave them, to be changed by what tests them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from postmigration.deployment.records.record import Check, Database, File, Record, Step
from postmigration.deployment.records.store import Stored

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
STAGING = Database(
    label="gate@staging:5432/app", version="16.4", system="7300000000000000001", oid="16384", started="2026-11-01"
)
PRODUCTION = Database(
    label="gate@production:5432/app", version="16.4", system="7300000000000000002", oid="16384", started="2026-10-01"
)
SCRIPTS = (File(name="scripts/01.sql", sha256="a" * 64), File(name="scripts/02.sql", sha256="b" * 64))


def check(number: int, **fields: Any) -> Check:
    """A check of the plan."""
    name = f"tests/test_plan.py::test_{number}"
    return Check(**{
        "nodeid": name, "plan": number, "group": "rows", "title": f"Check {number}", "outcome": "passed", **fields
    })  # fmt: skip


GO = Record(
    command="gate",
    environment="staging",
    started=NOON,
    ended=NOON + datetime.timedelta(minutes=5),
    word="GO",
    sentence="3 of 3 plan checks passed",
    status=0,
    database=STAGING,
    scripts=SCRIPTS,
    commit="0" * 40,
    suite="0.1.0",
    checks=tuple(map(check, (1, 2, 3))),
    steps=(Step(title="the migration", outcome="passed", seconds=1.25, locks=("lock of app.orders",), rows_lost=3),),
    report="../validation.html",
    facts={"judging": "gate@staging:5432/app"},
)


def make(minutes: float = 0, **fields: Any) -> Record:
    """A GO of staging, so many minutes later than noon, with other fields."""
    started = NOON + datetime.timedelta(minutes=minutes)
    return replace(GO, **{"started": started, "ended": started + datetime.timedelta(minutes=5), **fields})


def store(*records: Record) -> list[Stored]:
    """Records as they are read from files, in this order."""
    return [Stored(Path(f"{number}.json"), record) for number, record in enumerate(records)]
