"""What can go wrong with the objects of the world, one fault each: SQL, the check that turns red, and its words."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault.

    Args:
        sql: what breaks a copy of the world.
        check: a part of the name of the check that finds it.
        words: what a finding says.
        since: the first version of the server that can have it.
        undo: what takes back what a copy of the database does not hold.
    """

    sql: str
    check: str
    words: str
    since: int = 0
    undo: str = ""


BLOCKERS = (
    # Schemas, tables, columns
    Fault("DROP SCHEMA hall CASCADE", "schemas", "schema hall is gone, with 2 objects in it"),
    Fault("DROP SCHEMA bare", "schemas", "schema bare is gone"),
    Fault("DROP TABLE sales.tariff", "tables", "table sales.tariff is gone"),
    Fault("ALTER TABLE sales.tariff SET UNLOGGED", "tables", "table sales.tariff is unlogged"),
    Fault(
        'ALTER TABLE "Staff"."Driver" RENAME TO d; CREATE VIEW "Staff"."Driver" AS SELECT * FROM "Staff".d',
        "tables",
        'table "Staff"."Driver" is a view now, and was a table',
    ),
    Fault('ALTER TABLE sales.tariff DROP "Order"', "columns", 'column sales.tariff."Order" is gone'),
    Fault('ALTER TABLE "Staff"."Person" ALTER "Name" DROP NOT NULL', "columns", '"Name" is no longer NOT NULL'),
    Fault("ALTER TABLE sales.client ALTER active DROP DEFAULT", "columns", "active was true, is none"),
    Fault("ALTER TABLE sales.client ALTER kind SET DEFAULT 'company'", "columns", "kind was 'person'"),
    Fault(
        "ALTER TABLE sales.invoice ALTER id DROP DEFAULT",
        "columns",
        "the default of column sales.invoice.id was nextval",
    ),
    Fault("ALTER TABLE sales.client ALTER id DROP IDENTITY", "columns", "sales.client.id is no longer an identity"),
    Fault(
        "ALTER TABLE sales.invoice ALTER gross DROP EXPRESSION",
        "columns",
        "gross was generated as (net * 1.2), is a plain",
    ),
    Fault(
        "ALTER TABLE sales.invoice DROP gross, ADD gross numeric(12, 2) GENERATED ALWAYS AS (net * 1.19) STORED",
        "columns",
        "gross was generated as (net * 1.2), is generated as (net * 1.19)",
    ),
    Fault("ALTER TABLE sales.invoice ALTER rebate TYPE numeric", "columns", "rebate was sales.percent, is numeric"),
    Fault(
        "ALTER TABLE sales.tariff ALTER price TYPE numeric(6, 3)", "columns", "price was numeric(8,3), is numeric(6,3)"
    ),
    Fault("ALTER TABLE sales.tariff ALTER price TYPE double precision", "columns", "is double precision"),
    Fault('ALTER TABLE sales.client ALTER "Full Name" TYPE varchar(20)', "columns", "is character varying(20)"),
    Fault("ALTER TABLE sales.client ALTER changed_at TYPE timestamp", "columns", "is timestamp without time zone"),
    Fault(
        "ALTER TABLE sales.client ALTER token DROP DEFAULT, ALTER token TYPE text, "
        "ALTER token SET DEFAULT gen_random_uuid()",
        "columns",
        "token was uuid, is text",
    ),
    Fault('ALTER TABLE sales.tariff ALTER "Order" TYPE smallint', "columns", "was integer, is smallint"),
    Fault("ALTER TABLE sales.shirt ALTER size TYPE text", "columns", "size was sales.size, is text"),
    Fault("ALTER TABLE sales.event DROP what", "columns", "column sales.event.what is gone"),
    # Constraints
    Fault(
        "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_client",
        "constraints",
        "invoice_client on sales.invoice is gone",
    ),
    Fault(
        "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_client, ADD CONSTRAINT invoice_client "
        "FOREIGN KEY (client_id) REFERENCES sales.client NOT VALID",
        "constraints",
        "invoice_client on sales.invoice is NOT VALID",
    ),
    Fault(
        "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_client, ADD CONSTRAINT other "
        "FOREIGN KEY (client_id) REFERENCES sales.client",
        "constraints",
        "ON DELETE CASCADE, is",
    ),
    Fault(
        "ALTER TABLE sales.invoice ALTER CONSTRAINT invoice_client NOT ENFORCED",
        "constraints",
        "NOT ENFORCED",
        since=18,
    ),
    Fault(
        "ALTER TABLE sales.invoice DISABLE TRIGGER ALL",
        "constraints",
        "triggers that enforce constraint invoice_client",
    ),
    Fault(
        "ALTER TABLE sales.client DROP CONSTRAINT client_kind_check",
        "constraints",
        "client_kind_check on sales.client is gone",
    ),
    Fault(
        "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_net_check, ADD CONSTRAINT n CHECK (net >= -1)",
        "constraints",
        "constraint n on sales.invoice was CHECK ((net >= (0)::numeric)), is CHECK ((net >= ('-1'",
    ),
    Fault(
        "ALTER TABLE sales.client DROP CONSTRAINT client_code_key",
        "constraints",
        "client_code_key on sales.client is gone",
    ),
    Fault(
        "ALTER TABLE sales.tariff DROP CONSTRAINT tariff_pkey; ALTER TABLE sales.tariff ALTER valid_from SET NOT NULL",
        "constraints",
        "PRIMARY KEY (valid_from)",
    ),
    Fault("ALTER TABLE sales.invoice DROP CONSTRAINT no_overlap", "constraints", "EXCLUDE USING gist"),
    Fault('ALTER TABLE "Staff"."Person" DROP CONSTRAINT "Person_boss_fkey"', "constraints", '"Person_boss_fkey"'),
    Fault(
        "ALTER DOMAIN sales.mail DROP CONSTRAINT looks_like_mail",
        "constraints",
        "looks_like_mail on sales.mail is gone",
    ),
    Fault(
        "ALTER DOMAIN sales.mail DROP CONSTRAINT looks_like_mail; "
        "ALTER DOMAIN sales.mail ADD CONSTRAINT looks_like_mail CHECK (VALUE LIKE '%@%') NOT VALID",
        "constraints",
        "looks_like_mail on sales.mail is NOT VALID",
    ),
    # Indexes
    Fault("DROP INDEX sales.invoice_client_idx", "indexes", "index sales.invoice_client_idx is gone"),
    Fault("DROP INDEX sales.event_client", "indexes", "index sales.event_client is gone"),
    Fault(
        "DROP INDEX sales.client_mail; CREATE INDEX client_mail ON sales.client (lower(mail))",
        "indexes",
        "no longer unique",
    ),
    Fault(
        "DROP INDEX sales.invoice_open; CREATE INDEX invoice_open ON sales.invoice (net DESC) WHERE stage = 'sent'",
        "indexes",
        "invoice_open was",
    ),
    Fault(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sales.client_mail'::regclass",
        "indexes",
        "index sales.client_mail is invalid, and was valid",
    ),
    Fault("DROP INDEX sales.totals_key", "indexes", "index sales.totals_key is gone"),
    # Triggers, rules, event triggers
    Fault("DROP TRIGGER stamp_client ON sales.client", "triggers", "stamp_client on sales.client is gone"),
    Fault(
        "ALTER TABLE sales.client DISABLE TRIGGER stamp_client", "triggers", "stamp_client on sales.client is disabled"
    ),
    Fault("ALTER TABLE sales.client ENABLE REPLICA TRIGGER stamp_client", "triggers", "fired by replication alone"),
    Fault(
        "ALTER TABLE sales.event_2024 DISABLE TRIGGER stamp_event",
        "triggers",
        "stamp_event on sales.event_2024 is disabled",
    ),
    Fault(
        "DROP TRIGGER stamp_client ON sales.client; CREATE TRIGGER stamp_client AFTER UPDATE ON sales.client "
        "FOR EACH ROW EXECUTE FUNCTION tools.stamp()",
        "triggers",
        "stamp_client on sales.client was CREATE TRIGGER BEFORE",
    ),
    Fault("DROP RULE forget ON sales.client", "triggers", "rule forget on sales.client is gone"),
    Fault("ALTER TABLE sales.client DISABLE RULE forget", "triggers", "rule forget on sales.client is disabled"),
    Fault("DROP EVENT TRIGGER on_ddl", "triggers", "event trigger on_ddl is gone"),
    Fault("ALTER EVENT TRIGGER on_ddl DISABLE", "triggers", "event trigger on_ddl is disabled"),
    # Row-level security
    Fault(
        "ALTER TABLE sales.client DISABLE ROW LEVEL SECURITY",
        "row_level",
        "row-level security of table sales.client is off",
    ),
    Fault("ALTER TABLE sales.invoice NO FORCE ROW LEVEL SECURITY", "row_level", "sales.invoice is no longer forced"),
    Fault("DROP POLICY own ON sales.client", "row_level", "policy own on sales.client is gone"),
    Fault("DROP POLICY never_paid ON sales.invoice", "row_level", "policy never_paid on sales.invoice is gone"),
    Fault("ALTER POLICY own ON sales.client TO PUBLIC", "row_level", "was for authenticated, is for PUBLIC"),
    Fault("ALTER POLICY own ON sales.client USING (true)", "row_level", "is true"),
    Fault(
        "CREATE POLICY more ON sales.client FOR SELECT USING (true)",
        "row_level",
        "policy more on sales.client is new, and lets PUBLIC pass for SELECT of any row",
    ),
    Fault(
        "CREATE RULE nothing AS ON INSERT TO sales.tariff DO INSTEAD NOTHING",
        "test_triggers",
        "rule nothing on sales.tariff is new, and lets nothing be written without an error",
    ),
    Fault("ALTER POLICY own_invoice ON sales.invoice WITH CHECK (true)", "row_level", "check was (stage = 'draft'"),
    Fault(
        "DROP POLICY own ON sales.client; CREATE POLICY own ON sales.client TO authenticated "
        "USING (mail = current_setting('app.mail', true))",
        "row_level",
        "command was SELECT, is ALL",
    ),
    # Views
    Fault("DROP VIEW sales.open_invoice", "views", "view sales.open_invoice is gone"),
    Fault("DROP MATERIALIZED VIEW sales.totals", "views", "materialized view sales.totals is gone"),
    Fault("ALTER VIEW sales.own_client SET (security_invoker = false)", "views", "with the rights of its owner"),
    Fault("ALTER VIEW sales.open_invoice RESET (security_barrier)", "views", "no longer a security barrier"),
    Fault("ALTER VIEW sales.active_client RESET (check_option)", "views", "no longer checks what is written"),
    Fault(
        "CREATE OR REPLACE VIEW sales.open_invoice WITH (security_barrier) AS SELECT i.id, i.net, c.mail "
        "FROM sales.invoice i JOIN sales.client c ON c.id = i.client_id",
        "views",
        "view sales.open_invoice shows something else",
    ),
    # Functions
    Fault("DROP FUNCTION tools.twice(integer)", "functions", "function tools.twice(integer) is gone"),
    Fault("DROP PROCEDURE tools.nothing()", "functions", "function tools.nothing() is gone"),
    Fault(
        "ALTER FUNCTION tools.mine() RESET search_path",
        "functions",
        "search_path of function tools.mine() was pg_catalog",
    ),
    Fault("ALTER FUNCTION tools.mine() SECURITY INVOKER", "functions", "runs with the rights of its caller"),
    Fault("ALTER FUNCTION tools.net(numeric, numeric) SECURITY DEFINER", "functions", "PUBLIC may call it"),
    Fault("ALTER FUNCTION tools.net(numeric, numeric) VOLATILE", "functions", "another volatility"),
    Fault("ALTER FUNCTION tools.net(numeric, numeric) CALLED ON NULL INPUT", "functions", "was STRICT"),
    Fault("ALTER FUNCTION tools.net(numeric, numeric) LEAKPROOF", "functions", "is LEAKPROOF"),
    Fault(
        "CREATE OR REPLACE FUNCTION tools.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "functions",
        "function tools.stamp() has another body",
    ),
    Fault(
        "CREATE OR REPLACE FUNCTION tools.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n * 3",
        "functions",
        "function tools.twice(integer) has another sql body",
    ),
    Fault(
        "CREATE FUNCTION tools.run(command text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE command; END'",
        "functions",
        "function tools.run(text) is new, runs a text that it is given",
    ),
    # Types and sequences
    Fault(
        "ALTER TYPE sales.size RENAME VALUE 'm' TO 'medium'", "types", 'labels of type sales.size were ["s", "m", "l"]'
    ),
    Fault(
        "UPDATE pg_catalog.pg_enum SET enumsortorder = 9 WHERE enumtypid = CAST('sales.stage' AS regtype) "
        "AND enumlabel = 'draft'",
        "types",
        'are ["sent", "paid", "draft"]',
    ),
    Fault("DROP TYPE sales.grade; CREATE TYPE sales.grade AS ENUM ('l', 'm', 's')", "types", 'are ["l", "m", "s"]'),
    Fault("DROP TYPE sales.parcel", "types", "type sales.parcel is gone"),
    Fault("DROP TYPE sales.span", "types", "type sales.span is gone"),
    Fault("ALTER DOMAIN sales.mail DROP NOT NULL", "types", "type sales.mail is no longer NOT NULL"),
    Fault("ALTER DOMAIN sales.percent DROP DEFAULT", "types", "type sales.percent: default was"),
    Fault("DROP SEQUENCE sales.numbers", "sequences", "sequence sales.numbers is gone"),
    # Children
    Fault(
        'ALTER TABLE "Staff"."Driver" NO INHERIT "Staff"."Person"',
        "partitions",
        'no longer inherits from "Staff"."Person"',
    ),
    Fault("DROP TABLE sales.event_2023", "partitions", "from ('2023-01-01') to ('2024-01-01')"),
    Fault(
        "ALTER TABLE sales.event DETACH PARTITION sales.event_2024; ALTER TABLE sales.event ATTACH PARTITION "
        "sales.event_2024 FOR VALUES FROM ('2024-01-01') TO ('2024-12-31')",
        "partitions",
        "keys from ('2024-12-31') to ('2025-01-01')",
    ),
    Fault("DROP TABLE sales.region_rest", "partitions", "default partition"),
    Fault("DROP TABLE sales.shard_1", "partitions", "1 of its hash values"),
    # Replication, other servers, the rest
    Fault(
        "ALTER PUBLICATION feed DROP TABLE sales.client",
        "publications",
        "table sales.client in publication feed is gone",
    ),
    Fault("ALTER PUBLICATION feed SET (publish = 'insert')", "publications", "pubupdate was True, is False"),
    Fault(
        "ALTER TABLE sales.tariff REPLICA IDENTITY DEFAULT",
        "publications",
        "replica identity of table sales.tariff was full",
    ),
    Fault("ALTER TABLE sales.client REPLICA IDENTITY NOTHING", "publications", "was primary key, is nothing"),
    Fault("DROP USER MAPPING FOR PUBLIC SERVER far", "foreign_servers", "user mapping of far for PUBLIC is gone"),
    Fault("DROP OPERATOR tools.=== (integer, integer)", "other_objects", "operator tools.===(integer,integer) is gone"),
    Fault("DROP COLLATION tools.plain", "other_objects", "collation tools.plain is gone"),
    Fault(
        "DROP TEXT SEARCH CONFIGURATION tools.words", "other_objects", "text search configuration tools.words is gone"
    ),
)

WARNINGS = (
    Fault(
        "CREATE POLICY more ON sales.client FOR SELECT USING (mail IS NULL)",
        "row_level",
        "policy more on sales.client is new",
    ),
    Fault("ALTER TABLE sales.tariff ENABLE ROW LEVEL SECURITY", "row_level", "was off, is on"),
    Fault(
        "CREATE TRIGGER extra BEFORE INSERT ON sales.client FOR EACH ROW EXECUTE FUNCTION tools.stamp()",
        "triggers",
        "trigger extra on sales.client is new",
    ),
    Fault(
        "CREATE RULE extra AS ON INSERT TO sales.tariff DO ALSO NOTIFY x",
        "triggers",
        "rule extra on sales.tariff is new",
    ),
    Fault(
        "CREATE FUNCTION tools.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; "
        "REVOKE EXECUTE ON FUNCTION tools.f() FROM PUBLIC",
        "functions",
        "tools.f() is new and runs with the rights of its owner",
    ),
    Fault(
        "CREATE FUNCTION tools.who() RETURNS text LANGUAGE sql AS 'SELECT session_user::text'",
        "functions",
        "tools.who() is new and asks for session_user",
    ),
    Fault("ALTER SEQUENCE sales.numbers INCREMENT 1", "sequences", "increment was 10, is 1"),
    Fault("ALTER TABLE sales.client ALTER id SET GENERATED BY DEFAULT", "columns", "was always, is by default"),
    Fault('ALTER TABLE "Staff"."Person" ALTER "Name" TYPE text COLLATE "POSIX"', "columns", "the collation of column"),
    Fault(
        "ALTER TABLE sales.event DETACH PARTITION sales.event_2024; CREATE TABLE sales.e PARTITION OF sales.event "
        "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "partitions",
        "is no longer a partition of sales.event",
    ),
    Fault("ALTER TABLE sales.tariff RESET (fillfactor)", "storage", "storage options of table sales.tariff were"),
    Fault("COMMENT ON TABLE sales.client IS NULL", "storage", "comment on table sales.client is gone"),
    Fault("DROP STATISTICS sales.together", "storage", "statistics sales.together is gone"),
    Fault(
        "DROP COLLATION tools.plain; CREATE COLLATION tools.plain (provider = libc, locale = 'POSIX')",
        "other_objects",
        "collation tools.plain: locale was C, is POSIX",
    ),
    Fault("DROP PUBLICATION feed", "publications", "publication feed is gone"),
    Fault(
        "ALTER TABLE sales.tariff ADD CONSTRAINT later CHECK (price > 0) NOT VALID",
        "constraints",
        "later on sales.tariff is NOT VALID",
    ),
)
