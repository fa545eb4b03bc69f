"""Ranges of a key leave out no row of either side, whatever lies at their edges."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from postmigration.diff.resuming import checkpoint, key_ranges
from postmigration.diff.resuming.checkpoint import Range
from postmigration.diff.resuming.key_ranges import (
    ALL,
    KeyColumn,
    KeyRange,
    find_common_type,
    find_key_column,
    is_large,
    read_shapes,
)
from postmigration.diff.scan import pages
from postmigration.gate.commands.console import Bar
from postmigration.postgres import catalog
from postmigration.postgres.connection import Database, Snapshot
from selftest.comparison.test_resumable import Fresh, Reading, Run, change, interrupt
from selftest.comparison.test_resumable import reading as reading
from selftest.tiers import few

TABLES = """
    CREATE TABLE number (id bigint PRIMARY KEY, v text);
    INSERT INTO number SELECT i * 10, 'v' FROM generate_series(-20, 79) i;
    INSERT INTO number VALUES (-9223372036854775808, 'least'), (9223372036854775807, 'most');
    CREATE TABLE code (id uuid PRIMARY KEY, v int);
    INSERT INTO code SELECT md5(i::text)::uuid, i FROM generate_series(1, 100) i;
    INSERT INTO code VALUES ('00000000-0000-0000-0000-000000000000', 0), ('ffffffff-ffff-ffff-ffff-ffffffffffff', 0);
    CREATE TABLE part (a int, b text, v int, PRIMARY KEY (a, b));
    INSERT INTO part SELECT i % 3, i::text, i FROM generate_series(1, 100) i;
    CREATE TABLE sold (id int, at date, v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE sold_1 PARTITION OF sold FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
    CREATE TABLE sold_2 PARTITION OF sold DEFAULT;
    INSERT INTO sold SELECT i, date '2025-01-01' + (i * 37) % 365, i FROM generate_series(1, 100) i;
"""
UNDIVIDED = """
    CREATE TABLE word (w text PRIMARY KEY); INSERT INTO word SELECT i::text FROM generate_series(1, 100) i;
    CREATE TABLE line (n int); INSERT INTO line SELECT i FROM generate_series(1, 100) i;
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
    CREATE UNLOGGED TABLE cache (id int PRIMARY KEY);
    CREATE TABLE half (id int NOT NULL); CREATE UNIQUE INDEX ON half (id) WHERE id > 0;
"""


@pytest.fixture(autouse=True)
def _divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has small tables divided, uuids too, which lie in no order."""
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    monkeypatch.setattr(key_ranges, "ROWS", 30)
    monkeypatch.setattr(checkpoint, "PATIENCE", 0)


@pytest.fixture
def opened() -> Iterator[Callable[..., list[Snapshot]]]:
    with ExitStack() as cleanup:

        def open_all(*conninfos: str) -> list[Snapshot]:
            snapshots = []
            for conninfo in conninfos:
                database = Database(conninfo, option="--db-url")
                cleanup.callback(database.close)
                snapshots.append(Snapshot(database))
                cleanup.callback(snapshots[-1].close)
            return snapshots

        yield open_all


def find(sides: Sequence[Snapshot], name: str) -> KeyColumn | None:
    tables = [catalog.table(side, name, expressions=False) for side in sides]
    return find_key_column(sides, tables, [read_shapes(side, [name])[name] for side in sides])


def cut(column: KeyColumn, side: Snapshot, table: str) -> list[KeyRange]:
    """All ranges of a table."""
    found, left = list[KeyRange](), ALL
    while not found or found[-1].end is not None:
        found.append(column.cut(side, table, left))
        left = KeyRange(found[-1].end)
    return found


def test_ranges_follow_each_other_and_hold_every_row(
    fresh: Fresh, opened: Callable[..., list[Snapshot]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (side,) = opened(fresh(18, TABLES, UNDIVIDED, "ANALYZE"))
    divided = {}
    for table in ("number", "code", "part", "sold"):
        column = find([side, side], table)
        assert column is not None
        assert is_large(table, [side])
        ranges = cut(column, side, table)
        assert [each.first for each in ranges[1:]] == [each.end for each in ranges[:-1]]
        counts = []
        for each in ranges:
            where, parameters = column.limit(each)
            counts.append(side.scalar(f"SELECT count(*) FROM public.{table} t WHERE {where}", **parameters))
        divided[table] = (column.name, column.type, counts)
    assert divided == {
        "number": ("id", "bigint", [30, 30, 30, 12]),
        "code": ("id", "uuid", [30, 30, 30, 12]),
        # Rows with the same value stay together; before the first thirty comes none.
        "part": ("a", "bigint", [0, 33, 34, 33]),
        "sold": ("id", "bigint", [30, 30, 30, 10]),
    }
    assert {table: find([side, side], table) for table in ("word", "line", "parent", "cache", "half")} == dict.fromkeys(
        ("word", "line", "parent", "cache", "half")
    )
    # Each range of such rows is read from all over the table: there are a few.
    monkeypatch.setattr(key_ranges, "ROWS", 5)
    found = [find([side, side], table) for table in ("number", "code")]
    assert [column.rows for column in found if column is not None] == [5, 13]
    assert read_shapes(side, ["none"])["none"].definition == ""


def test_what_is_left_follows_the_order_of_the_key() -> None:
    def done(*bounds: tuple[str | None, str | None]) -> list[Range]:
        at = "2026-11-30 12:00:00+00:00"
        return [Range(first=f, end=e, rows=(0, 0), counts={}, since=at, until=at) for f, e in bounds]

    number, code = KeyColumn("id", "bigint", 1), KeyColumn("id", "uuid", 1)
    assert number.find_gaps([]) == [ALL]
    assert number.find_gaps(done((None, None))) == []
    assert number.find_gaps(done(("9", "10"), (None, "-5"), ("10", "200"))) == [KeyRange("-5", "9"), KeyRange("200")]
    assert number.find_gaps(done(("9", None))) == [KeyRange(None, "9")]
    assert code.find_gaps(done(("b0", "c0"), ("10", "a0"))) == [
        KeyRange(None, "10"),
        KeyRange("a0", "b0"),
        KeyRange("c0"),
    ]


def test_numbers_of_other_widths_are_one_type(fresh: Fresh, opened: Callable[..., list[Snapshot]]) -> None:
    wide = "CREATE TABLE t (id {} PRIMARY KEY, x {} NOT NULL)"
    sides = opened(fresh(18, wide.format("int", "uuid")), fresh(18, wide.format("bigint", "text")))
    tables = [catalog.table(side, "t") for side in sides]
    assert [find_common_type(name, *tables) for name in ("id", "x")] == ["bigint", ""]


# What takes rows from a table without a row of it being deleted.
TAKEN = {
    "a partition that was emptied": ("sold", "TRUNCATE sold_1"),
    "one of a partition": ("sold", "TRUNCATE sold_2_1"),
    "one that was detached": ("sold", "ALTER TABLE sold DETACH PARTITION sold_2"),
    "one whose detaching waits for others": (
        "sold",
        "UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'sold_1'::regclass",
    ),
    "one that was dropped": ("sold", "DROP TABLE sold_1"),
    "a child that was emptied": ("parent", "TRUNCATE child"),
    "a child that inherits no more": ("parent", "ALTER TABLE child NO INHERIT parent"),
}
TREES = """
    CREATE TABLE sold (id int, at date, v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE sold_1 PARTITION OF sold FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
    CREATE TABLE sold_2 PARTITION OF sold DEFAULT PARTITION BY RANGE (at);
    CREATE TABLE sold_2_1 PARTITION OF sold_2 DEFAULT;
    INSERT INTO sold SELECT i, date '2025-01-01' + (i * 37) % 365, i FROM generate_series(1, 300) i;
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
    INSERT INTO child SELECT generate_series(1, 9000);
"""


def test_a_table_whose_partition_was_emptied_or_is_gone_is_another_one(
    fresh: Fresh, opened: Callable[..., list[Snapshot]]
) -> None:
    conninfo = fresh(18, TREES)

    def read_files() -> tuple[str, str]:
        (side,) = opened(conninfo)
        shapes = read_shapes(side, ["sold", "parent"])
        side.close()
        return shapes["sold"].file, shapes["parent"].file

    seen = [read_files()]
    assert read_files() == seen[0]
    for table, statement in TAKEN.values():
        if "DROP" not in statement:
            change(conninfo, statement)
            seen.append(read_files())
            assert [was == is_ for was, is_ in zip(*seen[-2:], strict=True)] == [table != "sold", table != "parent"]
    change(conninfo, "CREATE TABLE sold_3 PARTITION OF sold FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')")
    assert read_files()[0] != seen[-1][0]


@pytest.mark.full
@pytest.mark.parametrize("taken", few(TAKEN, *range(len(TAKEN))))
def test_rows_that_are_taken_after_they_were_read_are_missed(
    fresh: Fresh, run: Run, reading: Reading, taken: str
) -> None:
    table, statement = TAKEN[taken]
    before, after = fresh(18, TREES, "ANALYZE"), fresh(18, TREES, "ANALYZE")
    command = ("compare", before, after, "--checkpoint=file", "--recheck=1@0s", "--json")
    # The child and its parent are read first, each at once.
    reading.then = {5: interrupt}
    assert run(*command).status == 2
    assert reading.take()[:3] == [(None, None), (None, None), (None, "39")]
    change(after, statement)
    done = run(*command)
    found = done.tables()[table]
    assert (done.status, found["missing"] > 0) == (1, True)
    assert found["notes"][1].startswith("read again from its beginning: since the comparison was broken off it or a ")


@pytest.mark.full
def test_a_partition_that_is_emptied_meanwhile_is_not_judged(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after = fresh(18, TREES, "ANALYZE"), fresh(18, TREES, "ANALYZE")
    reading.then = {3: lambda: change(after, "TRUNCATE sold_1")}
    done = run("compare", before, after, "--checkpoint=file", "--recheck=1@0s", "--json", "--table=sold")
    assert (done.status, done.tables()["sold"]["equal"]) == (4, None)
    assert "sold could not be compared: it or a partition of it was defined, emptied" in done.err


@pytest.mark.full
def test_each_range_is_announced(fresh: Fresh, run: Run, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    sides, told = [fresh(18, TABLES, "ANALYZE") for _ in range(2)], list[tuple[str, int, int]]()
    monkeypatch.setattr(Bar, "move", lambda _, *moved: told.append(moved))
    # What was read before counts, and partitions once.
    reading.then = {2: interrupt}
    assert [run("compare", *sides, "--checkpoint=file", "--table=sold").status for _ in range(2)] == [2, 0]
    assert told == [("sold", rows, 100) for rows in (30, 60, 90, 100)]


@pytest.mark.full
def test_as_many_rows_are_shown_as_are_wanted(fresh: Fresh, run: Run) -> None:
    rows = "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 150) i"
    before, after = fresh(18, rows, "ANALYZE"), fresh(18, rows, "UPDATE t SET v = 1", "ANALYZE")
    command = ("compare", before, after, "--checkpoint=file", "--recheck=1@0s", "--json")
    for wanted in (3, 130, 200):
        found = run(*command, f"--evidence-rows={wanted}").tables()["t"]
        assert (found["changed"], len(found["differences"])) == (150, min(wanted, 150))


# The ends of ranges of thirty rows are known of these tables, and the one before and after each.
EDGES = {
    "a row at an edge is missing": ("number", "DELETE FROM number WHERE id = 90", {"missing": 1}),
    "a row before an edge is missing": ("number", "DELETE FROM number WHERE id = 80", {"missing": 1}),
    "the first and the last are missing": (
        "number",
        "DELETE FROM number WHERE abs(id::numeric) > 10000",
        {"missing": 2},
    ),
    "rows between the last of a range and the next": (
        "number",
        "INSERT INTO number VALUES (89, ''), (91, '')",
        {"extra": 2},
    ),
    "changed on both sides of an edge": (
        "number",
        "UPDATE number SET v = 'x' WHERE id BETWEEN 70 AND 100",
        {"changed": 4},
    ),
    "moved over an edge": ("number", "UPDATE number SET id = 95 WHERE id = 80", {"missing": 1, "extra": 1}),
    "a NULL in what was the key": (
        "number",
        "ALTER TABLE number DROP CONSTRAINT number_pkey; ALTER TABLE number ALTER id DROP NOT NULL; "
        "CREATE INDEX ON number (id); INSERT INTO number VALUES (NULL, 'null'), (90, 'again')",
        {"extra": 2},
    ),
    "the extremes of uuid": ("code", "UPDATE code SET v = 9 WHERE v = 0", {"changed": 2}),
    "of a key of two columns": ("part", "DELETE FROM part WHERE b IN ('30', '31', '100')", {"missing": 3}),
    "of partitions": ("sold", "UPDATE sold SET v = 0 WHERE id IN (30, 31, 60, 61)", {"changed": 4}),
    "an empty target": ("code", "TRUNCATE code", {"missing": 102}),
}


@pytest.mark.full
@pytest.mark.parametrize("edge", few(EDGES, *range(len(EDGES))))
def test_what_is_damaged_at_an_edge_is_found(fresh: Fresh, run: Run, edge: str) -> None:
    table, damage, wrong = EDGES[edge]
    before, after = fresh(18, TABLES, "ANALYZE"), fresh(18, TABLES, damage, "ANALYZE")
    for sides, names in (
        ((before, after), {}),
        ((after, before), {"missing": "extra", "extra": "missing"}),
    ):
        done = run("compare", *sides, "--checkpoint=file", "--recheck=1@0s", "--json", f"--table={table}")
        found = done.tables()[table]
        counts = {kind: found[kind] for kind in ("missing", "extra", "changed") if found[kind]}
        assert (done.status, counts) == (1, {names.get(kind, kind): number for kind, number in wrong.items()})
        plain = run("compare", *sides, "--recheck=1@0s", "--json", f"--table={table}").tables()[table]
        assert {k: v for k, v in plain.items() if k not in ("notes", "differences")} == {
            k: v for k, v in found.items() if k not in ("notes", "differences")
        }
