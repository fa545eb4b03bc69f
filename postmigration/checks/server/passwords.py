"""Whether the roles that log in still have their passwords."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.openness import HOLDERS
from postmigration.checks.server.reading import read_rows
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import copy_statements, literal, quoted
from postmigration.postgres.connection import Snapshot

# No more of a password is read than its kind.
_PASSWORDS = f"""
    SELECT h.name, a.rolsuper AS super, a.rolpassword IS NOT NULL AS held, a.rolpassword LIKE 'md5%' AS md5,
           coalesce(a.rolvaliduntil <= now(), false) AS expired
    FROM ({HOLDERS}) h JOIN pg_authid a ON a.oid = h.oid ORDER BY 1
"""
_READABLE = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')"


@dataclass(frozen=True)
class Login:
    """A role that logs in.

    Args:
        super: it is a superuser, who often comes in without one.
        held: it has a password; `md5`: as an MD5 hash; `expired`: it is no longer valid.
    """

    super: bool
    held: bool
    md5: bool
    expired: bool


def examine(after: Snapshot, before: Snapshot | None) -> Examination:
    """Judges the passwords of the roles that own or hold something in a database.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    sides = [side for side in (after, before) if side is not None]
    if not all(side.scalar(_READABLE) for side in sides):
        found.unjudged.append("passwords of roles: only a superuser may read pg_authid")
        return found
    now = _read(after, found)
    was = _read(before, found) if before is not None else {}
    found.facts = len(now)
    if not now and not found.unjudged:
        found.inapplicable = "no role that logs in owns or holds something here"
        return found
    for name, login in now.items():
        earlier = was.get(name)
        if earlier is not None and earlier.held and not login.held:
            words = f"role {name} has no password, and had one"
            if login.super:
                found.notes.append(words)
            else:
                subject, repair = Subject("role", name=name), _bring_back(name)
                found.add(words, blocker=False, repair=repair, code="password_lost", subject=subject)
        if login.expired:
            words = f"the password of role {name} is no longer valid (VALID UNTIL)"
            if earlier is not None and earlier.expired:
                found.notes.append(f"{words}; it was so before")
            else:
                repair = f"ALTER ROLE {quoted(name)} VALID UNTIL 'infinity';"
                subject = Subject("role", name=name)
                found.add(words, blocker=False, repair=repair, code="password_expired", subject=subject)
    found.tell("passwords that are kept as MD5 hashes", [name for name, login in now.items() if login.md5])
    return found


def _bring_back(name: str) -> str:
    """What copies the hash of a password from the baseline: it stands in no report."""
    return copy_statements(
        "SELECT format('ALTER ROLE %I PASSWORD %L;', rolname, rolpassword) FROM pg_authid "
        f"WHERE rolname = {literal(name)}",
        "the DBA, as a superuser of both servers: the password of before, or a new one by \\password. Risk: none",
    )


def _read(side: Snapshot, found: Examination) -> dict[str, Login]:
    rows = read_rows(side, _PASSWORDS, "passwords of roles", found)
    return {row.name: Login(row.super, row.held, bool(row.md5), row.expired) for row in rows}
