"""What scripts make and leave is told from their text, and nothing is expected that a later statement may undo."""

import itertools
from pathlib import Path

import pytest

from postmigration.checks.scripts.outcome import find_missing, read_outcome
from postmigration.postgres.schema_objects import ObjectName, Objects

COUNTER = itertools.count()
MADE = """
CREATE TABLE app.orders (id int);
CREATE TEMP TABLE loaded ON COMMIT DROP AS SELECT id FROM app.orders;
ALTER TABLE app.orders ADD COLUMN IF NOT EXISTS "Total" numeric, ADD COLUMN note text;
ALTER TABLE app.orders ADD CONSTRAINT positive CHECK ("Total" > 0);
CREATE UNIQUE INDEX orders_id ON app.orders (id);
CREATE TYPE app.state AS ENUM ('open');
CREATE TYPE app.shell;
CREATE FUNCTION app.total(a int) RETURNS int LANGUAGE sql AS $$SELECT a$$;
CREATE TRIGGER stamp BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.stamp();
CREATE POLICY own ON app.orders USING (true);
CREATE VIEW app.recent AS SELECT id FROM app.orders;
INSERT INTO app.orders VALUES (1);
"""
LEFT = [
    ("table", "app", "orders", ""),
    ("column", "app", "Total", "orders"),
    ("column", "app", "note", "orders"),
    ("constraint", "app", "positive", "orders"),
    ("index", "app", "orders_id", "orders"),
    ("type", "app", "state", ""),
    ("function", "app", "total", ""),
    ("trigger", "app", "stamp", "orders"),
    ("policy", "app", "own", "orders"),
    ("view", "app", "recent", ""),
]


def read(directory: Path, text: str) -> list[tuple[str, str, str, str]] | None:
    # Each file is read once.
    path = directory / f"{next(COUNTER)}.sql"
    path.write_text(text)
    outcome = read_outcome((path,))
    return None if outcome is None else [(one.kind, one.schema, one.name, one.table) for one in outcome]


def test_what_a_script_makes_is_left(tmp_path: Path) -> None:
    assert read(tmp_path, MADE) == LEFT


def test_objects_are_called_as_changes_declare_them(tmp_path: Path) -> None:
    path = tmp_path / "called.sql"
    path.write_text(MADE + "CREATE VIEW recent AS SELECT 1;\n")
    assert [one.label for one in read_outcome((path,)) or ()] == [
        "table app.orders",
        'column app.orders."Total"',
        "column app.orders.note",
        "constraint positive on app.orders",
        "index app.orders_id",
        "type app.state",
        "function app.total",
        "trigger stamp on app.orders",
        "policy own on app.orders",
        "view app.recent",
        "view public.recent",
    ]


@pytest.mark.parametrize(
    ("undoing", "gone"),
    [
        ("DROP INDEX app.orders_id", {"orders_id"}),
        ("DROP POLICY IF EXISTS own ON app.orders", {"own"}),
        ("DROP POLICY own ON app.customers", set()),
        ("ALTER TABLE app.orders DROP CONSTRAINT positive", {"positive"}),
        ('ALTER TABLE app.orders DROP COLUMN "Total"', {"Total", "positive"}),
        ("ALTER TABLE app.orders RENAME COLUMN note TO remark", {"note"}),
        ("ALTER TABLE app.orders ADD CONSTRAINT key UNIQUE USING INDEX orders_id", {"orders_id"}),
        ("ALTER FUNCTION app.total(int) RENAME TO sum", {"total"}),
        ("DROP FUNCTION app.stamp() CASCADE", {"stamp"}),
        ("DROP VIEW app.recent, app.older", {"recent"}),
        ("DO $$BEGIN DROP TYPE app.state; END$$", {"state"}),
        ("COMMENT ON TABLE app.orders IS 'DROP VIEW app.recent'", set()),
        ("ALTER TABLE app.customers DROP COLUMN note", set()),
    ],
)
def test_what_a_later_statement_undoes_is_not_expected(tmp_path: Path, undoing: str, gone: set[str]) -> None:
    left = read(tmp_path, f"{MADE}{undoing};\n")
    assert left is not None
    assert {name for _, _, name, _ in LEFT} - {name for _, _, name, _ in left} == gone


def test_nothing_on_a_table_is_expected_that_is_dropped_or_renamed(tmp_path: Path) -> None:
    for undoing in ("DROP TABLE app.orders CASCADE", "ALTER TABLE app.orders RENAME TO purchases", "DROP SCHEMA app"):
        left = read(tmp_path, f"{MADE}{undoing};\n") or []
        assert not [one for one in left if "orders" in one], undoing


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TEMP TABLE loaded (id int);\nCREATE INDEX by_id ON loaded (id);\nALTER TABLE loaded ADD COLUMN n int;",
        "SELECT 1 AS id INTO TEMPORARY TABLE loaded;\nCREATE INDEX by_id ON loaded (id);\n",
        "CREATE FUNCTION pg_temp.helper() RETURNS int LANGUAGE sql AS $$SELECT 1$$;\n",
        "CREATE INDEX CONCURRENTLY ON orders (id);\nCREATE INDEX ON orders (note);\n",
        "BEGIN;\nCREATE TABLE tried (id int);\nROLLBACK;\n",
        "CREATE TABLE kept (id int);\nDROP OWNED BY loader;\n",
        "CREATE SEQUENCE numbers;\nDROP TABLE invoices;\n",
        'CREATE TABLE U&"d\\0061t" (id int);\n',
    ],
)
def test_what_does_not_last_or_has_no_name_is_not_expected(tmp_path: Path, script: str) -> None:
    assert read(tmp_path, script) == []


TABLE = "CREATE TABLE t (a int, b int);\nCREATE INDEX i ON t (a);\n"


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("DO $$ BEGIN -- a → b\nDROP TABLE IF EXISTS t; END $$;", set()),
        ("ALTER TABLE t RENAME COLUMN a TO c;\nALTER TABLE t DROP COLUMN c CASCADE;", set()),
        ("ALTER TABLE T DROP COLUMN A;", {"t"}),
        ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL, ALTER b DROP DEFAULT;", {"t", "i"}),
        ("ALTER TABLE t ALTER a DROP DEFAULT, DROP COLUMN b;", {"t", "i"}),
        ("DROP TABLE t", set()),
        ("SELECT run('DROP TABLE t');", set()),
        ("INSERT INTO t VALUES ('drop t — by $5');", {"t", "i"}),
        ("CREATE VIEW v AS SELECT a FROM t;\nCREATE VIEW w AS SELECT a FROM v;\nDROP TABLE t CASCADE;", set()),
        ("CREATE TABLE part PARTITION OF t DEFAULT;\nDROP TABLE t;", set()),
        ("CREATE INDEX on_part ON part (b);\nDROP SCHEMA old CASCADE;", set()),
        ("CREATE SEQUENCE s;\nALTER SEQUENCE s OWNED BY t.a;\nALTER TABLE t DROP b;", {"t", "i"}),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1 x;\nCREATE INDEX j ON m (x);\nALTER MATERIALIZED VIEW m RENAME TO n;",
         {"t", "i"}),
        ("ALTER TABLE IF EXISTS elsewhere ADD COLUMN x int;", {"t", "i"}),
        ("CREATE TRIGGER g -- fires on every update\nBEFORE UPDATE ON t EXECUTE FUNCTION f();", {"t", "i", "g"}),
        (f"CREATE VIEW {'v' * 70} AS SELECT 1;\nDROP VIEW {'v' * 70};", {"t", "i"}),
        ("CREATE TABLE таблица (a int);\nDROP TABLE таблица;", {"t", "i"}),
        ("ALTER TABLE t ADD COLUMN c int, ADD COLUMN :name int;", {"t", "i"}),
        ("BEGIN;\nROLLBACK TO here;", set()),
    ],
)  # fmt: skip
def test_what_goes_with_something_else_is_not_expected(tmp_path: Path, script: str, left: set[str]) -> None:
    found = read(tmp_path, TABLE + script)
    assert found is not None
    assert {one[2] for one in found} == left


@pytest.mark.parametrize(
    "script",
    [
        "-- +goose Up\nDROP TABLE t;\n-- +goose Down\nCREATE TABLE t (a int);",
        "-- migrate:up\nDROP TABLE t;\n-- migrate:down\nCREATE TABLE t (a int);",
        "--liquibase formatted sql\n--changeset me:1 dbms:oracle\nCREATE TABLE t (a int);",
        "SELECT max(a) AS m FROM t \\gset\nDROP TABLE t;",
        "CREATE TABLE ${schema}.t (a int);",
        "DO $$ BEGIN EXECUTE format('ALTER TABLE %I SET SCHEMA archive', 't'); END $$;",
        "SELECT 'never ended",
    ],
)
def test_nothing_is_known_of_a_script_that_does_not_run_as_it_reads(tmp_path: Path, script: str) -> None:
    assert read(tmp_path, TABLE + script) is None


def test_nothing_on_a_table_is_asked_for_that_no_script_makes_and_that_is_not_there(tmp_path: Path) -> None:
    # It may be an extension's, whose objects are not compared.
    assert missing(tmp_path, "CREATE POLICY own ON spatial_ref_sys USING (true);\n", {}) == []


def test_nothing_is_known_where_psql_decides_what_runs(tmp_path: Path) -> None:
    assert read(tmp_path, "\\if :first\nCREATE TABLE orders (id int);\n\\endif\n") is None


def test_letters_are_compared_as_the_server_may_have_written_them(tmp_path: Path) -> None:
    assert missing(tmp_path, "CREATE TABLE ÄNDERUNG (id int);\n", {name("table", "public", "Änderung"): {}}) == []


def test_what_is_dropped_to_be_made_again_is_expected(tmp_path: Path) -> None:
    assert read(tmp_path, "DROP POLICY IF EXISTS own ON orders;\nCREATE POLICY own ON orders USING (true);\n") == [
        ("policy", "", "own", "orders")
    ]


def test_nothing_is_known_where_a_script_computes_what_it_drops(tmp_path: Path) -> None:
    block = "DO $$BEGIN EXECUTE format('DROP INDEX %I', 'x'); END$$;\n"
    assert read(tmp_path, MADE + block) is None
    assert read(tmp_path, MADE + "SELECT 'DROP INDEX ' || indexname FROM pg_indexes \\gexec\n") is None


def test_a_name_is_cut_where_the_server_cuts_it(tmp_path: Path) -> None:
    assert read(tmp_path, f"CREATE VIEW {'v' * 70} AS SELECT 1;\n") == [("view", "", "v" * 63, "")]


def name(kind: str, schema: str, called: str, table: str = "") -> ObjectName:
    return ObjectName(f"{kind} {called}", kind, schema, called, table)


ORDERS = name("table", "app", "orders")


def missing(directory: Path, text: str, now: Objects) -> list[str]:
    # Each file is read once.
    path = directory / f"{next(COUNTER)}.sql"
    path.write_text(text)
    outcome = read_outcome((path,))
    assert outcome
    return [one.name for one in find_missing(outcome, now)]


def test_objects_are_found_by_name_in_any_schema_where_the_script_says_none(tmp_path: Path) -> None:
    now: Objects = {ORDERS: {}, name("index", "app", "by_day", "orders"): {}}
    assert missing(tmp_path, "CREATE TABLE orders (id int);\nCREATE INDEX by_day ON orders (id);\n", now) == []
    assert missing(tmp_path, "CREATE TABLE shop.orders (id int);\n", now) == ["orders"]


def test_an_index_under_another_name_is_there(tmp_path: Path) -> None:
    text = "CREATE INDEX by_day ON app.orders (day DESC, id) WHERE paid;\n"
    other = name("index", "app", "orders_day", "orders")
    there = "CREATE INDEX orders_day ON app.orders USING btree (day DESC, id) WHERE paid"
    assert missing(tmp_path, text, {ORDERS: {}, other: {"~sql": there}}) == []
    assert missing(tmp_path, text, {ORDERS: {}, other: {"~sql": there.replace(" WHERE paid", "")}}) == ["by_day"]
    assert missing(tmp_path, text, {ORDERS: {}, other: {"~sql": there.replace("CREATE", "CREATE UNIQUE")}}) == [
        "by_day"
    ]
    # One that a script makes is no other one.
    both = "CREATE INDEX orders_day ON app.orders (day DESC, id) WHERE paid;\n" + text
    assert missing(tmp_path, both, {ORDERS: {}, other: {"~sql": there}}) == ["by_day"]


def test_a_trigger_under_another_name_is_there(tmp_path: Path) -> None:
    text = "CREATE TRIGGER stamp BEFORE UPDATE ON orders FOR EACH ROW EXECUTE PROCEDURE stamp_row();\n"
    other = name("trigger", "public", "orders_stamp", "orders")
    there = (
        "CREATE TRIGGER orders_stamp BEFORE UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.stamp_row()"
    )
    assert missing(tmp_path, text, {ORDERS: {}, other: {"~sql": there}}) == []
    assert missing(tmp_path, text, {ORDERS: {}, other: {"~sql": there.replace("stamp_row", "count_row")}}) == ["stamp"]
