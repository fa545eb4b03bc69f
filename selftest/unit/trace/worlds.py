"""A small world before and after a migration: people became clients with other ids, and visits lead to these."""

from __future__ import annotations

from postmigration.checks.contents.tables import Relation
from postmigration.postgres.connection import Snapshot
from postmigration.trace.links import KeyPart, LinkFinder
from postmigration.trace.reading import Row, Side, own_field
from postmigration.trace.verify import Verifier

BEFORE = """
    CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, kind text NOT NULL, old text);
    INSERT INTO person
    SELECT g, 'Name ' || chr(64 + g) || g * 7, 'User' || g || '@Example.org',
           CASE WHEN g % 3 = 0 THEN 'guest' ELSE 'member' END, 'o' || g
    FROM generate_series(1, 24) g;
    CREATE TABLE visit (id int PRIMARY KEY, person_id int NOT NULL REFERENCES person, note text, cents int);
    INSERT INTO visit SELECT g, 1 + g % 24, 'note ' || g * 3, g * 25 FROM generate_series(1, 40) g;
    CREATE TABLE flag (name text PRIMARY KEY);
    INSERT INTO flag VALUES ('on'), ('off');
"""
MIGRATION = """
    CREATE TABLE client (id text PRIMARY KEY, title text NOT NULL, mail text NOT NULL);
    INSERT INTO client SELECT 'cl_' || id, name, lower(email) FROM person;
    ALTER TABLE visit ADD client_id text REFERENCES client;
    UPDATE visit SET client_id = 'cl_' || person_id;
    ALTER TABLE visit DROP person_id;
    ALTER TABLE visit RENAME note TO remark;
    DROP TABLE person, flag;
"""
PERSON, VISIT, CLIENT, FLAG = (("public", name) for name in ("person", "visit", "client", "flag"))


class Sides:
    """Both databases, and what looks into them."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before, self.after = Side(before, ["public"]), Side(after, ["public"])
        self.finder, self.verifier = LinkFinder(self.before, self.after), Verifier(self.before, self.after)


def sample(side: Side, table: Relation) -> list[Row]:
    """Rows of a table with its own columns."""
    return side.sample(table, [own_field(column) for column in table.columns.values()])


def keyed(side: Side, table: tuple[str, str], column: str, source: str, before: str = "") -> KeyPart:
    """How a column of now follows from one of before."""
    return KeyPart(column, own_field(side.tables[table].columns[source]), before)
