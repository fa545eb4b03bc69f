"""What health checkers find in a copy of the world: SQL, the check that finds it, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        sql: what breaks a copy of the world.
        check: the check that finds it, without `test_`.
        words: what a finding says.
        severity: how grave it is.
        before: SQL that both sides have run.
        also: further checks that say something of it at least as grave.
    """

    sql: str
    check: str
    words: str
    severity: Literal["blocker", "warning", "told"] = "blocker"
    before: str = ""
    also: tuple[str, ...] = ()


_BY_LENGTH = """
CREATE FUNCTION tools.rank(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1)';
CREATE FUNCTION tools.shorter(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tools.rank($1) < tools.rank($2)';
CREATE FUNCTION tools.longer(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tools.rank($1) > tools.rank($2)';
CREATE FUNCTION tools.not_longer(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tools.rank($1) <= tools.rank($2)';
CREATE FUNCTION tools.not_shorter(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tools.rank($1) >= tools.rank($2)';
CREATE FUNCTION tools.as_long(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tools.rank($1) = tools.rank($2)';
CREATE FUNCTION tools.compare_length(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT sign(tools.rank($1) - tools.rank($2))::integer';
CREATE OPERATOR tools.<# (leftarg = text, rightarg = text, function = tools.shorter);
CREATE OPERATOR tools.># (leftarg = text, rightarg = text, function = tools.longer);
CREATE OPERATOR tools.<=# (leftarg = text, rightarg = text, function = tools.not_longer);
CREATE OPERATOR tools.>=# (leftarg = text, rightarg = text, function = tools.not_shorter);
CREATE OPERATOR tools.=# (leftarg = text, rightarg = text, function = tools.as_long);
CREATE OPERATOR CLASS tools.by_length FOR TYPE text USING btree AS
    OPERATOR 1 tools.<#, OPERATOR 2 tools.<=#, OPERATOR 3 tools.=#, OPERATOR 4 tools.>=#, OPERATOR 5 tools.>#,
    FUNCTION 1 tools.compare_length(text, text);
CREATE INDEX by_length ON sales.invoice (note tools.by_length);
"""
_TURN = """
CREATE OR REPLACE FUNCTION tools.rank(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT -length($1)'
"""
_CODED = """
CREATE FUNCTION tools.coded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE INDEX coded ON sales.client (tools.coded(code));
"""

_INDEX_OF_CLIENTS = "UPDATE pg_index SET indoption = '1' WHERE indexrelid = 'sales.client_code_key'::regclass"
_MANY = "CREATE TABLE sales.many AS SELECT g AS a, g % 7 AS b FROM generate_series(1, 2000) g; "
_QUIET = "ALTER TABLE sales.many SET (autovacuum_enabled = off); "
_BODIES = """
SET check_function_bodies = off;
CREATE FUNCTION tools.price() RETURNS numeric LANGUAGE sql SET search_path = sales AS 'SELECT max(price) FROM tariff';
CREATE FUNCTION tools.paid() RETURNS bigint LANGUAGE sql
    AS $$ SELECT count(*) FROM sales.invoice WHERE stage = 'paid' $$;
CREATE FUNCTION sales.sizes() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM shirt';
CREATE FUNCTION sales.row() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE one sales.shirt%ROWTYPE;
BEGIN RETURN 1; END $$;
CREATE VIEW sales.first AS SELECT 1 AS a;
CREATE VIEW sales.second AS SELECT a FROM sales.first;
"""

FAULTS = (
    # Damage. As if the index had been built under a collation that orders the other way round.
    Fault(
        _INDEX_OF_CLIENTS,
        "indexes_and_tables_are_sound",
        "index sales.client_code_key of client: 29 entries of 30 stand in another order than text_ops DESC",
    ),
    Fault(
        "CREATE OR REPLACE FUNCTION tools.coded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT reverse($1)'",
        "indexes_and_tables_are_sound",
        "index sales.coded of client:",
        before=_CODED,
        also=("functions_do_what_they_did",),
    ),
    Fault(
        _TURN,
        "indexes_and_tables_are_sound",
        "index sales.by_length of invoice: 1 entry of 90 stands in another order than tools.by_length",
        before=_BY_LENGTH,
        also=("functions_do_what_they_did",),
    ),
    Fault(
        "UPDATE pg_index SET indisready = false, indislive = false WHERE indexrelid = 'sales.shirt_pkey'::regclass; "
        "INSERT INTO sales.shirt VALUES (7); "
        "UPDATE pg_index SET indisready = true, indislive = true WHERE indexrelid = 'sales.shirt_pkey'::regclass",
        "indexes_and_tables_are_sound",
        "index sales.shirt_pkey of shirt: 1 row of 1 is not in it",
        also=("rows_are_those_of_before",),
    ),
    Fault(
        "",
        "indexes_and_tables_are_sound",
        'text_ops DESC with the collation "C" demands: searches miss rows; it was so before',
        "warning",
        before=_INDEX_OF_CLIENTS,
    ),
    # Statistics
    Fault(_MANY + _QUIET, "the_planner_knows_its_tables", "1 table was never analyzed, though it holds", "warning"),
    Fault(
        "",
        "the_planner_knows_its_tables",
        "never analyzed, and neither before: sales.many",
        "told",
        before=_MANY + _QUIET,
    ),
    Fault(
        "DELETE FROM pg_statistic WHERE starelid = 'sales.many'::regclass",
        "the_planner_knows_its_tables",
        "1 table was never analyzed, though it holds 1,000 rows or more: sales.many",
        "warning",
        before=_MANY + _QUIET + "ANALYZE sales.many",
    ),
    Fault(
        "INSERT INTO sales.many SELECT g, g FROM generate_series(1, 4000) g; SELECT pg_stat_force_next_flush()",
        "the_planner_knows_its_tables",
        "sales.many grew from about 2,000 to about ",
        "warning",
        before=_MANY + _QUIET + "ANALYZE sales.many",
        also=("rows_are_those_of_before",),
    ),
    Fault(
        "ALTER TABLE sales.many ADD COLUMN late text",
        "the_planner_knows_its_tables",
        "sales.many was not analyzed since it got late",
        "warning",
        before=_MANY + _QUIET + "ANALYZE sales.many",
    ),
    Fault(
        "CREATE STATISTICS sales.late ON id, net FROM sales.invoice",
        "the_planner_knows_its_tables",
        "extended statistics sales.late of sales.invoice are empty",
        "warning",
    ),
    Fault(
        "",
        "the_planner_knows_its_tables",
        "extended statistics sales.late of sales.invoice are empty",
        "told",
        before="CREATE STATISTICS sales.late ON id, net FROM sales.invoice",
    ),
    # What cannot run
    Fault(
        "ALTER FUNCTION tools.price() SET search_path = tools",
        "views_and_functions_can_run",
        'function tools.price() cannot run: relation "tariff" does not exist; it could before',
        before=_BODIES,
        also=("functions_do_what_they_did",),
    ),
    Fault(
        "ALTER TYPE sales.stage RENAME VALUE 'paid' TO 'settled'",
        "views_and_functions_can_run",
        "function tools.paid() cannot run: invalid input value for enum",
        before=_BODIES,
        also=("types_are_as_before", "rows_are_those_of_before", "indexes_are_as_before",
              "row_level_security_is_as_before", "views_show_what_they_showed"),
    ),
    Fault(
        "ALTER TABLE sales.shirt SET SCHEMA hall",
        "views_and_functions_can_run",
        'function sales.sizes() cannot run: relation "shirt" does not exist; it could before',
        before=_BODIES,
        also=("tables_are_as_before",),
    ),
    Fault(
        "ALTER TABLE sales.shirt SET SCHEMA hall",
        "views_and_functions_can_run",
        'function sales."row"() cannot run: relation "sales.shirt" does not exist; it could before',
        before=_BODIES,
        also=("tables_are_as_before",),
    ),
    Fault(
        "CREATE OR REPLACE VIEW sales.first AS SELECT a FROM sales.second",
        "views_and_functions_can_run",
        "view sales.first cannot run: infinite recursion detected in rules",
        before=_BODIES,
        also=("views_show_what_they_showed",),
    ),
    Fault(
        "SET check_function_bodies = off; "
        "CREATE FUNCTION tools.lost() RETURNS text LANGUAGE sql AS 'SELECT name FROM lost'",
        "views_and_functions_can_run",
        'function tools.lost() cannot run: relation "lost" does not exist',
        "warning",
    ),
    Fault(
        "",
        "views_and_functions_can_run",
        'function tools.lost() cannot run: relation "lost" does not exist; it was so before',
        "warning",
        before="SET check_function_bodies = off; "
        "CREATE FUNCTION tools.lost() RETURNS text LANGUAGE sql AS 'SELECT name FROM lost'",
    ),
    # Publications
    Fault(
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "published_tables_can_be_updated",
        "6 tables have no replica identity: the server refuses UPDATE and DELETE, which publication everything",
    ),
    Fault(
        "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_pkey",
        "published_tables_can_be_updated",
        "table sales.invoice has no replica identity: the server refuses UPDATE and DELETE, which publication feed",
        also=("constraints_are_as_before",),
    ),
    Fault(
        "CREATE TABLE sales.fresh (a integer); ALTER PUBLICATION feed ADD TABLE sales.fresh",
        "published_tables_can_be_updated",
        "table sales.fresh has no replica identity",
        "warning",
    ),
    Fault(
        "",
        "published_tables_can_be_updated",
        "table hall.seat has no replica identity: the server refuses UPDATE and DELETE, which publication feed "
        "publishes; it was so before",
        "warning",
        before="ALTER PUBLICATION feed ADD TABLE hall.seat",
    ),
    # What tools leave
    Fault(
        "CREATE TABLE sales.client_backup AS SELECT * FROM sales.client",
        "nothing_of_the_tool_is_left",
        "table sales.client_backup looks like a copy of table sales.client that was left",
        "warning",
    ),
    Fault(
        "CREATE TABLE sales.client_old AS SELECT * FROM sales.client; GRANT SELECT ON sales.client_old TO anon",
        "nothing_of_the_tool_is_left",
        "looks like a copy of table sales.client that was left, and anon may read it",
        "warning",
        also=("privileges_are_as_before",),
    ),
    Fault(
        'CREATE TABLE sales."ClientBackup" AS SELECT * FROM sales.client',
        "nothing_of_the_tool_is_left",
        'table sales."ClientBackup" looks like a copy of table sales.client that was left',
        "warning",
    ),
    Fault(
        "CREATE TABLE sales.client_20260131 AS SELECT * FROM sales.client",
        "nothing_of_the_tool_is_left",
        "table sales.client_20260131 looks like a copy of table sales.client that was left",
        "warning",
    ),
    Fault(
        "CREATE TABLE sales.receipts AS SELECT * FROM sales.invoice",
        "nothing_of_the_tool_is_left",
        "table sales.receipts has all columns of table sales.invoice and no key",
        "warning",
    ),
    Fault(
        "CREATE SCHEMA staging; CREATE TABLE staging.client (LIKE sales.client)",
        "nothing_of_the_tool_is_left",
        "schema staging was not there before, and is called as one that serves a migration (1 table)",
        "warning",
    ),
    Fault(
        "CREATE SCHEMA pgcopydb; CREATE TABLE pgcopydb.sentinel (apply boolean)",
        "nothing_of_the_tool_is_left",
        "schema pgcopydb is one of pgcopydb (1 table)",
        "warning",
    ),
    Fault(
        "CREATE TABLE public.awsdms_ddl_audit (c_key bigint PRIMARY KEY)",
        "nothing_of_the_tool_is_left",
        "table public.awsdms_ddl_audit is a table of AWS DMS",
        "warning",
    ),
    Fault(
        "ALTER TABLE sales.shirt ADD _pgroll_new_size text",
        "nothing_of_the_tool_is_left",
        "column sales.shirt._pgroll_new_size is a column of pgroll",
        "warning",
    ),
    Fault(
        "",
        "nothing_of_the_tool_is_left",
        "trigger repack_trigger on sales.shirt is a trigger of pg_repack; it was so before",
        "told",
        before="CREATE TRIGGER repack_trigger AFTER INSERT ON sales.shirt "
        "FOR EACH STATEMENT EXECUTE FUNCTION tools.stamp()",
    ),
)  # fmt: skip

SOUND = {
    "nothing": "",
    "nothing ever vacuumed or analyzed, few rows": "CREATE TABLE sales.quiet AS SELECT generate_series(1, 900) AS a",
    "a sentinel key": "INSERT INTO sales.shirt VALUES (999999999)",
    "a partial index, a descending one, one with NULLs first": """
        CREATE INDEX ON sales.client (code DESC NULLS LAST, kind) WHERE active;
        CREATE INDEX ON sales.invoice (note NULLS FIRST, net DESC);
        INSERT INTO sales.client (mail, "Full Name") VALUES ('x@y', 'Nobody'), ('y@y', 'Nobody');""",
    "an index of an expression": "CREATE INDEX ON sales.client (lower(code), reverse(kind));" + _CODED,
    "an operator class of one's own": _BY_LENGTH,
    "statistics that are built": "CREATE STATISTICS sales.s ON (net * 2) FROM sales.invoice; ANALYZE sales.invoice",
    "a function that another path finds": """
        SET check_function_bodies = off;
        CREATE FUNCTION tools.all_clients() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM client';
        CREATE FUNCTION tools.nowhere() RETURNS bigint LANGUAGE sql SET search_path = ''
            AS 'SELECT count(*) FROM sales.client';
        CREATE FUNCTION hall.seats() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM seat';
        CREATE FUNCTION tools.by_name(n text) RETURNS bigint LANGUAGE sql
            AS 'SELECT count(*) FROM sales.client WHERE by_name.n = kind';""",
    "a publication of what has keys": "ALTER PUBLICATION feed ADD TABLE sales.tariff, sales.shirt",
    "a publication of inserts alone": "CREATE PUBLICATION log FOR ALL TABLES WITH (publish = 'insert')",
    "names that only look left": """
        CREATE TABLE sales.news (id integer PRIMARY KEY);
        CREATE TABLE sales.threshold (id integer PRIMARY KEY);
        CREATE TABLE sales.report_202601 (id integer PRIMARY KEY);
        CREATE TABLE sales.template (id integer PRIMARY KEY);
        CREATE SCHEMA archive;""",
    "a history with a key of its own": """
        CREATE TABLE sales.history (LIKE sales.client, version integer, PRIMARY KEY (id, version));""",
}
