"""The catalogs without the tables that another session keeps everybody out of."""

from postmigration.checks.contents.locks import read_catalog
from postmigration.postgres import embedded
from selftest.unit.uncommitted import Fill

TABLES = """
    SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.oid <> ALL(CAST(:locked AS oid[])) AND c.relkind = 'r'
"""
# A schema with tables that every database has.
SCHEMAS = ["information_schema"]


def test_a_table_that_is_locked_is_left_out_and_told_once(now: Fill, empty: embedded.Server) -> None:
    snapshot = now()
    unjudged: list[str] = []
    names = {row.name for row in read_catalog(snapshot, TABLES, SCHEMAS, unjudged)}
    assert "sql_features" in names
    assert unjudged == []
    with empty.connect("unit_after") as other, other.transaction():
        other.execute("LOCK TABLE information_schema.sql_features IN ACCESS EXCLUSIVE MODE")
        for _ in range(2):
            left = {row.name for row in read_catalog(snapshot, TABLES, SCHEMAS, unjudged)}
            assert names - left == {"sql_features"}
    assert unjudged == [
        "information_schema.sql_features: another session holds a lock; try again, or raise --lock-timeout"
    ]


def test_our_own_lock_and_a_weaker_one_keep_nobody_out(now: Fill, empty: embedded.Server) -> None:
    snapshot = now("LOCK TABLE information_schema.sql_features IN ACCESS EXCLUSIVE MODE")
    unjudged: list[str] = []
    with empty.connect("unit_after") as other, other.transaction():
        other.execute("LOCK TABLE information_schema.sql_sizing IN SHARE ROW EXCLUSIVE MODE")
        rows = read_catalog(snapshot, TABLES, SCHEMAS, unjudged)
    assert {"sql_features", "sql_sizing"} <= {row.name for row in rows}
    assert unjudged == []
