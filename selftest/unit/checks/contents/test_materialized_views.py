"""Materialized views held against their own queries, and against what they held before."""

import pytest

from postmigration.checks.contents.materialized_views import examine, read_views
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE sale (client int, amount int);
    INSERT INTO sale VALUES (1, 10), (1, 20), (2, 5);
    CREATE MATERIALIZED VIEW turnover AS SELECT client, sum(amount) AS total FROM sale GROUP BY client;
"""
STALE = "INSERT INTO sale VALUES (3, 7)"
EMPTY = "TRUNCATE sale; REFRESH MATERIALIZED VIEW turnover; INSERT INTO sale VALUES (1, 10)"
UNFILLED = "REFRESH MATERIALIZED VIEW turnover WITH NO DATA"


def test_a_view_is_read_with_what_its_query_depends_on(now: Fill) -> None:
    snapshot = now(
        WORLD,
        "CREATE MATERIALIZED VIEW sampled AS SELECT random() AS r",
        "CREATE MATERIALIZED VIEW aged AS SELECT now() AS at WITH NO DATA",
    )
    views = read_views(snapshot, ["public"], [])
    assert {name: (v.populated, v.volatile, v.stable) for (_, name), v in views.items()} == {
        "turnover": (True, False, False),
        "sampled": (True, True, False),
        "aged": (False, False, True),
    }
    turnover = views["public", "turnover"]
    assert (turnover.title, turnover.sql, turnover.readable) == ("turnover", "public.turnover", True)
    assert turnover.definition.endswith("GROUP BY client")


@pytest.mark.parametrize(
    ("change", "words", "severity"),
    [
        (STALE, "it holds 2 rows, and its query gives 3: it was not refreshed since its tables changed", "warning"),
        (
            "UPDATE sale SET amount = 6 WHERE client = 2",
            "it holds 2 rows, and its query gives as many others: it was not refreshed since its tables changed",
            "warning",
        ),
        (EMPTY, "it is empty, and its query gives 1 row", "blocker"),
        (UNFILLED, "it was never filled, and cannot be read", "blocker"),
    ],
    ids=["stale", "changed", "empty", "unfilled"],
)
def test_what_is_not_as_its_query_gives_is_found(was: Fill, now: Fill, change: str, words: str, severity: str) -> None:
    (finding,) = examine(now(WORLD, change), was(WORLD), ["public"]).findings
    assert finding.statement == f"materialized view turnover: {words}"
    assert (finding.severity, finding.code) == (severity, "stale_view")
    assert finding.repair == "REFRESH MATERIALIZED VIEW public.turnover;"


@pytest.mark.parametrize("change", [EMPTY, UNFILLED], ids=["empty", "unfilled"])
def test_what_was_so_before_is_a_warning(was: Fill, now: Fill, change: str) -> None:
    (finding,) = examine(now(WORLD, change), was(WORLD, change), ["public"]).findings
    assert finding.statement.endswith("; it was so before")
    assert finding.severity == "warning"


def test_what_is_sound_is_counted(was: Fill, now: Fill) -> None:
    found = examine(now(WORLD, STALE, "REFRESH MATERIALIZED VIEW turnover"), was(WORLD), ["public"])
    assert (found.findings, found.facts, found.rows) == ([], 1, 3)
    assert found.notes == [
        "materialized view turnover: it holds 3 rows as its query gives, and others than before",
    ]


def test_a_query_that_gives_other_rows_each_time_is_not_run(was: Fill, now: Fill) -> None:
    sampled = "CREATE MATERIALIZED VIEW sampled AS SELECT random() AS r"
    found = examine(now(sampled), was(sampled), ["public"])
    assert found.findings == []
    assert found.notes == [
        "materialized view sampled: not held against its own query: it gives other rows each time",
    ]


def test_there_may_be_none(now: Fill) -> None:
    assert examine(now(), None, ["public"]).inapplicable == "there is no materialized view on either side"
