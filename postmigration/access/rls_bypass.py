"""The ways around row-level security: what a schema leaves open, one fact at a time, so that two states compare."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from postmigration.diff.objects.renames import IDENTIFIER, bare
from postmigration.model.evidence import Subject
from postmigration.model.platform import SUPABASE
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

_ROLES = "('anon', 'authenticated')"
# Schemas of the platform and of its extensions, which are not the migration's.
_PLATFORM = f"""({", ".join(f"'{schema}'" for schema in ("information_schema", *sorted(SUPABASE.schemas)))})"""
# The schema of the tables, and every other one that people can use.
SCHEMAS = f"""
    SELECT s.oid FROM pg_namespace s
    WHERE s.nspname = :schema
       OR s.nspname !~ '^pg_' AND s.nspname NOT IN {_PLATFORM} AND EXISTS (
           SELECT FROM pg_roles r WHERE r.rolname IN {_ROLES} AND has_schema_privilege(r.oid, s.oid, 'USAGE'))
"""


# What `name_sql` calls an object of another schema, and for a function the types of its arguments.
_QUALIFIED = re.compile(rf"({IDENTIFIER})\.({IDENTIFIER})(\(.*\))?", re.DOTALL)


def name_sql(schema: str, name: str) -> str:
    """SQL for what an object is called: by its name alone in the schema of the tables.

    Args:
        schema: SQL for the oid of its schema.
        name: SQL for its name.
    """
    return (
        f"CASE WHEN {schema} = (SELECT oid FROM pg_namespace WHERE nspname = :schema) THEN {name}::text "
        f"ELSE format('%s.%I', {schema}::regnamespace, {name}) END"
    )


_TABLE = name_sql("c.relnamespace", "c.relname")


class Problem(StrEnum):
    """What is open about an object."""

    UNPROTECTED = "unprotected"  # a table without row-level security, which a role may use
    ALWAYS_TRUE = "always true"  # a policy that is true for every row
    BELIEVES_USERS = "believes users"  # a policy that reads what users say of themselves
    SHOWS_ALL = "shows all"  # a view that reads with the rights of its owner
    UNPINNED = "unpinned"  # a function with the rights of its owner and the search_path of its caller
    CALLABLE = "callable"  # a function with the rights of its owner that strangers may call
    GRANTED = "granted"  # a privilege of strangers


@dataclass(frozen=True)
class Opening:
    """One fact about what is open: two are the same if all but their words are.

    Args:
        object: what it is about, named so that both states name it alike.
        problem: what is open about it.
        role: for whom; empty where it does not depend on who it is.
        action: the privilege or the command of the policy; empty where there is none.
        label: what the object is called in words.
        detail: the name of the policy, or whether the table has policies.
    """

    object: str
    problem: Problem
    role: str
    action: str
    label: str = field(compare=False)
    detail: str = field(compare=False)

    def locate(self, schema: str) -> Subject:
        """The object, where the tables stand in a schema."""
        shows = Problem.SHOWS_ALL, Problem.GRANTED
        return locate(
            "function" if "(" in self.object else "view" if self.problem in shows else "table", self.object, schema
        )


def locate(kind: str, name: str, schema: str) -> Subject:
    """An object by what `name_sql` calls it, and for a function with the types of its arguments.

    Args:
        kind: what it is.
        schema: the schema of the tables.
    """
    where, own, arguments = schema, name, ""
    if found := _QUALIFIED.fullmatch(name):
        where, own, arguments = bare(found[1]), bare(found[2]), found[3] or ""
    return Subject.of_table(where, own) if kind == "table" else Subject(kind, where, own + arguments)


# Each role that a policy is for, where PUBLIC is everybody by name too, and each command that an expression opens: the
# rows that are found (USING) and the rows that are written (WITH CHECK, for which USING stands in).
_POLICIES = f"""
    SELECT {_TABLE} AS object, p.polname, p.polpermissive, roles.role, commands.action, commands.expression
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN role = 0 THEN 'PUBLIC' ELSE role::regrole::text END AS role FROM unnest(p.polroles) AS u(role)
        UNION SELECT unnest(ARRAY['anon', 'authenticated']) WHERE 0 = ANY (p.polroles)) AS roles
    CROSS JOIN LATERAL (
        SELECT action, pg_get_expr(CASE WHEN written THEN coalesce(p.polwithcheck, p.polqual) ELSE p.polqual END,
                                   p.polrelid) AS expression
        FROM (VALUES ('r', 'SELECT', false), ('a', 'INSERT', true), ('w', 'UPDATE', false),
                     ('w', 'UPDATE WITH CHECK', true), ('d', 'DELETE', false)) AS v (command, action, written)
        WHERE p.polcmd IN ('*', v.command::"char")) AS commands
    WHERE c.relnamespace IN ({SCHEMAS})
"""
# For each way around the policies a query for what is open.
_WAYS = {
    "tables": f"""
        SELECT {_TABLE} AS object, 'unprotected' AS problem, r.rolname::text AS role, action,
               CASE WHEN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                    THEN 'has policies, but row-level security is off' ELSE 'has no row-level security' END AS detail
        FROM pg_class c JOIN pg_roles r ON r.rolname IN {_ROLES}
        CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS u (action)
        WHERE c.relnamespace IN ({SCHEMAS})
          AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND NOT c.relispartition
          AND has_table_privilege(r.oid, c.oid, action)
    """,
    "policies": f"""
        SELECT object, 'always true' AS problem, role, action, '' AS detail
        FROM ({_POLICIES}) p
        WHERE polpermissive AND role IN ('PUBLIC', 'anon', 'authenticated') AND expression = 'true'
        UNION ALL
        -- What people write of themselves is no reason to let them pass.
        SELECT object, 'believes users', role, action, quote_ident(polname)
        FROM ({_POLICIES}) p WHERE expression ~ 'user_metadata|raw_user_meta_data'
    """,
    "views": f"""
        SELECT {_TABLE} AS object, 'shows all' AS problem, r.rolname::text AS role, 'SELECT' AS action, '' AS detail
        FROM pg_class c JOIN pg_roles r ON r.rolname IN {_ROLES} AND has_table_privilege(r.oid, c.oid, 'SELECT')
        LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND {MEMBER_E}
        WHERE c.relnamespace IN ({SCHEMAS}) AND e.objid IS NULL
          AND (c.relkind IN ('m', 'f')
               OR c.relkind = 'v' AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on',
                                                                          'security_invoker=1'], false))
    """,
    # Whatever its arguments are called, it is the same function.
    "functions": f"""
        SELECT format('%s(%s)', {name_sql("p.pronamespace", "p.proname")}, oidvectortypes(p.proargtypes)) AS object,
               format('%s(%s)', {name_sql("p.pronamespace", "p.proname")}, pg_get_function_identity_arguments(p.oid))
                   AS label, open.problem, open.role, open.action, '' AS detail
        FROM pg_proc p
        CROSS JOIN LATERAL (
            SELECT 'unpinned' AS problem, '' AS role, '' AS action
            WHERE NOT EXISTS (SELECT FROM unnest(p.proconfig) AS u(setting) WHERE setting LIKE 'search_path=%')
            UNION ALL
            SELECT 'callable', 'anon', 'EXECUTE' FROM pg_roles r
            WHERE r.rolname = 'anon' AND has_function_privilege(r.oid, p.oid, 'EXECUTE')) AS open
        LEFT JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND {MEMBER_E}
        WHERE p.pronamespace IN ({SCHEMAS}) AND e.objid IS NULL
          AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
    """,
    "privileges": f"""
        SELECT DISTINCT {_TABLE} AS object, 'granted' AS problem, 'anon' AS role, x.privilege_type AS action,
               '' AS detail
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS x
        WHERE c.relnamespace IN ({SCHEMAS})
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
          AND x.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = 'anon'))
    """,
}
WAYS = tuple(_WAYS)
_NEW_ROWS = "UPDATE WITH CHECK"
_ACTIONS = ("SELECT", "INSERT", "UPDATE", _NEW_ROWS, "DELETE", "TRUNCATE")
_ALL = "SELECT, INSERT, UPDATE, DELETE"


def open_ways(snapshot: Snapshot, way: str) -> frozenset[Opening]:
    """Finds what is open in a schema.

    Args:
        way: one of `WAYS`.
    """
    return frozenset(
        Opening(row.object, Problem(row.problem), row.role, row.action, getattr(row, "label", row.object), row.detail)
        for row in snapshot.rows(_WAYS[way], schema=snapshot.database.schema)
    )


def rename_tables(
    openings: Collection[Opening], tables: Mapping[tuple[str, str], tuple[str, str]], schema: str
) -> frozenset[Opening]:
    """What was open in a schema, of tables by their names afterwards.

    Args:
        tables: what tables are called afterwards, with their schemas, by their names before.
        schema: the schema of the tables.
    """
    names = {_write(was, schema): _write(now, schema) for was, now in tables.items()}
    return frozenset(
        opening if "(" in opening.object else replace(opening, object=names.get(opening.object, opening.object))
        for opening in openings
    )


def _write(table: tuple[str, str], schema: str) -> str:
    return table[1] if table[0] == schema else f"{quoted(table[0])}.{quoted(table[1])}"


def describe(openings: Collection[Opening]) -> list[tuple[str, int]]:
    """Says in words what is open, and of how many objects: of each one sentence for each problem and for whom it is.

    Many objects of which the same is open have one sentence together.
    """
    labels: dict[str, list[str]] = {}
    for label, of_object in _group(openings, lambda opening: opening.label):
        for problem, alike in _group(of_object, lambda opening: opening.problem):
            if problem not in _OF_A_FUNCTION:
                for clause in _clauses(problem, alike):
                    labels.setdefault(clause, []).append(label)
        if owned := [_OF_A_FUNCTION[p] for p in _OF_A_FUNCTION if p in {opening.problem for opening in of_object}]:
            clause = f"runs with the rights of its owner, and {', and '.join(owned)}"
            labels.setdefault(clause, []).append(label)
    return [told for clause, of in labels.items() for told in _tell(clause, of)]


# So many objects of which the same is open are told of one by one.
_ONE_BY_ONE = 20
_EXAMPLES = 3


def _tell(clause: str, labels: Sequence[str]) -> list[tuple[str, int]]:
    if len(labels) <= _ONE_BY_ONE:
        return [(f"{label} {clause}", 1) for label in labels]
    examples = ", ".join(labels[:_EXAMPLES])
    return [(f"each of {examples} and {len(labels) - _EXAMPLES:,} more {clause}", len(labels))]


_OF_A_FUNCTION = {Problem.UNPINNED: "without a search_path of its own", Problem.CALLABLE: "anon may call it"}


def _group(openings: Collection[Opening], key: Callable[[Opening], str]) -> list[tuple[str, list[Opening]]]:
    groups: dict[str, list[Opening]] = {}
    for opening in sorted(openings, key=lambda o: (key(o), o.role)):
        groups.setdefault(key(opening), []).append(opening)
    return list(groups.items())


def _clauses(problem: str, openings: Sequence[Opening]) -> Iterator[str]:
    """Says in words what is open about one object in one way."""
    detail = openings[0].detail
    if problem == Problem.BELIEVES_USERS:
        for name in sorted({opening.detail for opening in openings}):
            yield f"has the policy {name}, which believes what users say of themselves (user_metadata)"
        return
    actions = {role: {opening.action for opening in its} for role, its in _group(openings, lambda o: o.role)}
    for role in actions.keys() - {"PUBLIC"}:
        # Whoever is named beside everybody is one of them.
        actions[role] -= actions.get("PUBLIC", set())
    roles: dict[str, list[str]] = {}
    for role in filter(actions.get, actions):
        roles.setdefault(_list(actions[role]), []).append(role)
    for which, names in roles.items():
        match problem:
            case Problem.UNPROTECTED:
                may = "use it" if which == _ALL else f"use it for {which}"
                yield f"{detail}, and {' and '.join(names)} may {may}"
            case Problem.ALWAYS_TRUE:
                command = "ALL" if which == _ALL else which
                yield f"has a policy for {command} that lets everybody pass ({', '.join(names)})"
            case Problem.SHOWS_ALL:
                yield f"shows what its owner sees, and {' and '.join(names)} may read it"
            case Problem.GRANTED:
                yield f"grants {' and '.join(names)} {which}"


def _list(actions: Collection[str]) -> str:
    return ", ".join(a for a in _ACTIONS if a in actions and not (a == _NEW_ROWS and "UPDATE" in actions))
