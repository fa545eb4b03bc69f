"""Objects that PostgreSQL takes instead of its own: whoever makes one decides what a statement that uses it finds.

PostgreSQL resolves an operator or a function by its name and the types of its arguments, over all schemas of the
search_path: one in the application's schema whose types fit exactly is preferred to a built-in one whose types only
fit after a conversion, although pg_catalog comes first. It then runs with the rights of whoever sent the statement.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from postmigration.model.errors import CannotJudge, NotJudged, UnsafeToJudge
from postmigration.postgres.connection import CATALOG_PATH, Database, Snapshot
from postmigration.postgres.refusals import describe_refusal

# How an operator can stand in a statement besides its own name.
_SPELLINGS = {
    "=": r"\bIN\b|\bDISTINCT\s+FROM\b|\bNULLIF\b|\bUSING\b|\bCASE\b",
    "<>": r"!=|\bNOT\s+IN\b",
    ">=": r"\bBETWEEN\b",
    "<=": r"\bBETWEEN\b",
    "~~": r"\bLIKE\b",
    "!~~": r"\bNOT\s+LIKE\b",
    "~~*": r"\bILIKE\b",
    "!~~*": r"\bNOT\s+ILIKE\b",
    "~": r"\bSIMILAR\s+TO\b",
    "!~": r"\bNOT\s+SIMILAR\s+TO\b",
}
_OPERATOR_CHARACTERS = r"+\-*/<>=~!@#%^&|`?"


@dataclass(frozen=True)
class Shadow:
    """An object of the application that can stand in for one of PostgreSQL's.

    Args:
        kind: what it is.
        name: its name without schema; of a cast nothing.
        identity: what it is called, with its schema and the types of its arguments.
        owner: the role that owns it; of a cast, the owner of its function.
        schema: where it is found; `pg_catalog` for what every statement finds.
    """

    kind: Literal["operator", "function", "cast"]
    name: str
    identity: str
    owner: str
    schema: str

    @property
    def object(self) -> str:
        """What it is and what it is called, as a waiver names it."""
        return f"{self.kind} {self.identity}"

    @property
    def words(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"{self.object}, owned by {self.owner}, would be taken for PostgreSQL's own in what this run asks: it can "
            "decide what is found, and run code with the rights of the role that judges; drop it, move it to a schema "
            f"outside the search_path, or accept it with a waiver: object = '{self.object}'"
        )

    def is_used(self, sql: str) -> bool:
        """Tells whether a statement may take it; a cast needs no name."""
        if self.kind == "cast":
            return True
        if self.kind == "function":
            # With a schema before its name it is meant.
            name = re.escape(self.name)
            return re.search(rf'(?<![\w".])(?:{name}|"{name}")\s*\(', sql, re.IGNORECASE) is not None
        token = rf"(?<![{_OPERATOR_CHARACTERS}]){re.escape(self.name)}(?![{_OPERATOR_CHARACTERS}])"
        spelling = f"|{_SPELLINGS[self.name]}" if self.name in _SPELLINGS else ""
        return re.search(f"{token}{spelling}", sql, re.IGNORECASE) is not None


# Objects of the server itself have smaller oids (PostgreSQL's FirstNormalObjectId).
_OURS = 16_384
# An extension's own objects are what their author meant, whoever installed it: they belong to a superuser, which those
# that somebody has added to it (ALTER EXTENSION … ADD) need not.
_MEMBER = """
    SELECT FROM pg_depend d JOIN pg_roles r ON r.oid = {owner} AND r.rolsuper
    WHERE d.classid = CAST('{catalog}' AS regclass) AND d.objid = {oid} AND d.deptype = 'e'
"""
# Which types of PostgreSQL's own take a type of the application, by the kind of that; a domain is taken as its base.
_ACCEPTS = """
    accepts AS (
        SELECT v.kind, t.oid FROM (VALUES
            ('e', 'anyenum'), ('c', 'record'), ('r', 'anyrange'), ('r', 'anycompatiblerange'), ('m', 'anymultirange'),
            ('m', 'anycompatiblemultirange'), ('A', 'anyarray'), ('A', 'anycompatiblearray')
        ) AS v(kind, name) JOIN pg_type t ON t.typname = v.name AND t.oid < 16384
        UNION ALL
        SELECT v.kind, t.oid FROM (VALUES ('e'), ('c'), ('r'), ('m'), ('A')) AS v(kind)
        JOIN pg_type t ON t.typname IN ('any', 'anyelement', 'anycompatible') AND t.oid < 16384
    ), own AS (
        SELECT oid, CASE typcategory WHEN 'A' THEN 'A' ELSE CAST(typtype AS text) END AS kind
        FROM pg_type WHERE oid >= 16384
    )
"""


def _fits(type_: str, wanted: str) -> str:
    """SQL for whether a value of a type is one that an object of PostgreSQL's own takes, too.

    Args:
        type_: SQL for the oid of the type.
        wanted: SQL for an array of oids, of which one has to take it.
    """
    return (
        f"({type_} < {_OURS} OR EXISTS (SELECT FROM own WHERE own.oid = {type_} AND (own.kind = 'd' OR EXISTS ("
        f"SELECT FROM accepts a WHERE a.kind = own.kind AND a.oid = ANY({wanted})))))"
    )


_SHADOWS = f"""
    WITH {_ACCEPTS}
    SELECT 'operator' AS kind, o.oprname AS name,
           format('%I.%s(%s)', n.nspname, o.oprname,
                  concat_ws(', ', CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
                            format_type(o.oprright, NULL))) AS identity,
           pg_get_userbyid(o.oprowner) AS owner, n.nspname AS schema
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
    WHERE o.oid >= {_OURS} AND n.nspname = ANY(CAST(:schemas AS name[]))
      AND NOT EXISTS ({_MEMBER.format(catalog="pg_operator", oid="o.oid", owner="o.oprowner")})
      AND EXISTS (SELECT FROM pg_operator b WHERE b.oid < {_OURS} AND b.oprname = o.oprname
                  AND {_fits("o.oprleft", "ARRAY[b.oprleft]")} AND {_fits("o.oprright", "ARRAY[b.oprright]")})
      AND NOT EXISTS (SELECT FROM pg_operator b
                      WHERE b.oid < {_OURS} AND b.oprname = o.oprname AND b.oprleft = o.oprleft
                        AND b.oprright = o.oprright)
    UNION ALL
    SELECT 'function', p.proname,
           format('%I.%I(%s)', n.nspname, p.proname,
                  (SELECT string_agg(format_type(a.type, NULL), ', ' ORDER BY a.place)
                   FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, place))),
           pg_get_userbyid(p.proowner), n.nspname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.oid >= {_OURS} AND p.prokind <> 'p' AND n.nspname = ANY(CAST(:schemas AS name[]))
      AND NOT EXISTS ({_MEMBER.format(catalog="pg_proc", oid="p.oid", owner="p.proowner")})
      AND EXISTS (SELECT FROM pg_proc b WHERE b.oid < {_OURS} AND b.proname = p.proname
                  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS a(type)
                                  WHERE NOT {_fits("a.type", "CAST(b.proargtypes AS oid[])")}))
      AND NOT EXISTS (SELECT FROM pg_proc b
                      WHERE b.oid < {_OURS} AND b.proname = p.proname AND b.proargtypes = p.proargtypes)
    UNION ALL
    -- Every type has a built-in conversion to text, and a cast by a function of the application's goes before it.
    SELECT 'cast', '', format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
           pg_get_userbyid(f.proowner),
           CASE WHEN c.castsource < {_OURS} THEN 'pg_catalog' ELSE f.pronamespace::regnamespace::text END
    FROM pg_cast c JOIN pg_proc f ON f.oid = c.castfunc
    WHERE f.oid >= {_OURS} AND NOT EXISTS ({_MEMBER.format(catalog="pg_cast", oid="c.oid", owner="f.proowner")})
      AND c.casttarget < {_OURS}
      AND (c.castsource < {_OURS}
           OR EXISTS (SELECT FROM pg_type t WHERE t.oid = c.casttarget AND t.typcategory = 'S')
              AND EXISTS (SELECT FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
                          JOIN pg_namespace n ON n.oid = r.relnamespace
                          WHERE a.atttypid = c.castsource AND NOT a.attisdropped AND n.nspname = :schema))
    ORDER BY 1, 3
"""


_PARTIAL = f"""
    SELECT EXISTS (
        SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_depend d ON d.classid = CAST('pg_class' AS regclass) AND d.objid = i.indexrelid
             AND d.refclassid = CAST('pg_proc' AS regclass) AND d.refobjid >= {_OURS}
        WHERE n.nspname = :schema AND i.indpred IS NOT NULL)
"""


def avoid_lying_indexes(snapshot: Snapshot) -> None:
    """Has no index used where a partial one may lack rows: the function that chooses them can be replaced."""
    if snapshot.scalar(_PARTIAL, schema=snapshot.database.schema):
        snapshot.avoid_indexes()


def find_shadows(snapshot: Snapshot) -> list[Shadow]:
    """Finds what can stand in for PostgreSQL's own objects where names are looked up as the application does.

    Raises:
        sa.exc.DBAPIError: the server refused.
    """
    database = snapshot.database
    rows = snapshot.rows(_SHADOWS, schemas=["pg_catalog", *database.application_schemas], schema=database.schema)
    return [Shadow(row.kind, row.name, row.identity, row.owner, row.schema) for row in rows]


def explain_new_shadows(database: Database) -> str:
    """Says which of them was made since `refuse_shadows`: what is there now counts. Empty where none was."""
    now: Snapshot | None = None
    try:
        now = Snapshot(database)
        found = [shadow for shadow in find_shadows(now) if shadow not in database.shadows]
    except (CannotJudge, NotJudged) as error:
        return f"{_UNTOLD}: {error}"
    except sa.exc.DBAPIError as error:
        return f"{_UNTOLD}: {describe_refusal(error)}"
    finally:
        if now is not None:
            now.close()
    return f"made while the database was judged: {found[0].words}" if found else ""


_UNTOLD = "whether something was made meanwhile that is taken for PostgreSQL's own cannot be told"


def refuse_shadows(database: Database, found: Collection[Shadow], accepted: Collection[str] = ()) -> None:
    """Refuses, from now on, each statement on a database that may take one of some objects.

    Args:
        found: what was found there.
        accepted: those that may be taken, as `Shadow.object`.

    Raises:
        UnsafeToJudge: every statement may take one of them.
    """
    database.shadows = tuple(found)
    shadows = [shadow for shadow in found if shadow.object not in accepted]
    for shadow in shadows:
        if shadow.schema == "pg_catalog":
            raise UnsafeToJudge(shadow.words)

    def refuse(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        if connection.info.get("search_path") != CATALOG_PATH:
            for shadow in shadows:
                if shadow.is_used(statement):
                    raise UnsafeToJudge(shadow.words)

    if shadows:
        sa.event.listen(database.engine, "before_cursor_execute", refuse)
