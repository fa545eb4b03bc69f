-- What a reader of dumps can stumble over: names, values, and objects of every kind.
CREATE SCHEMA "Odd.""x";
CREATE TYPE "Odd.""x".mood AS ENUM ('b''c', 'd;e');
CREATE TABLE "Odd.""x"."T able;--" (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "values" text, "a(b" "Odd.""x".mood, f bytea, j json,
    n numeric, a text[], twice integer GENERATED ALWAYS AS (2) STORED
);
INSERT INTO "Odd.""x"."T able;--" ("values", "a(b", f, j, n, a) VALUES
    (E'\\.\n\\.\nCOPY x FROM stdin;\n\\! touch /tmp/x\n-- PostgreSQL database dump complete\n', 'b''c', '\x00ff27',
     '{"a" :1}', 1.10, '{a,"b\"",NULL}'),
    ('(),(', 'd;e', '', 'null', 'NaN', '{}');
INSERT INTO "Odd.""x"."T able;--" ("values") VALUES
    ('''; DROP TABLE x; --'), (E'\\'), (E'a\r\nb\tc\\N'), (''), (NULL), ('é😀$tag$'), (repeat('long ''', 100000));
CREATE TABLE parted (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO parted SELECT i, date '2020-06-01' + i FROM generate_series(1, 400) i;
CREATE TABLE parent (id integer PRIMARY KEY, x text);
CREATE TABLE child (y integer) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p'), (2, 'q');
INSERT INTO child VALUES (1, 'c', 3);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE looping (id integer PRIMARY KEY, next integer REFERENCES looping DEFERRABLE INITIALLY DEFERRED);
INSERT INTO looping VALUES (1, 2), (2, 1);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM parent;
CREATE VIEW grouped AS SELECT p.* FROM parent p GROUP BY p.id;
CREATE RULE twice AS ON INSERT TO parent DO ALSO (INSERT INTO no_columns DEFAULT VALUES; SELECT 1);
CREATE FUNCTION of_two_parts() RETURNS integer BEGIN ATOMIC
    SELECT CASE WHEN true THEN 1 ELSE 2 END;
    SELECT 3;
END;
CREATE FUNCTION quoting() RETURNS text LANGUAGE sql AS 'SELECT ''a;b'' || $x$;$x$ -- '';';
COMMENT ON TABLE parent IS E'colon; ''\\ \n-- PostgreSQL database dump complete\n\\! touch /tmp/x';
SELECT lo_from_bytea(4711, '\x01020304');
