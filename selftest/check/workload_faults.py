"""An application that sends statements, and what breaks them: SQL, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WORLD = """
CREATE SCHEMA store;
CREATE TABLE store.client (id integer PRIMARY KEY, name text, active boolean NOT NULL DEFAULT true);
CREATE TABLE store.purchase (id integer PRIMARY KEY, client integer, total numeric, at timestamptz DEFAULT now(),
                             note text);
CREATE INDEX purchase_client ON store.purchase (client);
INSERT INTO store.client SELECT g, 'c' || g FROM generate_series(1, 3000) g;
INSERT INTO store.purchase SELECT g, 1 + g % 3000, g, now(), repeat('x', 40) FROM generate_series(1, 30000) g;
CREATE FUNCTION store.vat(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 1.2';
GRANT USAGE ON SCHEMA store TO work_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA store TO work_app;
ALTER TABLE store.purchase SET (autovacuum_enabled = off);
ALTER TABLE store.client SET (autovacuum_enabled = off);
ANALYZE;
"""
ROLES = (
    "CREATE ROLE work_app LOGIN PASSWORD 'correct horse'",
    "ALTER ROLE work_app SET search_path = store, public",
)
# What the application sends; constants are those of somebody, and must show nowhere.
SENT = (
    "SELECT id, name FROM client WHERE id = 4711",
    "SELECT id, name FROM client WHERE id = 4712 -- of route /clients/secret-route",
    "SELECT p.id, p.total FROM purchase p JOIN client c ON c.id = p.client WHERE p.client = 17",
    "SELECT vat(total) AS gross FROM purchase WHERE id = 9",
    "INSERT INTO purchase (id, client, total, note) VALUES (99999, 1, 5, 'secret-note') RETURNING id",
    "UPDATE client SET name = 'secret-name' WHERE id = 3",
    "SELECT * FROM client WHERE id = 4",
    "SELECT count(*) FROM purchase WHERE at > now() - interval '1 day' AND extract(year FROM at) > 2000 AND id = 3",
    "SELECT id FROM purchase WHERE (NULL::integer IS NULL OR client = 5) AND 'secret-text' IS NOT NULL AND id = 3",
    "CREATE TEMP TABLE mine (a integer)",
    "SELECT a FROM mine",
    "SET application_name = 'secret-setting'",
    "ALTER ROLE work_app PASSWORD 'secret-password'",
    "SELECT relname FROM pg_class WHERE relname = 'secret-class'",
)
# How many different ones of these are the application's, and can be written down.
NUMBER = 9


@dataclass(frozen=True)
class Fault:
    """What breaks statements.

    Args:
        sql: run in a copy of the world.
        words: what a finding, or a note, says of it.
        level: how grave it is.
        check: the check that finds it.
    """

    sql: str
    words: str
    level: Literal["blocker", "warning", "told"] = "blocker"
    check: str = "what_the_application_sends_still_runs"


FAULTS = (
    Fault(
        "ALTER TABLE store.client RENAME name TO title",
        'column "name" does not exist (undefined column, SQLSTATE 42703): 1 statement that could run before cannot',
    ),
    Fault(
        "DROP FUNCTION store.vat(numeric)",
        "function vat(numeric) does not exist (undefined function, SQLSTATE 42883): 1 statement",
    ),
    Fault(
        "ALTER TABLE store.purchase ALTER client TYPE text",
        "operator does not exist: integer = text (undefined function, SQLSTATE 42883): 1 statement",
    ),
    Fault(
        "CREATE FUNCTION store.vat(numeric, integer DEFAULT 1) RETURNS numeric LANGUAGE sql AS 'SELECT $1'; "
        "DROP FUNCTION store.vat(numeric); "
        "CREATE FUNCTION store.vat(numeric, text DEFAULT '') RETURNS numeric LANGUAGE sql AS 'SELECT $1'",
        "function vat(numeric) is not unique (ambiguous function, SQLSTATE 42725): 1 statement",
    ),
    Fault("ALTER TABLE store.client ADD total numeric, ADD at date; "
          "ALTER TABLE store.purchase RENAME TO sale; "
          "CREATE VIEW store.purchase AS SELECT s.*, 1 AS more FROM store.sale s; "
          "GRANT SELECT ON store.purchase TO work_app",
          "permission denied for view purchase (insufficient privilege, SQLSTATE 42501), as role work_app"),
    Fault(
        "REVOKE SELECT ON store.purchase FROM work_app",
        "permission denied for table purchase (insufficient privilege, SQLSTATE 42501), as role work_app",
    ),
    Fault("REVOKE USAGE ON SCHEMA store FROM work_app", "(undefined table, SQLSTATE 42P01)"),
    Fault(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE work_app IN DATABASE %I SET search_path = public', "
        "current_database()); END $$",
        'relation "client" does not exist (undefined table, SQLSTATE 42P01): 3 statements that could run before cannot',
    ),
    Fault("DROP INDEX store.purchase_client", "store.purchase is read whole, and an index of it was used", "warning"),
    Fault(
        "DELETE FROM pg_statistic WHERE starelid = 'store.purchase'::regclass",
        "the planner expects 1 statement, sent 1 time, to cost more than 5 times what they did",
        "warning",
    ),
    Fault(
        "ALTER TABLE store.client ALTER name TYPE varchar",
        "column name is character varying, and was text",
        "warning",
    ),
    Fault("ALTER TABLE store.client DROP active", "column active is not returned", "warning"),
    Fault("ALTER TABLE store.client ADD more text", "returns more besides: SELECT * FROM client WHERE id = $1", "told"),
)  # fmt: skip

# What changes nothing that the application needs.
SOUND = {
    "nothing": "",
    "an index more": "CREATE INDEX more ON store.purchase (at); ANALYZE store.purchase",
    "the same index by another name": "ALTER INDEX store.purchase_client RENAME TO other",
    "a function in SQL of the same kind": "CREATE OR REPLACE FUNCTION store.vat(numeric) RETURNS numeric LANGUAGE sql "
    "IMMUTABLE AS 'SELECT $1 * 1.19'",
    "a grant by way of a role": "CREATE ROLE work_group; GRANT ALL ON ALL TABLES IN SCHEMA store TO work_group; "
    "GRANT work_group TO work_app; REVOKE ALL ON ALL TABLES IN SCHEMA store FROM work_app",
    "another order of columns": "ALTER TABLE store.client RENAME TO old_client; "
    "CREATE VIEW store.client AS SELECT name, id, active FROM store.old_client; "
    "GRANT SELECT, UPDATE ON store.client TO work_app",
}
