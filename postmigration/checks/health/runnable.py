"""Views and functions that cannot run, since they name what is not there: they are parsed, and none is run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from postmigration.checks.health.application_paths import path_of, quote_path, read_paths
from postmigration.checks.health.linting import Lint, find_linter
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E
from postmigration.postgres.refusals import LOST, is_lost, mask_values

# An error of these classes tells that it cannot run: what is named is not there, or no value of its type.
_CANNOT_RUN = ("0A", "22", "3F", "42")
_NAMES = ("3F", "42")
_NO_PRIVILEGE = "42501"
_AT_ONCE = 50
# Parsing locks what is named; nobody is waited for. No row is read.
_SETTINGS = {"check_function_bodies": "on", "lock_timeout": "200", "jit": "off", "row_security": "on"}

# The validators of two languages parse a body and run nothing. One that is stored parsed cannot break.
_VALIDATORS = {"sql": "fmgr_sql_validator", "plpgsql": "plpgsql_validator"}
_FUNCTIONS = """
    SELECT p.oid::bigint AS oid, n.nspname::text AS schema, p.oid::regprocedure::text AS name,
           l.lanname::text AS language, us.rolsuper AS superuser, own.rolsuper AS privileged,
           own.rolname::text AS owner,
           (SELECT substr(s, 13) FROM unnest(p.proconfig) AS u(s) WHERE s LIKE 'search_path=%') AS path,
           has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
               AND has_language_privilege(l.oid, 'USAGE') AS allowed
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    JOIN pg_roles own ON own.oid = p.proowner JOIN pg_roles us ON us.rolname = current_user
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND l.lanname IN ('sql', 'plpgsql') AND p.prosrc <> ''
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
                        AND e.deptype IN ('e', 'i'))
    ORDER BY 2, 3
"""
_VIEWS = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS name, has_schema_privilege(n.oid, 'USAGE') AS allowed
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind = 'v'
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 2
"""

# In these a role finds nothing by its bare name, and is not told why.
_CLOSED = """
    SELECT r.rolname::text AS role, r.rolname = current_user AS ours, array_agg(n.nspname::text) AS schemas
    FROM pg_roles r JOIN pg_namespace n ON NOT has_schema_privilege(r.oid, n.oid, 'USAGE') AND n.nspname !~ '^pg_'
    WHERE r.rolname = current_user OR r.rolname = ANY(CAST(:roles AS text[])) GROUP BY r.rolname
"""

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Body:
    """A function whose body is text.

    Args:
        name: it with the types of its arguments.
        paths: where names are looked up in it; it can run if it can under one of them.
        privileged: it belongs to a superuser, and so are we.
        role: as whom code is planned; empty for ourselves.
        closed: a schema of its paths in which that role finds nothing; empty where there is none.
    """

    oid: int
    name: str
    language: str
    paths: tuple[str, ...]
    privileged: bool
    role: str
    closed: str


@dataclass
class Tried:
    """What came of trying the views and functions of a database.

    Args:
        broken: why each that cannot run cannot, by what it is called.
        sound: what can run; of a function in PL/pgSQL only as far as it was looked at.
        unknown: what could not be tried, and why.
        linted: plpgsql_check was there to look at what PL/pgSQL's own parser does not; `by_lint`: what that alone
            found.
    """

    broken: dict[str, str] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    linted: bool = False
    by_lint: set[str] = field(default_factory=set)


def try_everything(snapshot: Snapshot, schemas: Sequence[str]) -> Tried:
    """Parses every view and every function of some schemas whose body is text.

    Raises:
        NotJudged: the connection was lost.
    """
    found = Tried()
    _try_views(snapshot, schemas, found)
    bodies = _read_bodies(snapshot, schemas, found)
    failed = _try_bodies(snapshot, bodies, found)
    linter = find_linter(snapshot)
    found.linted = linter is not None
    if linter is not None:
        _lint(snapshot, linter, [b for b in bodies if b.language == "plpgsql" and b not in failed], found)
    return found


def _try_views(snapshot: Snapshot, schemas: Sequence[str], found: Tried) -> None:
    def prepare(names: Sequence[str]) -> None:
        with snapshot.use_connection(_SETTINGS) as connection:
            union = " UNION ALL ".join(f"SELECT 1 FROM {name}" for name in names)
            connection.exec_driver_sql(f"PREPARE postmigration AS {union}")
            connection.exec_driver_sql("DEALLOCATE postmigration")

    views = {}
    for row in snapshot.rows(_VIEWS, schemas=list(schemas)):
        name = f"{quoted(row.schema)}.{quoted(row.name)}"
        if row.allowed:
            views[name] = f"view {name.removeprefix('public.')}"
        else:
            found.unknown.append(f"view {name}: GRANT USAGE ON its schema to the role that judges")
    found.sound |= {*views.values()}
    for name, error in _find_refused(prepare, [*views]):
        _judge(views[name], error, found)


def _read_bodies(snapshot: Snapshot, schemas: Sequence[str], found: Tried) -> list[Body]:
    bodies = []
    everywhere = read_paths(snapshot)
    rows = snapshot.rows(_FUNCTIONS, schemas=list(schemas))
    closed: dict[str, Sequence[str]] = {}
    for row in snapshot.rows(_CLOSED, roles=sorted({row.owner for row in rows})):
        closed["" if row.ours else row.role] = row.schemas
    for row in rows:
        name = f"function {row.name.removeprefix('public.')}"
        if not row.allowed:
            found.unknown.append(f"{name}: GRANT EXECUTE ON it to the role that judges")
            continue
        own = (
            (quote_path(row.path),)
            if row.path is not None
            else (*dict.fromkeys((*everywhere, path_of(row.schema, "public"))),)
        )
        role = row.owner if row.superuser and not row.privileged else ""
        barred = [schema for schema in closed.get(role, ()) if any(path_of(schema) in path for path in own)]
        privileged = row.superuser and row.privileged
        bodies.append(Body(row.oid, name, row.language, own, privileged, role, ", ".join(barred)))
    return bodies


def _try_bodies(snapshot: Snapshot, bodies: Sequence[Body], found: Tried) -> set[Body]:
    """Has each body parsed under one path after the other, until one will do."""
    found.sound |= {body.name for body in bodies}
    failed: dict[Body, sa.exc.DBAPIError] = {}
    waiting: dict[Body, tuple[str, ...]] = {body: body.paths for body in bodies}
    while waiting:
        by_path: dict[str, list[Body]] = defaultdict(list)
        for body, paths in waiting.items():
            by_path[paths[0]].append(body)
        refused: dict[Body, sa.exc.DBAPIError] = {}
        for path, those in by_path.items():
            refused.update(_find_refused(_validate(snapshot, path), those))
        for body in waiting:
            if body in refused:
                failed.setdefault(body, refused[body])
            else:
                failed.pop(body, None)
        waiting = {body: paths[1:] for body, paths in waiting.items() if body in refused and len(paths) > 1}
    for body, error in failed.items():
        if body.closed and not body.role:
            _note_closed(body, found)
        else:
            _judge(body.name, error, found)
    return {*failed}


def _note_closed(body: Body, found: Tried) -> None:
    found.sound.discard(body.name)
    found.unknown.append(f"{body.name}: GRANT USAGE ON SCHEMA {body.closed} to {body.role or 'the role that judges'}")


def _validate(snapshot: Snapshot, path: str) -> Callable[[Sequence[Body]], None]:
    def validate(bodies: Sequence[Body]) -> None:
        calls = ", ".join(f"pg_catalog.{_VALIDATORS[b.language]}({b.oid}) IS NULL" for b in bodies)
        snapshot.rows(f"SELECT {calls}", {**_SETTINGS, "search_path": path})

    return validate


def _lint(snapshot: Snapshot, linter: Lint, bodies: Sequence[Body], found: Tried) -> None:
    """Has plpgsql_check look at the statements of functions, as their owners, since it has them planned."""
    left_out = [body for body in bodies if body.privileged and linter.strangers]
    found.unknown += [f"{b.name}: plpgsql_check would plan code of others as a superuser" for b in left_out]
    broken: dict[Body, str] = {}
    waiting = {body: body.paths for body in bodies if body not in left_out}
    while waiting:
        groups: dict[tuple[str, str], list[Body]] = defaultdict(list)
        for body, paths in waiting.items():
            groups[paths[0], body.role].append(body)
        complained: dict[Body, str] = {}
        for (path, role), those in groups.items():
            settings = {**_SETTINGS, "search_path": path, **({"role": role} if role else {})}

            def ask(
                some: Sequence[Body], under: Mapping[str, str] = settings, into: dict[Body, str] = complained
            ) -> None:
                said = linter.ask(snapshot, [body.oid for body in some], under)
                into.update({body: said[body.oid] for body in some if body.oid in said})

            for body, error in _find_refused(ask, those):
                found.unknown.append(f"{body.name}: {_describe(error)}")
        for body in waiting:
            if body in complained:
                broken.setdefault(body, complained[body])
            else:
                broken.pop(body, None)
        waiting = {body: paths[1:] for body, paths in waiting.items() if body in complained and len(paths) > 1}
    for body, words in broken.items():
        if body.closed:
            _note_closed(body, found)
            continue
        found.sound.discard(body.name)
        found.broken[body.name] = words
        found.by_lint.add(body.name)


def _find_refused(
    run: Callable[[Sequence[Thing]], None], things: Sequence[Thing]
) -> Iterator[tuple[Thing, sa.exc.DBAPIError]]:
    """Does something with many things at once, and tells which of them the server refuses.

    Raises:
        NotJudged: the connection was lost.
    """
    if len(things) > _AT_ONCE:
        for first in range(0, len(things), _AT_ONCE):
            yield from _find_refused(run, things[first : first + _AT_ONCE])
        return
    try:
        if things:
            run(things)
    except sa.exc.DBAPIError as error:
        if is_lost(error):
            raise NotJudged(LOST, Hindrance.CONNECTION) from None
        if len(things) == 1:
            yield things[0], error
            return
        middle = len(things) // 2
        yield from _find_refused(run, things[:middle])
        yield from _find_refused(run, things[middle:])


def _judge(name: str, error: sa.exc.DBAPIError, found: Tried) -> None:
    state = str(getattr(error.orig, "sqlstate", None))
    found.sound.discard(name)
    if state.startswith(_CANNOT_RUN) and state != _NO_PRIVILEGE:
        found.broken[name] = _describe(error)
    else:
        found.unknown.append(f"{name}: {_describe(error)}")


def _describe(error: sa.exc.DBAPIError) -> str:
    original = error.orig
    if not isinstance(original, psycopg.Error):
        return LOST
    message = " ".join((original.diag.message_primary or "no message").split())
    # What is parsed and not run names what stands in it; a literal of another class may be somebody's value.
    return message if str(original.sqlstate).startswith(_NAMES) else mask_values(message)
