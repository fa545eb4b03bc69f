"""Whether a database is open for its application: not read-only, not limited, to be connected to, its tables found."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from postmigration.checks.contents.examination import Examination, list_names
from postmigration.checks.restrictions import split_path
from postmigration.checks.server.reading import read_rows
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_READ_ONLY = "default_transaction_read_only"
_LISTED = 10
_CONNECT = Subject("grant", name="CONNECT")

# One that lets nobody in, or is invalid, cannot be connected to, and so not be judged.
_DATABASE = """
    SELECT datconnlimit AS most FROM pg_database WHERE datname = current_database()
"""
# What is set for everybody; what a role has for itself is its own.
_SETTINGS = f"""
    SELECT CASE s.setdatabase WHEN 0 THEN 'all roles' ELSE 'the database' END AS subject,
           split_part(u.setting, '=', 1) AS name, substr(u.setting, strpos(u.setting, '=') + 1) AS value
    FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS u(setting)
    WHERE s.setrole = 0 AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND split_part(u.setting, '=', 1) IN ('{_READ_ONLY}', 'search_path')
    UNION ALL
    SELECT 'the server', name, reset_val FROM pg_settings
    WHERE name = '{_READ_ONLY}' AND source IN ('configuration file', 'command line')
"""
# Of those who own or hold something here: whoever is a member of such a role acts for it.
HOLDERS = """
    WITH RECURSIVE holders(oid) AS (
        SELECT d.refobjid FROM pg_shdepend d
        WHERE d.refclassid = 'pg_authid'::regclass
          AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION SELECT datdba FROM pg_database WHERE datname = current_database()
        UNION SELECT m.member FROM holders h JOIN pg_auth_members m ON m.roleid = h.oid
    )
    SELECT r.oid, r.rolname::text AS name FROM holders h JOIN pg_roles r ON r.oid = h.oid
    WHERE r.rolcanlogin AND r.rolname !~ '^pg_'
"""
_CONNECTING = f"""
    SELECT h.name, has_database_privilege(h.oid, current_database(), 'CONNECT') AS connects
    FROM ({HOLDERS}) h JOIN pg_roles r ON r.oid = h.oid WHERE NOT r.rolsuper ORDER BY 1
"""
_FILLED = """
    SELECT n.nspname::text AS name,
           EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
               AS filled,
           EXISTS (SELECT FROM pg_roles r WHERE r.rolname = n.nspname) AS of_a_role
    FROM pg_namespace n WHERE n.nspname = ANY(CAST(:schemas AS text[]))
"""


def examine(
    after: Snapshot, before: Snapshot | None, schemas: Sequence[str], *, settings_compared: bool
) -> Examination:
    """Judges whether a database is open.

    Args:
        before: the state before on its own server; None where there is none.
        schemas: those of the application.
        settings_compared: what is set for the database is compared elsewhere: only what is as it was is judged here.
    """
    found = Examination(facts=4)
    _judge_limits(after, before, found)
    now = _read_settings(after, found)
    was = _read_settings(before, found) if before is not None else {}
    for (subject, name), value in now.items():
        inherited = was.get((subject, name)) == value
        if name == _READ_ONLY and value.lower() in ("on", "true", "yes", "1"):
            words = f"{_has(subject)} {name} = {value}: nobody can write"
            _add(found, words, "read_only", inherited, _reset(after, subject, name), _set(subject, name))
        looked_up = name == "search_path" and (inherited or not settings_compared)
        if looked_up and not _finds_tables(after, value, schemas):
            words = f"{_has(subject)} {name} = {value or chr(39) * 2}, where none of the application's tables is"
            _add(found, words, "search_path", inherited, _reset(after, subject, name), _set(subject, name))
    _judge_connecting(after, before, found)
    return found


def _judge_limits(after: Snapshot, before: Snapshot | None, found: Examination) -> None:
    now = after.rows(_DATABASE)[0]
    was = before.rows(_DATABASE)[0] if before is not None else None
    name = quoted(after.info.dbname)
    if now.most == 0 or (was is not None and now.most >= 0 and (was.most < 0 or now.most < was.most)):
        inherited = was is not None and was.most == now.most
        limit = "" if was is None or inherited else f", and let in {was.most if was.most >= 0 else 'any number'} before"
        words = f"the database lets in {now.most or 'no'} connections at a time (CONNECTION LIMIT){limit}"
        repair = f"ALTER DATABASE {name} CONNECTION LIMIT {-1 if was is None or inherited else was.most};"
        _add(found, words, "connections_limited", inherited, repair, Subject("database", name=after.info.dbname))


def _add(found: Examination, words: str, code: str, inherited: bool, repair: str, subject: Subject) -> None:
    found.add(words + _as_before(inherited), blocker=not inherited, repair=repair, code=code, subject=subject)


def _read_settings(side: Snapshot, found: Examination) -> dict[tuple[str, str], str]:
    rows = read_rows(side, _SETTINGS, "settings", found)
    return {(row.subject, row.name): row.value for row in rows}


def _finds_tables(after: Snapshot, path: str, schemas: Sequence[str]) -> bool:
    """Whether a table of the application is found by its name alone, or whether there is none at all."""
    rows = after.rows(_FILLED, schemas=list(schemas))
    named = split_path(path)
    if "$user" in named and any(row.of_a_role and row.filled for row in rows):
        return True
    return any(row.filled and row.name in named for row in rows) or not any(row.filled for row in rows)


def _judge_connecting(after: Snapshot, before: Snapshot | None, found: Examination) -> None:
    now = {row.name: row.connects for row in read_rows(after, _CONNECTING, "roles", found)}
    found.facts += len(now)
    refused = sorted(name for name, connects in now.items() if not connects)
    side = read_rows(before, _CONNECTING, "roles", found) if before is not None else ()
    was = {row.name: row.connects for row in side}
    lost = [name for name in refused if was.get(name)]
    if lost:
        words = f"{list_names(lost, most=_LISTED)} may no longer connect to the database (CONNECT)"
        _add(found, words, "connect_refused", False, _grant(after, lost), _CONNECT)
    elif refused and len(refused) == len(now):
        # The old database may have been closed for the move, and the copy with it.
        inherited = any(name in was for name in refused)
        words = f"no role that holds something here may connect to the database: {list_names(refused, most=_LISTED)}"
        _add(found, words, "connect_refused", inherited, _grant(after, refused), _CONNECT)


def _set(subject: str, name: str) -> Subject:
    return Subject("setting", name=f"{name} of {subject}")


def _grant(after: Snapshot, names: Collection[str]) -> str:
    return f"GRANT CONNECT ON DATABASE {quoted(after.info.dbname)} TO {', '.join(map(quoted, names))};"


def _reset(after: Snapshot, subject: str, name: str) -> str:
    targets = {"the server": "SYSTEM", "all roles": "ROLE ALL"}
    reset = f"ALTER {targets.get(subject, f'DATABASE {quoted(after.info.dbname)}')} RESET {name};"
    # What sets it back is refused under it.
    return f"SET {_READ_ONLY} = off; {reset}" if name == _READ_ONLY else reset


def _has(subject: str) -> str:
    return f"{subject} {'have' if subject == 'all roles' else 'has'}"


def _as_before(inherited: bool) -> str:
    return "; it was so before" if inherited else ""
