"""Whether the jobs of pg_cron are those of before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, list_names
from postmigration.model.evidence import Subject, show_value
from postmigration.model.sqltext import BASELINE, TARGET, as_comment, literal
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

    @property
    def subject(self) -> Subject:
        """It as what a finding is about."""
        return Subject("job", "cron", show_value(self.name or self.number, plain=True))

    def alter(self, what: str) -> str:
        """The statement that changes something of it."""
        return f"SELECT cron.alter_job({self.number}, {what});"


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
                repair = f"SELECT cron.unschedule({job.number});"
                found.add(words, blocker=False, repair=repair, code="job_doubled", subject=job.subject)


def _find_lost(now: list[Job], was: list[Job], found: Examination) -> None:
    lost = []
    for job in was:
        alike = [one for one in now if one.key == job.key]
        here = [one for one in alike if one.database == job.database]
        if not alike:
            lost.append(job)
        elif not here:
            where = alike[0].database or "this database"
            words = f"{job.title} runs in {where}, and not where it ran"
            repair = alike[0].alter(f"database := {literal(job.database) if job.database else 'current_database()'}")
            found.add(words, blocker=True, repair=repair, code="job_elsewhere", subject=job.subject)
        elif job.active and not any(one.active for one in here):
            words, repair = f"{job.title} is switched off, and was active", here[0].alter("active := true")
            found.add(words, blocker=True, repair=repair, code="job_disabled", subject=job.subject)
        elif all((one.schedule, one.command) != (job.schedule, job.command) for one in here):
            same = here[0].command == job.command
            words = f"{job.title} has {'another schedule' if same else 'another command'} than before"
            repair = here[0].alter(f"schedule := {literal(job.schedule)}") if same else ""
            found.add(words, blocker=False, repair=repair, code="job_changed", subject=job.subject)
    if lost and not now:
        words = f"all jobs of pg_cron are gone: {list_names([job.title for job in lost])}"
        found.add(words, blocker=True, repair=_bring_back(lost), code="jobs_lost", subject=Subject("job", "cron"))
    else:
        for job in lost:
            words = f"{job.title} is gone"
            found.add(words, blocker=True, repair=_bring_back([job]), code="job_lost", subject=job.subject)
    known = {job.key for job in was}
    found.tell("new jobs of pg_cron", [job.title for job in now if job.key not in known])


def _bring_back(lost: Collection[Job]) -> str:
    """What copies jobs from the baseline: what they do may hold a password, and stands in no report."""
    numbers = ", ".join(str(job.number) for job in lost)
    columns = "schedule, command, database, username, active, jobname"
    return "\n".join(
        [
            as_comment(
                "the DBA, as a superuser: jobs of pg_cron from the baseline, in the database and as the user of there. "
                "Risk: they run from now on, on both servers as long as the old one is up. Delete the file"
            ),
            BASELINE,
            f"\\copy (SELECT {columns} FROM cron.job WHERE jobid IN ({numbers})) TO 'jobs.rows'",
            TARGET,
            f"\\copy cron.job ({columns}) FROM 'jobs.rows'",
        ]
    )
