-- A small world with one of everything that a database may hold; two roles of an API and two of its own must be there.
CREATE SCHEMA sales;
CREATE SCHEMA "Staff";
CREATE SCHEMA tools;
CREATE SCHEMA bare;
CREATE SCHEMA hall;
CREATE TABLE hall.seat (n integer UNIQUE);

-- Types
CREATE TYPE sales.stage AS ENUM ('draft', 'sent', 'paid');
CREATE TYPE sales.size AS ENUM ('s', 'm', 'l');
CREATE TYPE sales.grade AS ENUM ('s', 'm', 'l');
CREATE TYPE sales.parcel AS (weight integer, "Label" text);
CREATE TYPE sales.span AS RANGE (subtype = integer);
CREATE DOMAIN sales.mail AS text NOT NULL CONSTRAINT looks_like_mail CHECK (VALUE LIKE '%@%');
CREATE DOMAIN sales.percent AS numeric(5, 2) DEFAULT 0 CHECK (VALUE >= 0 AND VALUE <= 100);

-- Functions
CREATE FUNCTION tools.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := now();
    RETURN NEW;
END $$;
CREATE FUNCTION tools.note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION tools.net(gross numeric, rate numeric DEFAULT 19) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT round(gross / (1 + rate / 100), 2)';
CREATE FUNCTION tools.mine() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT current_setting('app.mail', true) $$;
CREATE FUNCTION tools.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n * 2;
CREATE PROCEDURE tools.nothing() LANGUAGE plpgsql AS 'BEGIN END';
CREATE AGGREGATE tools.total(integer) (sfunc = int4pl, stype = integer, initcond = '0');

-- Tables
CREATE TABLE sales.client (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail sales.mail,
    "Full Name" varchar(40) NOT NULL,
    kind varchar(10) DEFAULT 'person' CHECK (kind IN ('person', 'company')),
    code text COLLATE "C" UNIQUE,
    token uuid DEFAULT gen_random_uuid(),
    active boolean NOT NULL DEFAULT true,
    changed_at timestamp with time zone DEFAULT now()
);
CREATE TABLE sales.invoice (
    id serial PRIMARY KEY,
    client_id integer NOT NULL CONSTRAINT invoice_client REFERENCES sales.client ON DELETE CASCADE,
    stage sales.stage NOT NULL DEFAULT 'draft',
    net numeric(12, 2) NOT NULL CHECK (net >= 0),
    gross numeric(12, 2) GENERATED ALWAYS AS (net * 1.2) STORED,
    rebate sales.percent,
    note text,
    period int4range,
    CONSTRAINT no_overlap EXCLUDE USING gist (period WITH &&)
);
CREATE INDEX invoice_client_idx ON sales.invoice (client_id);
CREATE INDEX invoice_open ON sales.invoice (net DESC) WHERE stage <> 'paid';
CREATE UNIQUE INDEX client_mail ON sales.client (lower(mail));
CREATE INDEX invoice_note ON sales.invoice USING hash (note);
CREATE TRIGGER stamp_client BEFORE UPDATE ON sales.client FOR EACH ROW EXECUTE FUNCTION tools.stamp();
CREATE RULE forget AS ON DELETE TO sales.client DO ALSO NOTIFY forgotten;
CREATE TABLE sales.tariff (valid_from date PRIMARY KEY, price numeric(8, 3), "Order" integer) WITH (fillfactor = 70);
CREATE TABLE sales.shirt (id integer PRIMARY KEY, size sales.size);
CREATE SEQUENCE sales.numbers AS bigint START 1000 INCREMENT 10;

-- Inheritance and partitions
CREATE TABLE "Staff"."Person" ("ID" integer PRIMARY KEY, "Name" text NOT NULL, boss integer REFERENCES "Staff"."Person");
CREATE TABLE "Staff"."Driver" (licence text) INHERITS ("Staff"."Person");
CREATE TABLE sales.event (at date NOT NULL, client_id integer NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE sales.event_2023 PARTITION OF sales.event FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE sales.event_2024 PARTITION OF sales.event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX event_client ON sales.event (client_id);
CREATE TRIGGER stamp_event BEFORE INSERT ON sales.event FOR EACH ROW WHEN (false) EXECUTE FUNCTION tools.stamp();
CREATE TABLE sales.region (name text NOT NULL, n integer) PARTITION BY LIST (name);
CREATE TABLE sales.region_north PARTITION OF sales.region FOR VALUES IN ('north', 'east');
CREATE TABLE sales.region_rest PARTITION OF sales.region DEFAULT;
CREATE TABLE sales.shard (id integer PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE sales.shard_0 PARTITION OF sales.shard FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE sales.shard_1 PARTITION OF sales.shard FOR VALUES WITH (MODULUS 2, REMAINDER 1);

-- Views
CREATE VIEW sales.open_invoice WITH (security_barrier) AS
    SELECT i.id, i.net, c.mail FROM sales.invoice i JOIN sales.client c ON c.id = i.client_id WHERE i.stage <> 'paid';
CREATE VIEW sales.active_client AS SELECT id, code, active FROM sales.client WHERE active WITH CASCADED CHECK OPTION;
CREATE VIEW sales.own_client WITH (security_invoker = true) AS SELECT id, mail FROM sales.client;
CREATE MATERIALIZED VIEW sales.totals AS SELECT client_id, sum(net) AS net FROM sales.invoice GROUP BY client_id;
CREATE UNIQUE INDEX totals_key ON sales.totals (client_id);

-- Row-level security
ALTER TABLE sales.client ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.invoice ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.invoice FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sales.client FOR SELECT TO authenticated USING (mail = current_setting('app.mail', true));
CREATE POLICY own_invoice ON sales.invoice TO authenticated
    USING (EXISTS (SELECT FROM sales.client c WHERE c.id = client_id)) WITH CHECK (stage = 'draft');
CREATE POLICY never_paid ON sales.invoice AS RESTRICTIVE FOR DELETE USING (stage <> 'paid');

-- Privileges
GRANT USAGE ON SCHEMA sales, tools TO anon, authenticated, check_reader;
GRANT SELECT ON sales.client TO authenticated;
GRANT SELECT, INSERT ON sales.invoice TO authenticated;
GRANT SELECT ON sales.tariff TO anon;
GRANT SELECT ON sales.shirt TO check_reader WITH GRANT OPTION;
GRANT SELECT (what), UPDATE (what) ON sales.event TO check_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA sales TO check_reader;
GRANT USAGE ON SEQUENCE sales.numbers TO check_reader;
REVOKE EXECUTE ON FUNCTION tools.mine() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tools.mine() TO authenticated;
REVOKE USAGE ON TYPE sales.stage FROM PUBLIC;
GRANT USAGE ON TYPE sales.stage TO check_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO check_reader;
ALTER TABLE sales.tariff OWNER TO check_owner;

-- The rest
CREATE EVENT TRIGGER on_ddl ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION tools.note_ddl();
CREATE PUBLICATION feed FOR TABLE sales.client, sales.invoice;
ALTER TABLE sales.tariff REPLICA IDENTITY FULL;
CREATE STATISTICS sales.together ON client_id, stage FROM sales.invoice;
CREATE OPERATOR tools.=== (leftarg = integer, rightarg = integer, function = int4eq);
CREATE COLLATION tools.plain (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION tools.words (COPY = simple);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'far.example', dbname 'x');
GRANT USAGE ON FOREIGN SERVER far TO check_reader;
GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO check_reader;
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'hidden');
CREATE FOREIGN TABLE tools.remote (id integer) SERVER far;
COMMENT ON TABLE sales.client IS 'who pays';
COMMENT ON COLUMN sales.client.code IS 'as the bank writes it';
SELECT format('ALTER DATABASE %I SET search_path = sales, public', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()) \gexec

-- Rows
INSERT INTO sales.client (mail, "Full Name", kind, code)
    SELECT 'c' || g || '@example.org', 'Client ' || g, 'person', 'C' || g FROM generate_series(1, 30) g;
INSERT INTO sales.invoice (client_id, net, stage, note)
    SELECT 1 + g % 30, g, CASE g % 3 WHEN 0 THEN 'paid'::sales.stage ELSE 'sent' END, 'n' || g
    FROM generate_series(1, 90) g;
INSERT INTO sales.tariff SELECT date '2024-01-01' + g, g * 1.5, g FROM generate_series(1, 10) g;
INSERT INTO "Staff"."Person" VALUES (1, 'Ann', NULL), (2, 'Bob', 1);
INSERT INTO "Staff"."Driver" VALUES (3, 'Cleo', NULL, 'B');
INSERT INTO sales.event SELECT date '2023-06-01' + g * 5, 1 + g % 30, 'seen' FROM generate_series(1, 100) g;
INSERT INTO sales.region VALUES ('north', 1), ('south', 2);
INSERT INTO sales.shard SELECT generate_series(1, 20);
REFRESH MATERIALIZED VIEW sales.totals;
SELECT lo_from_bytea(0, 'a large object') \g /dev/null
ANALYZE;
