"""Whether the jobs of pg_cron are those of before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, list_names
from postmigration.model.evidence import show_value
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

_COLUMNS = """
    SELECT a.attname::text AS name FROM pg_attribute a
    WHERE a.attrelid = to_regclass('cron.job') AND a.attnum > 0 AND NOT a.attisdropped
"""
_OWNED = """
    SELECT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'
                   AND d.objid = to_regclass('cron.job'))
"""
# A newer pg_cron has more columns.
_JOBS = """
    SELECT j.jobid::bigint AS number, coalesce({jobname}, '') AS name, j.schedule, j.command, {active} AS active,
           coalesce({database}, current_database()) AS database, current_database() AS here
    FROM cron.job j ORDER BY 1
"""
_NEWER = {"jobname": "NULL::text", "active": "true", "database": "NULL::text"}


@dataclass(frozen=True)
class Job:
    """A job.

    Args:
        number: its number.
        name: what it is called; empty where it has no name.
        database: in which database it runs; empty for the one that is looked at.
    """

    number: int
    name: str
    schedule: str
    command: str
    active: bool
    database: str

    @property
    def title(self) -> str:
        """What it is called; what it does may hold a password."""
        return f"job {show_value(self.name or self.number, plain=True)} ({self.schedule})"

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same job."""
        return (self.name,) if self.name else (self.schedule, self.command)


def examine(after: Snapshot, before: Snapshot | None, schemas: Collection[str]) -> Examination:
    """Compares the jobs of a database with those of before.

    Args:
        before: the state before; None where there is none.
        schemas: those whose tables are compared as such.
    """
    found = Examination()
    now, was = _read(after, schemas, found), None if before is None else _read(before, schemas, found)
    if not (now or was or found.unjudged):
        found.inapplicable = "there is no job of pg_cron on either side"
        return found
    if found.unjudged:
        return found
    found.facts = len(now or ()) + len(was or ())
    _find_doubled(now or [], was or [], found)
    if was is not None:
        _find_lost(now or [], was, found)
    return found


def _read(side: Snapshot, schemas: Collection[str], found: Examination) -> list[Job] | None:
    """The jobs of a database; None where it has none to look at."""
    columns = {row.name for row in side.rows(_COLUMNS)}
    if not columns >= {"jobid", "schedule", "command"} or ("cron" in schemas and not side.scalar(_OWNED)):
        return None
    sql = _JOBS
    for name, instead in _NEWER.items():
        sql = sql.replace(f"{{{name}}}", f"CAST(j.{name} AS {'boolean' if name == 'active' else 'text'})"
                          if name in columns else instead)  # fmt: skip
    try:
        rows = side.rows(sql)
    except sa.exc.DBAPIError as error:
        found.unjudged.append(f"jobs of pg_cron: {describe_refusal(error)}")
        return None
    return [
        Job(
            row.number,
            row.name,
            row.schedule,
            row.command,
            row.active,
            "" if row.database == row.here else row.database,
        )
        for row in rows
    ]


def _find_doubled(now: list[Job], was: list[Job], found: Examination) -> None:
    """A job that stands there twice runs twice; of a name there can be two of different roles."""
    times, before = (Counter((j.name, j.schedule, j.command) for j in side if j.active) for side in (now, was))
    for job in now:
        key = (job.name, job.schedule, job.command)
        # The first of them stands for all.
        number = times.pop(key, 0) if job.active else 0
        if number > 1:
            words = f"{job.title} stands there {number:,} times, and runs as often"
            if before[key] >= number:
                found.notes.append(f"{words}; it was so before")
            else:
                found.add(words, blocker=False, repair=f"SELECT cron.unschedule({job.number});")


def _find_lost(now: list[Job], was: list[Job], found: Examination) -> None:
    lost = []
    for job in was:
        alike = [one for one in now if one.key == job.key]
        here = [one for one in alike if one.database == job.database]
        if not alike:
            lost.append(job)
        elif not here:
            where = alike[0].database or "this database"
            found.add(f"{job.title} runs in {where}, and not where it ran", blocker=True)
        elif job.active and not any(one.active for one in here):
            found.add(f"{job.title} is switched off, and was active", blocker=True)
        elif all((one.schedule, one.command) != (job.schedule, job.command) for one in here):
            what = "another schedule" if here[0].command == job.command else "another command"
            found.add(f"{job.title} has {what} than before", blocker=False)
    if lost and not now:
        found.add(f"all jobs of pg_cron are gone: {list_names([job.title for job in lost])}", blocker=True)
    else:
        for job in lost:
            found.add(f"{job.title} is gone", blocker=True)
    known = {job.key for job in was}
    found.tell("new jobs of pg_cron", [job.title for job in now if job.key not in known])
