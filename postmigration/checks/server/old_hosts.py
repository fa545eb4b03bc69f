"""What still names the server of before: functions, foreign servers and jobs that would go on there."""

from __future__ import annotations

import re
from collections.abc import Collection

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.reading import read_rows
from postmigration.model.evidence import Subject
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D

_LOCAL = re.compile(r"/|@|localhost\b|127\.|::1$|0\.0\.0\.0$")
# A function and the options of a server are looked at, and never shown: they may hold a password.
_NAMING = f"""
    SELECT 'function' AS kind, n.nspname::text AS schema, p.proname::text AS object,
           'function ' || CAST(p.oid AS regprocedure) AS name FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prosrc ~* :pattern AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND {MEMBER_D})
    UNION ALL
    SELECT 'foreign server', '', s.srvname::text, format('foreign server %I', s.srvname) FROM pg_foreign_server s
    WHERE EXISTS (SELECT FROM unnest(s.srvoptions) AS u (o) WHERE o ~* :pattern)
    ORDER BY 1, 4
"""
_JOBS = """
    SELECT 'job' AS kind, 'cron' AS schema, j.jobid::text AS object, format('job %s of pg_cron', j.jobid) AS name
    FROM cron.job j WHERE j.command ~* :pattern ORDER BY j.jobid
"""


def examine(after: Snapshot, before: Snapshot | None) -> Examination:
    """Finds what names the host of the server of before.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    pattern = "" if before is None else match_hosts(before.database.hosts - after.database.hosts)
    if not pattern:
        found.inapplicable = "the state before has no host of its own that something could name"
        return found
    rows = list(read_rows(after, _NAMING, "functions", found, pattern=pattern))
    if after.scalar("SELECT to_regclass('cron.job')") is not None:
        rows += read_rows(after, _JOBS, "jobs of pg_cron", found, pattern=pattern)
    found.facts = 1 + len(rows)
    for row in rows:
        words = f"{row.name} still names the host of before: what it does goes on there"
        found.add(words, blocker=False, code="old_host", subject=Subject(row.kind, row.schema, row.object))
    return found


def match_hosts(hosts: Collection[str]) -> str:
    """A regular expression of PostgreSQL for texts that name one of some hosts; empty where none of them has a name.

    Args:
        hosts: as connection strings name them.
    """
    named = {host for host in hosts if not _LOCAL.match(host)}
    # A hosted database is db.PROJECT.…, and the other services of its project have the rest of the name.
    named |= {host.removeprefix("db.") for host in named if host.count(".") >= 3}
    return "|".join(map(_match, sorted(named)))


def _match(host: str) -> str:
    """What finds the name of a host; a short one is a word like others, and one only where a host is named."""
    name = re.escape(host)
    if "." in host or ":" in host:
        return rf"(^|[^[:alnum:].-]){name}($|[^[:alnum:]-])"
    return rf"(host(addr)?\s*=\s*'?|@|//){name}($|[^[:alnum:].-])"
