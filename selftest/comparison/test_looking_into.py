"""What is counted, excused and kept of differences, in however many buckets they are, and what is asked for it."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration import RowComparison
from postmigration.diff import row_diff, row_sets, side_by_side
from postmigration.diff.findings import of_rows
from postmigration.diff.row_diff import ColumnCount, Comparison, Sides, calibration
from postmigration.diff.row_sets import RowSet, power_of_two
from postmigration.diff.side_by_side import SideBySide
from postmigration.postgres.connection import Database, Snapshot
from selftest.comparison.conftest import SIDES, Servers

COLUMNS = ("id", "v")
WANT = "SELECT i AS id, i % 7 AS v FROM generate_series(1, 3000) i"
# Of these 40 are missing, 30 extra and 20 new; 40 are changed, and 15 were changed since.
HAVE = """
    SELECT i AS id, CASE WHEN i BETWEEN 101 AND 140 OR since THEN -1 ELSE i % 7 END AS v, since, i > 20000 AS grown
    FROM (SELECT generate_series(41, 3000) UNION ALL SELECT generate_series(10001, 10030)
          UNION ALL SELECT generate_series(20001, 20020)) s(i), LATERAL (SELECT i BETWEEN 201 AND 215) t(since)
"""
MARKS = {"since": "q.since", "growth": "q.grown"}
FAULTS = {"missing": 40, "extra": 30, "changed": 40}

Snapshots = tuple[Snapshot, Snapshot]


@pytest.fixture
def snapshots(servers: Servers) -> Iterator[Snapshots]:
    with ExitStack() as cleanup:
        taken = []
        for side in SIDES:
            database = Database(servers[18].conninfo(side), option=side)
            cleanup.callback(database.close)
            taken.append(Snapshot(database))
            cleanup.callback(taken[-1].close)
        yield taken[0], taken[1]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """How many packs were asked for, and whether rows by their keys themselves."""
    seen: dict[str, list[Any]] = {"packs": [], "by key": []}

    def hashes_sql(rows: RowSet, hashing: Any, buckets: int, finer: int, *, texts: bool = False) -> str:
        seen["packs"].append(finer)
        return row_sets.hashes_sql(rows, hashing, buckets, finer, texts=texts)

    def rows_sql(rows: RowSet, hashing: Any, *, texts: bool = False) -> str:
        seen["by key"].append(texts)
        return row_sets.rows_sql(rows, hashing, texts=texts)

    monkeypatch.setattr(row_diff, "hashes_sql", hashes_sql)
    monkeypatch.setattr(row_diff, "rows_sql", rows_sql)
    return seen


def compared(snapshots: Snapshots, want: str, have: str, **marks: str) -> Comparison:
    return Sides(*snapshots, RowSet(want, COLUMNS, 1), RowSet(have, COLUMNS, 1, marks)).compare(keep=9)


@pytest.mark.full
@pytest.mark.parametrize(("rows_per_pack", "packs"), [(10_000, 1_024), (1, 8_192)])
@pytest.mark.parametrize("by_key", [True, False])
def test_each_kind_is_counted_and_some_of_each_are_kept(
    snapshots: Snapshots,
    asked: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    rows_per_pack: int,
    packs: int,
    by_key: bool,
) -> None:
    monkeypatch.setattr(row_diff, "_ROWS_PER_PACK", rows_per_pack)
    monkeypatch.setattr(row_diff, "_FEW_ROWS", 250_000 * by_key)
    # Every bucket holds a difference, so that all rows are looked into.
    found = compared(snapshots, f"SELECT id, -v - 9 AS v FROM ({WANT}) w", HAVE, **MARKS)
    assert found.counts == {"missing": 40, "extra": 30, "changed": 2_945}
    assert asked == {"packs": [packs] * 2, "by key": [by_key] * 2}
    found = compared(snapshots, WANT, HAVE, **MARKS)
    assert found.counts == FAULTS
    assert (found.want_rows, found.have_rows, found.grown, found.marked) == (3_000, 3_010, 20, {"since": 15})
    assert sorted(d.kind for d in found.differences) == ["changed"] * 3 + ["extra"] * 3 + ["missing"] * 3
    for difference in found.differences:
        assert (difference.want is None, difference.have is None) == (
            difference.kind == "extra",
            difference.kind == "missing",
        )


@pytest.mark.parametrize("ignored", FAULTS)
def test_a_kind_that_does_not_matter_is_left_out_and_no_other(
    snapshots: Snapshots, ignored: row_sets.DifferenceKind
) -> None:
    sides = Sides(*snapshots, RowSet(WANT, COLUMNS, 1), RowSet(HAVE, COLUMNS, 1, MARKS))
    assert sides.compare(keep=9, ignore=[ignored]).counts == {**FAULTS, ignored: 0}


def test_no_more_is_kept_than_is_asked_for() -> None:
    tally = row_diff._Tally(3, ())
    for first in (0, 10, 20):
        keys = dict.fromkeys(range(first, first + 10), 1)
        tally.take({"missing": keys, "changed": {-key: times for key, times in keys.items()}}, {})
    assert tally.first_keys() == [0, 0, 1]
    assert tally.counts == {"missing": 30, "extra": 0, "changed": 30}
    assert {kind: len(kept) for kind, kept in tally._kept.items()} == {"missing": 3, "extra": 0, "changed": 3}


def test_growth_may_be_new_and_may_not_be_other_than_it_was() -> None:
    tally = row_diff._Tally(3, ())
    for key in (1, 2):
        tally.take({"extra": {key: 2, 9: 1}, "changed": {key: 1}}, {"growth": {key}, "since": set()})
    assert (tally.grown, tally.counts) == (4, {"missing": 0, "extra": 2, "changed": 2})


def test_what_two_marks_excuse_counts_for_the_first() -> None:
    tally = row_diff._Tally(3, ())
    for key in (1, 2):
        tally.take({"changed": {key: 1, 7: 1, 8: 1}}, {"since": {key, 7}, "waived": {7, 8}})
    assert (tally.marked, tally.counts["changed"]) == ({"since": 4, "waived": 2}, 0)


@pytest.mark.parametrize(("want", "have", "kind"), [(5, 0, "missing"), (0, 5, "extra")])
def test_one_side_may_have_no_row(snapshots: Snapshots, want: int, have: int, kind: row_sets.DifferenceKind) -> None:
    found = compared(snapshots, *(f"SELECT i AS id, 1 AS v FROM generate_series(1, {n}) i" for n in (want, have)))
    assert found.counts == {"missing": 0, "extra": 0, "changed": 0, kind: 5}
    assert {d.kind for d in found.differences} == {kind}


@pytest.mark.parametrize(("want", "have", "kind"), [(1, 3, "extra"), (4, 2, "missing")])
def test_the_same_row_again_is_a_difference(
    snapshots: Snapshots, want: int, have: int, kind: row_sets.DifferenceKind
) -> None:
    found = compared(snapshots, *(f"SELECT 1 AS id, 1 AS v FROM generate_series(1, {n})" for n in (want, have)))
    assert found.counts == {"missing": 0, "extra": 0, "changed": 0, kind: 2}


def test_differences_are_counted_by_column(snapshots: Snapshots) -> None:
    columns = ("id", "v", "w", "same")
    rows = "SELECT i AS id, i AS v, i AS w, 'x' AS same FROM generate_series(1, 60) i"
    values = "CASE WHEN id > 20 THEN v END AS v, CASE WHEN id = 7 THEN 0 ELSE w END AS w"
    sides = RowSet(rows, columns, 1), RowSet(f"SELECT id, {values}, same FROM ({rows}) r", columns, 1)
    found = Sides(*snapshots, *sides).compare(keep=2)
    assert found.counts["changed"] == found.counted == 20
    assert found.columns == (ColumnCount("v", 20, 20), ColumnCount("w", 1, 0))
    assert of_rows(found, columns, 1, 60, "rows differ", lambda text, _: text or "", "").statement == (
        "rows differ; by column: v 20 of 20 (all NULL now), w 1 of 20"
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("btrim(t)", "t 30 of 30 (trimmed)"),
        ("left(t, 4)", "t 30 of 30 (cut at 4 characters)"),
        ("upper(t)", "t 30 of 30 (in another case)"),
        ("CASE WHEN id > 5 THEN upper(t) ELSE 'x' || t END", "t 30 of 30 (25 of 30 looked at in another case)"),
        ("convert_from(convert_to(t, 'UTF8'), 'LATIN1')", "t 30 of 30 (in another encoding)"),
        ("'x' || t", ""),
    ],
)
def test_what_became_of_values_is_told_by_its_pattern(snapshots: Snapshots, now: str, words: str) -> None:
    rows = "SELECT i AS id, ' näme ' || i AS t FROM generate_series(1, 30) i"
    sides = RowSet(rows, ("id", "t"), 1), RowSet(f"SELECT id, {now} AS t FROM ({rows}) r", ("id", "t"), 1)
    found = Sides(*snapshots, *sides).compare(keep=2)
    said = of_rows(found, ("id", "t"), 1, 30, "rows differ", lambda text, _: text or "", "").statement
    assert said == "rows differ" + (f"; by column: {words}" if words else "")


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("timestamptz '2026-01-01 UTC' + i * interval '1 hour'", "v + interval '7 hours'", "shifted by +7 hours"),
        ("timestamptz '2026-01-01 00:00:00.123456 UTC'", "date_trunc('second', v)", "without its fraction of a second"),
        ("i * 1.23", "v * 100", "multiplied by 100"),
        ("i + 0.5", "trunc(v)", "without its decimals"),
        ("-i", "-v", "with the other sign"),
    ],
)
def test_what_became_of_numbers_and_times_is_told(snapshots: Snapshots, was: str, now: str, words: str) -> None:
    rows = f"SELECT i AS id, {was} AS v FROM generate_series(1, 30) i"
    sides = RowSet(rows, ("id", "v"), 1), RowSet(f"SELECT id, {now} AS v FROM ({rows}) r", ("id", "v"), 1)
    assert [column.damage for column in Sides(*snapshots, *sides).compare(keep=2).columns] == [words]


def test_equal_sides_are_read_once(
    snapshots: Snapshots, asked: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "_IDLE", [])
    assert compared(snapshots, WANT, WANT).wrong == 0
    (threads,) = side_by_side._IDLE
    assert compared(snapshots, WANT, WANT).wrong == 0
    assert [threads] == side_by_side._IDLE
    assert asked == {"packs": [], "by key": []}
    # Whoever was reading a stream ends with it.
    assert compared(snapshots, WANT, HAVE).wrong > 0
    assert side_by_side._IDLE == []


def test_whatever_ends_the_work_ends_its_queries(snapshots: Snapshots) -> None:
    waiting: list[Future[Any]] = []

    def broken_off() -> None:
        with SideBySide(*snapshots) as threads:
            waiting.extend(threads.submit(snapshot.scalar, "SELECT pg_sleep(60)") for snapshot in snapshots)
            raise LookupError("an error of somebody's")

    with pytest.raises(LookupError, match="of somebody's"):
        broken_off()
    assert all(future.cancelled() or isinstance(future.exception(), sa.exc.DBAPIError) for future in waiting)


def test_each_side_has_its_own_settings(snapshots: Snapshots) -> None:
    sql = "SELECT 1 AS id, current_setting('application_name') AS v"
    sides = [RowSet(sql, COLUMNS, 1, settings={"application_name": name}) for name in ("one", "other")]
    found = Sides(*snapshots, *sides).compare(keep=9)
    assert [(d.kind, d.want, d.have) for d in found.differences] == [("changed", ("1", "one"), ("1", "other"))]


def test_both_queries_may_have_parameters(snapshots: Snapshots) -> None:
    few = f"{WANT} WHERE i < CAST(:most AS int) - 1"
    sides = Sides(*snapshots, RowSet(f"{few} + 1", COLUMNS, 1), RowSet(few, COLUMNS, 1), most=20)
    assert sides.compare(keep=9).counts == {"missing": 1, "extra": 0, "changed": 0}


def test_columns_beside_those_that_are_compared_say_how(snapshots: Snapshots) -> None:
    want = "SELECT i AS id, i AS v, i IN (2, 5) AS excused FROM generate_series(1, 5) i"
    have = """
        SELECT i AS id, CASE WHEN i IN (2, 3) THEN -i ELSE i END AS v, i = 2 AS excused,
               i >= 10 AS new, i <> 3 AS settled
        FROM (VALUES (1), (2), (3), (4), (10), (11)) s(i) WHERE i < CAST(:most AS int)
    """
    rows = RowComparison(want, have, COLUMNS, settled="settled", new="new")
    sides = Sides.of(*snapshots, rows, accepted=["excused"], most=20)
    found = sides.compare(keep=9)
    assert (found.wrong, found.grown, found.marked) == (0, 2, {"excused": 2, "since": 1})


def test_a_server_is_known_by_its_encoding_too(snapshots: Snapshots) -> None:
    assert calibration(snapshots[0]).split()[0] == "UTF8"


@pytest.mark.parametrize(
    ("least", "most", "power"), [(0, 64, 1), (1, 64, 1), (2, 64, 2), (3, 64, 4), (33.5, 64, 64), (65, 64, 64)]
)
def test_a_power_of_two_is_no_smaller_up_to_its_limit(least: float, most: int, power: int) -> None:
    assert power_of_two(least, most=most) == power
