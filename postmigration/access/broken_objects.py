"""What fails only when it is used: views and functions that name what is no longer there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
import sqlalchemy as sa

from postmigration.access.principals import ANONYMOUS, WITHOUT_PROFILE
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E
from postmigration.postgres.refusals import LOST, NAMES_NOTHING, describe_error, is_lost, refusal

_REFUSED = "42501"
_WORD = re.compile(r"[^\s;]+")
# How many objects a note names.
_LISTED = 5

_PEOPLE = {actor.database_role: actor.settings for actor in (WITHOUT_PROFILE, ANONYMOUS)}

# A value of each common type, for functions that are not even run when they get NULL; the others get NULL.
_SAMPLES = """
    CASE WHEN t.typtype = 'e' THEN (SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid
                                    ORDER BY enumsortorder LIMIT 1)
         WHEN t.typcategory = 'N' THEN '1' WHEN t.typcategory = 'B' THEN 'true' WHEN t.typcategory = 'A' THEN '''{}'''
         WHEN t.typcategory = 'S' THEN '''x''' WHEN t.typcategory = 'D' THEN '''2025-01-01'''
         WHEN t.typname IN ('json', 'jsonb') THEN '''{}'''
         WHEN t.typname = 'uuid' THEN '''00000000-0000-4000-8000-000000000000''' ELSE 'NULL' END
"""

# As whom an object can be used: the first that may, of the roles of the API, its owner and whoever is connected. A
# superuser comes last of all. Before PostgreSQL 16 each member may become what it is a member of.
_BECOMES = """
    pg_has_role(current_user, r.oid, CASE WHEN current_setting('server_version_num')::int >= 160000
                                          THEN 'SET' ELSE 'MEMBER' END)
"""
_ROLES = f"""
    ARRAY(SELECT r.rolname::text FROM pg_roles r
          CROSS JOIN LATERAL (
              SELECT array_position(ARRAY['authenticated', 'anon', 'service_role'], r.rolname::text)) AS a(api)
          WHERE {_BECOMES} AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND {{may}}
            AND (api IS NOT NULL OR NOT r.rolsuper AND r.oid = {{owner}} OR r.rolname = current_user)
          ORDER BY r.rolsuper, api NULLS LAST, r.oid <> {{owner}})
"""

# Each view, and each function that cannot change anything, called with samples and with NULLs.
_CALLS = f"""
    SELECT format('view %s', c.relname) AS object, format('SELECT * FROM %I.%I LIMIT 1', n.nspname, c.relname) AS call,
           {_ROLES.format(may="has_table_privilege(r.oid, c.oid, 'SELECT')", owner="c.relowner")} AS roles
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND (c.relkind = 'v' OR c.relkind = 'm' AND c.relispopulated)
    UNION ALL
    SELECT format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
           format('SELECT * FROM %I.%I(%s) AS f LIMIT 1', n.nspname, p.proname, (
               SELECT string_agg(format('CAST(%s AS %s)', CASE WHEN filled THEN {_SAMPLES} ELSE 'NULL' END,
                                        format_type(t.oid, NULL)), ', ' ORDER BY a.position)
               FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, position) JOIN pg_type t ON t.oid = a.type)),
           {_ROLES.format(may="has_function_privilege(r.oid, p.oid, 'EXECUTE')", owner="p.proowner")}
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN (VALUES (true), (false)) AS v(filled)
    WHERE n.nspname = :schema AND p.prokind = 'f' AND p.provolatile IN ('s', 'i')
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
      AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS u(type) JOIN pg_type t ON t.oid = u.type
                      WHERE t.typtype = 'p')
      AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND {MEMBER_E})
    ORDER BY 1, 2
"""


@dataclass
class Used:
    """What came of using every view and function.

    Args:
        ourselves: as whom the snapshot is connected.
        superuser: whether that is a superuser.
        roles: as whom each object was used; None where nobody that can be acted as may use it.
        broken: what names something that is not there, whoever uses it: by the object and the SQLSTATE, the role and
            what the server says.
        failures: what failed so for a role, though it may run for another: the object, the SQLSTATE, the role.
    """

    ourselves: str
    superuser: bool
    roles: dict[str, str | None] = field(default_factory=dict)
    broken: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    failures: set[tuple[str, str, str]] = field(default_factory=set)

    def note_use(self, call: sa.Row[Any], role: str) -> None:
        """Notes as whom an object was used; of several roles the one that comes last."""
        known = self.roles[call.object]
        self.roles[call.object] = role if known is None else max(known, role, key=call.roles.index)

    def find_common(self, broken: Mapping[tuple[str, str], tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Those of the broken objects of another state that failed in this one: for everybody, or for the same role."""
        return [
            problem
            for problem, (role, _) in broken.items()
            if problem in self.broken or (*problem, role) in self.failures
        ]

    def describe(self) -> str:
        """Describes how many were used as whom, which as a superuser, and which not at all."""
        counts = Counter(role for role in self.roles.values() if role is not None)
        told = [
            f"{counts.total()} views and functions used: " + ", ".join(f"{n} as {r}" for r, n in counts.most_common())
        ]
        for role, words in (
            (self.ourselves if self.superuser else "", f"as the superuser {self.ourselves}, since nobody else may"),
            (None, "not used, since nobody that can be acted as may"),
        ):
            if names := [name for name, used in self.roles.items() if used == role]:
                more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                told.append(f"{words}: {', '.join(names[:_LISTED])}{more}")
        return "; ".join(told)


def use_everything(snapshot: Snapshot, *, milliseconds: int) -> Used:
    """Uses every view, and every function that cannot change anything, as the least of the roles that may.

    What is refused to a role, or names what is not there for it, is tried as the next one.

    Args:
        milliseconds: how long one of them may take; what takes longer names nothing that is gone.

    Raises:
        NotJudged: the connection was lost.
    """
    us = snapshot.rows(
        "SELECT rolname::text AS name, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user"
    )[0]
    found = Used(us.name, us.superuser)
    calls = snapshot.rows(_CALLS, schema=snapshot.database.schema)
    for call in calls:
        found.roles[call.object] = None
    for call in calls:
        _use(snapshot, call, {**snapshot.application, "statement_timeout": str(milliseconds)}, found)
    return found


def _use(snapshot: Snapshot, call: sa.Row[Any], settings: Mapping[str, str], found: Used) -> None:
    """Uses one view or function, as one role after the other until it runs."""
    failed: dict[tuple[str, str], tuple[str, str]] = {}
    for role in call.roles:
        if failed and found.superuser and role == found.ourselves:
            # What is not there for others is not there; a superuser would only run the code again.
            break
        acting = {} if role == found.ourselves else {"row_security": "on", "role": role, **_PEOPLE.get(role, {})}
        try:
            snapshot.rows(call.call, {**settings, **acting})
        except sa.exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if is_lost(error):
                raise NotJudged(f"{LOST} while {call.object} was used", Hindrance.CONNECTION) from None
            if state == _REFUSED:
                continue
            found.note_use(call, role)
            if state in NAMES_NOTHING:
                failed.setdefault((call.object, state), (role, _describe(snapshot, error)))
                found.failures.add((call.object, state, role))
                continue
        found.note_use(call, role)
        return
    for problem, said in failed.items():
        found.broken.setdefault(problem, said)


def _describe(snapshot: Snapshot, error: sa.exc.DBAPIError) -> str:
    """Describes what is not there; a statement that a function has composed may hold values, and is not quoted."""
    said = refusal(error)
    if not isinstance(error.orig, psycopg.Error) or (asked := error.orig.diag.internal_query) is None:
        return said
    texts = snapshot.scalar("SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE oid >= 16384")
    # A function's own statement, of which PL/pgSQL replaces words by blanks, and PERFORM by SELECT.
    if {"select", *_WORD.findall(str(texts).casefold())}.issuperset(_WORD.findall(asked.casefold())):
        return f"{describe_error(error.orig, composed=False)} (SQLSTATE {error.orig.sqlstate})"
    return f"a statement that it has composed names what is not there (SQLSTATE {error.orig.sqlstate})"
