from postmigration.diff.expected_rows import Expectation
from postmigration.diff.scope import Relation, ledger, relations
from selftest.unit.conftest import OpenSnapshot


def test_everything_that_rows_can_be_selected_from_is_listed(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot("""
        CREATE SCHEMA sales;
        CREATE TABLE sales.stay (id int);
        CREATE TABLE sales.none ();
        CREATE TABLE sales.log (day date) PARTITION BY RANGE (day);
        CREATE TABLE sales.log_2025 PARTITION OF sales.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        CREATE TABLE public.log_2026 PARTITION OF sales.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE VIEW sales.shown AS SELECT 1 AS id;
        CREATE MATERIALIZED VIEW sales.kept AS SELECT 1 AS id;
    """)
    # By default the schema is `public`, where one partition stands whose parent is elsewhere: it is compared by itself.
    assert {name: found.excluded for name, found in relations(snapshot).items()} == {"log_2026": ""}
    snapshot.database.schema = "sales"
    assert {name: found.excluded for name, found in relations(snapshot).items()} == {
        "kept": "a materialized view: what it holds is made anew from tables",
        "log": "",
        "log_2025": "a partition: compared as part of log",
        "none": "it has no columns",
        "shown": "a view: it holds no rows of its own",
        "stay": "",
    }


def test_the_ledger_says_of_each_how_it_is_compared_or_why_not() -> None:
    found = {name: Relation(name, 1, reason) for name, reason in [("stay", ""), ("shown", "a view"), ("log", "")]}
    of_stay = Expectation("", {"price": "0"}, "", ("id", "price", "note"), 1, "", "NULL", ("seen",), {}, False)
    assert ledger(found, {"stay": of_stay}) == [
        ("stay", "all rows", "by id in 3 columns, where intended changed: price, free to change: seen"),
        ("shown", "not compared", "a view"),
        ("log", "not compared", "it could not be read"),
    ]
