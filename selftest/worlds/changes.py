"""Single changes of a migrated world: of what the rules govern, and of what they leave free.

Each is drawn without a look at the database and settles on a row, a column or an object of it when it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from hypothesis import strategies as st

from fixtures import MIGRATION
from fixtures.world import COLUMNS
from postmigration.changes import MayChange

Connection = psycopg.Connection[Any]

# Ids of rows that were there before look like this (see `strategies.identity`).
_OLD = "id::text LIKE '0000000_-0000-4000-8000-%'"
_LEGACY = tuple(MIGRATION.legacy_tables)

# What becomes of a value, by its type: something else, and as little as possible.
_OTHERWISE = {
    "text": "CASE WHEN v IS NULL OR v = '' THEN 'x' WHEN right(v, 1) = 'x' THEN left(v, -1) || 'y' "
    "ELSE left(v, -1) || 'x' END",
    "uuid": "CAST('ffffffff-ffff-4fff-8fff-ffffffffffff' AS uuid)",
    "boolean": "v IS NOT TRUE",
    "number": "CASE WHEN v = 1 THEN 2 ELSE 1 END",
    "timestamp with time zone": "coalesce(v + interval '1 microsecond', '2020-01-01')",
    "date": "coalesce(v + 1, '2020-01-01')",
    "jsonb": """CASE WHEN v::text = '{"a": 1}' THEN '{"a": 1.0}' ELSE '{"a": 1}' END::jsonb""",
    "inet": "CASE WHEN v = '192.0.2.99' THEN '192.0.2.98' ELSE '192.0.2.99' END::inet",
    "text[]": "array_append(v, 'x')",
    "uuid[]": "array_append(v, 'ffffffff-ffff-4fff-8fff-ffffffffffff')",
    "user_role[]": "array_append(v, 'qa')",
}
_AS_TEXT = ("character varying", "text")
_AS_NUMBER = ("integer", "bigint", "numeric")


@dataclass(frozen=True)
class Change:
    """A change that was made.

    Args:
        places: of these, evidence of it must name one.
        first: the checks that are tried first, because they ought to see it.
    """

    places: tuple[str, ...]
    first: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """Another value in one column of one row; NULL where that is another one, and wanted."""

    table: str
    column: str
    row: int
    null: bool

    def make(self, connection: Connection) -> Change | None:
        type_, nullable = _one(
            connection,
            "SELECT format_type(atttypid, NULL), NOT attnotnull FROM pg_attribute "
            f"WHERE attrelid = '{self.table}'::regclass AND attname = '{self.column}'",
        )
        rows = _rows_of(connection, self.table, _governed(self.table, self.column), self.column)
        if not rows:
            return None
        key, places, empty = rows[self.row % len(rows)]
        # No settings, and settings that hold nothing, are the same.
        emptied = self.null and nullable and not empty and self.column != "settings"
        value = "nullif(v, v)" if emptied else _otherwise(type_)
        if self.column == "role" and self.table == "contacts" and not emptied:
            # Another role is nobody's business; to have none is.
            value = "' '"
        connection.execute(
            f"UPDATE {self.table} SET {self.column} = (SELECT {value} FROM (SELECT {self.column} AS v) q) "
            f"WHERE id = '{key}'".encode()
        )
        return Change(
            tuple(places),
            _LIKELY.get((self.table, self.column), ("rows_are_those_of_before", "5", "6", "12", "8", "9")),
        )


@dataclass(frozen=True)
class Lost:
    """A row is gone."""

    table: str
    row: int

    def make(self, connection: Connection) -> Change | None:
        rows = _rows_of(connection, self.table, _governed(self.table, "id"), "id")
        if not rows:
            return None
        key, places, _ = rows[self.row % len(rows)]
        connection.execute(f"DELETE FROM {self.table} WHERE id = '{key}'")
        return Change(tuple(places), ("rows_are_those_of_before", "8", "12"))


@dataclass(frozen=True)
class Invented:
    """A row is there twice, the second time with keys of its own."""

    table: str
    row: int

    def make(self, connection: Connection) -> Change | None:
        rows = _rows_of(connection, self.table, _OLD, "id")
        if not rows:
            return None
        new = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"
        keys = {"organizations": "slug", "users": "email", "projects": "project_id", "workflow_stages": "slug"}
        more = f""", "{keys[self.table]}": "invented", "stage_order": -7""" if self.table in keys else ""
        if self.table == "organizations":
            more += ', "description": "invented"'
        connection.execute(
            f"""INSERT INTO {self.table}
                SELECT (jsonb_populate_record(t, '{{"id": "{new}"{more}}}')).*
                FROM {self.table} t WHERE id = '{rows[self.row % len(rows)][0]}'""".encode()
        )
        return Change((new,), ("rows_are_those_of_before", "8", "11"))


@dataclass(frozen=True)
class Statement:
    """One object of the schema is altered: of those that a query finds, each with what evidence must name."""

    found: str
    number: int
    first: tuple[str, ...]

    def make(self, connection: Connection) -> Change | None:
        statements = connection.execute(self.found.encode()).fetchall()
        if not statements:
            return None
        statement, place = statements[self.number % len(statements)]
        connection.execute(statement.encode())
        # "project_contact_points" is "contact point" to a reader.
        return Change((place, place.removeprefix("project_").replace("_", " ").rstrip("s")), self.first)


# Columns of which no rule says that they stay, or only of some rows (see `_governed`).
_FREE_COLUMNS = {
    (change.table, change.column)
    for change in MIGRATION.changes
    if isinstance(change, MayChange) and change.where == "true"
}
_NEW_COLUMNS = (
    ("contacts", "role"),
    ("contacts", "is_primary_contact"),
    ("projects", "customer_organization_id"),
    ("project_contact_points", "project_id"),
    ("project_contact_points", "contact_id"),
    ("project_contact_points", "is_primary"),
)
_CELLS = (
    *(
        (table, column)
        for table in _LEGACY
        for columns in COLUMNS[f"public.{table}"]
        for column in columns
        if (table, column) not in _FREE_COLUMNS
    ),
    *_NEW_COLUMNS,
)
_LIKELY = {
    ("contacts", "organization_id"): ("6",),
    ("contacts", "role"): ("6",),
    ("contacts", "is_primary_contact"): ("11",),
    ("projects", "customer_organization_id"): ("7", "9"),
    ("project_contact_points", "project_id"): ("15", "8"),
    ("project_contact_points", "contact_id"): ("15", "8"),
    ("project_contact_points", "is_primary"): ("12",),
    ("organizations", "settings"): ("settings_keep_what_they_held", "rows_are_those_of_before"),
}


def _governed(table: str, column: str) -> str:
    """The condition on a row that its value of this column is governed by a rule."""
    match table, column:
        case "contacts", "role" | "is_primary_contact":
            return "type = 'customer'"
        case "organizations", "name" | "description" | "is_active":
            return f"{_OLD} OR description = 'Customer Organization'"
        case "project_contact_points", _:
            return "true"
    return _OLD


# Where a row is found, if not by its own key.
_PLACES = {
    # A customer organization that came with the migration is known by the contacts that name its company.
    "organizations": "ARRAY[id] || ARRAY(SELECT c.id FROM contacts c WHERE c.organization_id = t.id)",
    "project_contact_points": "ARRAY[id, project_id]",
}


def _rows_of(connection: Connection, table: str, condition: str, column: str) -> list[Any]:
    """The key of each such row, what evidence may name of it, and whether it has no value."""
    places = _PLACES.get(table, "ARRAY[id]")
    return connection.execute(
        f"SELECT id::text, ({places})::text[], {column} IS NULL FROM {table} t WHERE {condition} ORDER BY id".encode()
    ).fetchall()


def _otherwise(type_: str) -> str:
    if type_ in _AS_TEXT or type_ in _AS_NUMBER:
        return _OTHERWISE["text" if type_ in _AS_TEXT else "number"]
    known = {name.replace("character varying[]", "text[]"): value for name, value in _OTHERWISE.items()}
    # Whatever is left is an enumeration.
    return known.get(
        type_, f"(SELECT e FROM unnest(enum_range(NULL::{type_})) e WHERE e IS DISTINCT FROM v ORDER BY e LIMIT 1)"
    )


def _one(connection: Connection, sql: str) -> Any:
    return connection.execute(sql.encode()).fetchone()


_TABLES = ", ".join(f"'{table}'::regclass" for table in (*_LEGACY, "project_contact_points"))
# Each with what evidence must name.
_LOST_COLUMNS = f"""
    SELECT format('ALTER TABLE %s DROP COLUMN %I CASCADE', attrelid::regclass, attname), attname
    FROM pg_attribute WHERE attrelid IN ({_TABLES}) AND attnum > 0 AND NOT attisdropped ORDER BY 1
"""
_LOOSENED_COLUMNS = f"""
    SELECT format('ALTER TABLE %s ALTER %I DROP NOT NULL', attrelid::regclass, attname), attname
    FROM pg_attribute WHERE attrelid IN ({_TABLES}) AND attrelid <> 'project_contact_points'::regclass
    AND attnotnull AND attnum > 0 AND attname <> 'id' AND NOT attisdropped ORDER BY 1
"""
# That nobody stands on a project twice is a rule for the rows; nothing need enforce it.
_LOST_CONSTRAINTS = f"""
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname),
           CASE WHEN confrelid = 'organizations'::regclass AND conrelid = 'projects'::regclass
                THEN 'organization_id' ELSE conrelid::regclass::text END
    FROM pg_constraint WHERE conrelid IN ({_TABLES}) AND contype IN ('p', 'u', 'f', 'c')
    AND NOT (contype = 'u' AND conrelid = 'project_contact_points'::regclass) ORDER BY 1
"""
_INVALID_INDEXES = """
    SELECT format('UPDATE pg_index SET indisvalid = false WHERE indexrelid = %L::regclass', indexrelid::regclass),
           relname
    FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE indrelid IN ('projects'::regclass, 'project_contact_points'::regclass) ORDER BY 1
"""
_LOST_INDEXES = "SELECT 'DROP INDEX project_contact_points_contact_id_idx', 'contact_id'"
# Nobody need be able to delete a contact.
_LOST_POLICIES = f"""
    SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass), ''
    FROM pg_policy WHERE polrelid IN ({_TABLES}) AND polname <> 'contacts_remove' ORDER BY 1
"""
_OPEN_POLICIES = f"""
    SELECT format('ALTER POLICY %I ON %s', polname, polrelid::regclass)
           || CASE WHEN polqual IS NULL THEN '' ELSE ' USING (true)' END
           || CASE WHEN polwithcheck IS NULL THEN '' ELSE ' WITH CHECK (true)' END, polrelid::regclass::text
    FROM pg_policy WHERE polrelid IN ({_TABLES}) ORDER BY 1
"""
_UNGUARDED_TABLES = f"""
    SELECT format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', oid::regclass), oid::regclass::text
    FROM pg_class WHERE oid IN ({_TABLES}) ORDER BY 1
"""
# That a customer of two operators keeps one primary contact is warned of, where nothing sees to it.
_TRIGGERS = f"""
    SELECT format(statement, tgname, tgrelid::regclass), tgrelid::regclass::text
    FROM pg_trigger, (VALUES ('DROP TRIGGER %1$I ON %2$s'), ('ALTER TABLE %2$s DISABLE TRIGGER %1$I')) s (statement)
    WHERE tgrelid IN ({_TABLES}) AND NOT tgisinternal AND tgname <> 'contacts_demote_former_primary' ORDER BY 1
"""
_SEEN = ("everybody_sees_what_is_theirs", "everybody_sees_what_they_saw", "staff_can_do_their_work")
_CLOSED = ("nothing_bypasses_the_policies", "contact_points_are_protected", "nobody_else_can_do_it", *_SEEN)
_STATEMENTS = (
    (_LOST_COLUMNS, ("columns_are_as_before", "1", "2", "3", "4", "organizations_have_a_website")),
    (_LOOSENED_COLUMNS, ("columns_are_as_before",)),
    (_LOST_CONSTRAINTS, ("constraints_are_as_before", "indexes_are_as_before", "1", "3")),
    (_INVALID_INDEXES, ("1", "3")),
    (_LOST_INDEXES, ("3",)),
    (_LOST_POLICIES, _SEEN),
    (_OPEN_POLICIES, _CLOSED),
    (_UNGUARDED_TABLES, _CLOSED),
    (_TRIGGERS, ("triggers_and_rules_fire", "3", "contact_points_are_audited")),
)
_NUMBERS = st.integers(0, 199)
GOVERNED: st.SearchStrategy[Cell | Lost | Invented | Statement] = st.one_of(
    st.sampled_from(_CELLS).flatmap(lambda c: st.builds(Cell, st.just(c[0]), st.just(c[1]), _NUMBERS, st.booleans())),
    st.builds(Lost, st.sampled_from((*_LEGACY, "project_contact_points")), _NUMBERS),
    # The audit trail grows.
    st.builds(Invented, st.sampled_from(sorted({*_LEGACY} - {"activity_log"})), _NUMBERS),
    st.sampled_from(_STATEMENTS).flatmap(lambda s: st.builds(Statement, st.just(s[0]), _NUMBERS, st.just(s[1]))),
)  # fmt: skip

_COLLEAGUE = """
    SELECT p.id AS project_id, c.id AS contact_id FROM projects p
    JOIN contacts c ON c.organization_id = p.customer_organization_id AND c.type = 'customer'
    WHERE NOT EXISTS (SELECT FROM project_contact_points k WHERE k.project_id = p.id AND k.contact_id = c.id)
      AND EXISTS (SELECT FROM project_contact_points k WHERE k.project_id = p.id)
    ORDER BY 1, 2 LIMIT 1
"""
FREE: st.SearchStrategy[str] = st.sampled_from(
    (
        "UPDATE contacts SET role = 'Einkäufer ' || id WHERE type = 'customer'",
        "UPDATE contacts SET role = '' WHERE type <> 'customer'",
        "UPDATE contacts SET description = company_name",
        f"INSERT INTO project_contact_points (project_id, contact_id) {_COLLEAGUE}",
        "UPDATE project_contact_points SET role = NULL, created_at = NULL, updated_at = 'infinity'",
        *(f"UPDATE {table} SET updated_at = '2000-01-01'" for table in _LEGACY if table != "activity_log"),
        "INSERT INTO activity_log (organization_id, entity_type, entity_id, action) "
        "SELECT organization_id, '', id, '' FROM users",
        "UPDATE organizations SET address = name, city = left(name, 100), website = NULL",
        "ALTER TABLE contacts ADD COLUMN extra text DEFAULT 'x'",
        "CREATE TABLE news (id int PRIMARY KEY); ALTER TABLE news ENABLE ROW LEVEL SECURITY",
        "CREATE INDEX ON projects (title)",
        "ALTER TABLE projects ADD CHECK (title IS NOT NULL)",
        "DROP POLICY contacts_remove ON contacts",
        "ANALYZE",
    )
)  # fmt: skip
