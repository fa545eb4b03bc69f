"""A small plan, and all that makes it ready, to be changed by what tests it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from postmigration.deployment.binding import Wanted
from postmigration.deployment.evaluation import Asked, Evidence, Plan, evaluate
from postmigration.deployment.evidence import bind
from postmigration.deployment.records.record import Database, File, Record, Step
from postmigration.deployment.records.store import Stored
from postmigration.deployment.signoffs import Signoff, Signoffs
from postmigration.model.migration import Criterion, Proof, Window
from selftest.deployment.records import NOON, PRODUCTION, SCRIPTS, make

DUMP = (File(name="before.dump", sha256="e" * 64),)
HOUR = datetime.timedelta(hours=1)
NOW = NOON + 10 * HOUR
_STAGED = Proof(command="gate", environment="staging", within_hours=24)

PLAN = (
    Criterion(
        "Before",
        "The scripts were rehearsed.",
        id="rehearsed",
        phase="development",
        proven_by=(Proof(command="rehearse", environment="development"),),
        hours=(0, 1),
        role="DBA",
    ),
    Criterion(
        "Before",
        "Staging was validated.",
        id="validated",
        phase="staging",
        proven_by=(_STAGED,),
        role="QA",
        how="run it",
    ),
    Criterion("Before", "No row is lost.", (1,), id="rows", phase="staging", role="QA"),
    Criterion("Before", "Users accepted it.", id="accepted", phase="staging", again=True, role="product owner"),
    Criterion(
        "Rollback",
        "The rows can be rolled back.",
        id="back",
        phase="preparation",
        proven_by=(Proof(command="rehearse", environment="production", steps=("the rollback, at once",)),),
    ),
    Criterion(
        "Before",
        "The backup was restored.",
        id="backup",
        phase="preparation",
        proven_by=(Proof(command="verify-backup", environment="production", within_hours=12),),
    ),
    Criterion(
        "Window", "Production was validated.", id="live", proven_by=(Proof(command="gate", environment="production"),)
    ),
    Criterion(
        "After",
        "It was watched.",
        id="watched",
        phase="after",
        proven_by=(Proof(command="watch", environment="production", lasts_hours=48),),
        due_hours=72,
    ),
    Criterion("After", "Feedback was read.", id="feedback", phase="after", due_hours=24),
)

STEPS = (
    Step(title="the migration", outcome="passed", seconds=60, judged=10, locks=("ShareRowExclusive: orders (58.0 s)",)),
    Step(title="the rollback, at once", outcome="passed", seconds=20, judged=5),
    Step(title="the selective rollback, after use", outcome="passed", seconds=30, judged=5, rows_lost=7),
    Step(title="the backup, restored into an empty database", outcome="passed", seconds=90),
)


def rehearse(minutes: float = -60, **fields: Any) -> Record:
    """A rehearsal on the backup of production, before noon."""
    about: dict[str, Any] = {"command": "rehearse", "environment": "production", "word": "PROVEN", "checks": ()}
    return make(minutes, **{**about, "database": None, "backup": DUMP, "steps": STEPS, **fields})


def verify(minutes: float = 60, **fields: Any) -> Record:
    """A proven backup of production."""
    about: dict[str, Any] = {"command": "verify-backup", "environment": "production", "word": "PROVEN", "backup": DUMP}
    return make(minutes, **{**about, "database": None, "baseline": PRODUCTION, "checks": (), "scripts": (), **fields})


def watch(minutes: float, hours: float = 48, **fields: Any) -> Record:
    """A watch of production."""
    begun = NOON + datetime.timedelta(minutes=minutes)
    about: dict[str, Any] = {"command": "watch", "environment": "production", "database": PRODUCTION, "checks": ()}
    return make(minutes, **{**about, "ended": begun + hours * HOUR, **fields})


def live(minutes: float = 300, **fields: Any) -> Record:
    """A GO of production."""
    return make(minutes, **{"environment": "production", "database": PRODUCTION, **fields})


STAGED = make()
READY = (rehearse(), STAGED, verify())
# What the point says that is signed, whichever it is.
AS_IT_STANDS = "as it stands"
ACCEPTED = Signoff(
    item="accepted", text=AS_IT_STANDS, who="Ann Example", when=NOON + HOUR, words="two people worked a day on it"
)


def judge(
    records: Sequence[Record] = READY,
    signed: Sequence[Signoff] = (ACCEPTED,),
    *,
    asked: Asked = "production",
    plan: Sequence[Criterion] = PLAN,
    now: datetime.datetime = NOW,
    window: Window | None = None,
    databases: dict[str, Database] | None = None,
    refusals: Sequence[str] = (),
    places: dict[str, Path] | None = None,
    name: str = "shop",
    declarations: Sequence[File] = (),
) -> Plan:
    """Judges a plan by records.

    Args:
        places: where records lie, by their command.
        declarations: what the project declares and its checks, as they are now.
    """
    ordered = sorted(records, key=lambda record: record.ended)
    stored = [
        Stored((places or {}).get(record.command, Path("records")) / f"{record.command}-{number}.json", record)
        for number, record in enumerate(ordered)
    ]
    wanted = Wanted(now=now, suite="0.1.0", scripts=SCRIPTS, declarations=declarations, records=ordered)
    texts = {item.name: item.text for item in plan}
    whole = [replace(one, text=texts.get(one.item, "")) if one.text == AS_IT_STANDS else one for one in signed]
    signatures = Signoffs({signoff.item: signoff for signoff in whole}, [])
    known = databases or {}
    find_misfits = bind(wanted, known, known if asked == "production" else {})
    return evaluate(
        name,
        plan,
        asked,
        Evidence(
            stored,
            refusals,
            find_misfits,
            signatures,
            window,
            now,
        ),
    )
