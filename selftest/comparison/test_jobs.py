"""Several connections that read one large table together find what one finds, whatever the table is like."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from postmigration.checks.rows import row_examination
from postmigration.checks.rows.row_examination import RowExamination
from postmigration.diff import fingerprint, fingerprint_file, row_diff
from postmigration.diff.scan import pages
from postmigration.diff.scan.pages import divide
from postmigration.diff.scan.readers import read_in_parts, readers
from postmigration.diff.scope import relations
from postmigration.diff.table_diff import TableComparison, diff_tables
from postmigration.model.comparison import Part, within
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.comparison.cases import FOLDED
from selftest.comparison.conftest import Done, Servers
from selftest.fingerprints import take_whole
from selftest.servers import Standby, SystemServer
from selftest.tiers import few

Fresh = Callable[..., str]
Run = Callable[..., Done]
Open = Callable[..., Snapshot]

# Each lies on several pages.
WIDE = "repeat('x', 400) AS filler"
TABLES = {
    "a key that may be NULL": f"""
        CREATE TABLE t AS SELECT CASE WHEN i % 3 > 0 THEN i END AS id, {WIDE} FROM generate_series(1, 300) i;
        CREATE UNIQUE INDEX ON t (id)""",
    "a key of two columns": f"""
        CREATE TABLE t AS SELECT i % 7 AS a, i AS b, {WIDE} FROM generate_series(1, 300) i;
        ALTER TABLE t ADD PRIMARY KEY (a, b)""",
    "a key of text": f"""
        CREATE TABLE t AS SELECT (chr(65 + i % 50) || i) COLLATE "C" AS id, {WIDE} FROM generate_series(1, 300) i;
        ALTER TABLE t ADD PRIMARY KEY (id)""",
    "a uuid": f"""
        CREATE TABLE t AS SELECT md5(i::text)::uuid AS id, {WIDE} FROM generate_series(1, 300) i;
        ALTER TABLE t ADD PRIMARY KEY (id)""",
    "skewed": f"""
        CREATE TABLE t AS SELECT CASE WHEN i < 295 THEN i ELSE i * 10000000::bigint END AS id, {WIDE}
        FROM generate_series(1, 300) i; ALTER TABLE t ADD PRIMARY KEY (id); ANALYZE t""",
    "rows beyond the statistics": f"""
        CREATE TABLE t AS SELECT i AS id, {WIDE} FROM generate_series(1, 100) i;
        ALTER TABLE t ADD PRIMARY KEY (id); ANALYZE t; INSERT INTO t SELECT -i, 'y' FROM generate_series(1, 2000) i""",
    "most of it deleted": f"""
        CREATE TABLE t AS SELECT i AS id, {WIDE} FROM generate_series(1, 300) i;
        DELETE FROM t WHERE id BETWEEN 20 AND 290""",
    "no key": f"CREATE TABLE t AS SELECT i % 5 AS n, {WIDE} FROM generate_series(1, 300) i",
    "its youngest row in the middle": f"""
        CREATE TABLE t AS SELECT i AS id, {WIDE}, timestamp '2025-01-01' - abs(i - 150) * interval '1 s' AS created_at
        FROM generate_series(1, 300) i; UPDATE t SET created_at = 'infinity' WHERE false""",
    "partitions": f"""
        CREATE TABLE t (id int PRIMARY KEY, filler text) PARTITION BY RANGE (id);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (20); CREATE TABLE t2 PARTITION OF t DEFAULT;
        INSERT INTO t SELECT i, {WIDE} FROM generate_series(1, 300) i""",
    "children": f"""
        CREATE TABLE t (id int, filler text); CREATE TABLE child (more int) INHERITS (t);
        INSERT INTO t SELECT i, {WIDE} FROM generate_series(1, 60) i;
        INSERT INTO child SELECT i, repeat('z', 300), i FROM generate_series(1, 300) i""",
    "a name in quotes": f'CREATE TABLE "a "".B" AS SELECT i AS "Id", {WIDE} FROM generate_series(1, 300) i',
    "one page": "CREATE TABLE t AS SELECT 1 AS id",
    "empty": "CREATE TABLE t (id int)",
}


# Buckets follow the estimated number of rows, which the next ANALYZE changes for all who look.
NEVER_ANALYZED = """
    DO $$ DECLARE name regclass; BEGIN
        FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
        END LOOP;
    END $$
"""


@pytest.fixture
def fresh(fresh: Fresh) -> Fresh:
    """Makes databases whose tables look the same to all who look."""
    return lambda version, *statements: fresh(version, *statements, NEVER_ANALYZED)


@pytest.fixture(autouse=True)
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    monkeypatch.setattr(fingerprint, "new_secret", lambda: 7)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a snapshot of a database, for so many connections; another one's instant where that is named."""
    with ExitStack() as cleanup:

        def open_(conninfo: str, jobs: int, of: Snapshot | None = None) -> Snapshot:
            database = Database(conninfo, option="--db-url", limits=Limits(jobs=jobs))
            cleanup.callback(database.close)
            snapshot = Snapshot(database, None if of is None else of.export())
            cleanup.callback(snapshot.close)
            return snapshot

        yield open_


def file_of(snapshot: Snapshot, path: Path, *, portable: bool = False) -> bytes:
    fingerprint_file.write(replace(take_whole(snapshot, portable=portable), taken_at=""), path)
    return path.read_bytes()


@pytest.mark.parametrize("portable", few([False, True]))
@pytest.mark.parametrize("version", few([18, 15]))
def test_the_fingerprint_is_the_same_byte_by_byte(
    fresh: Fresh, opened: Open, tmp_path: Path, version: int, portable: bool
) -> None:
    tables = [re.sub(r"\bt\b", f'"{name}"', statements) for name, statements in TABLES.items()]
    one = opened(fresh(version, *tables), 1)
    want = file_of(one, tmp_path / "one", portable=portable)
    for jobs in (2, 3):
        several = opened(one.database._conninfo, jobs, one)
        assert file_of(several, tmp_path / "several", portable=portable) == want
        assert len(several.companions or ()) == jobs - 1


def test_a_collation_that_folds_does_not_count(fresh: Fresh, opened: Open, tmp_path: Path) -> None:
    table = f"""
        CREATE TABLE t AS SELECT (CASE i % 2 WHEN 0 THEN 'a' ELSE 'B' END || i) COLLATE public.folded AS id, {WIDE}
        FROM generate_series(1, 300) i; ALTER TABLE t ADD PRIMARY KEY (id)"""
    one = opened(fresh(15, FOLDED, table), 1)
    several = opened(one.database._conninfo, 2, one)
    assert file_of(several, tmp_path / "several") == file_of(one, tmp_path / "one")
    assert several.companions


EDGE = f"""
    CREATE TABLE t (id int, v int, filler text) WITH (fillfactor = 50);
    INSERT INTO t SELECT i, i % 9, {WIDE} FROM generate_series(1, 400) i;
    CREATE TABLE keyed (LIKE t) WITH (fillfactor = 50);
    INSERT INTO keyed TABLE t;
    ALTER TABLE keyed ADD PRIMARY KEY (id)
"""


def differences(before: Snapshot, after: Snapshot) -> dict[str, TableComparison]:
    known = relations(after)
    return {found.table: found for found in diff_tables(before, after, list(known.values()), keep=9)}


def find_edge(snapshot: Snapshot, table: str) -> list[int]:
    """The last row of the first range and the first row of the second one."""
    size = int(snapshot.scalar(f"SELECT pg_relation_size('public.{table}') / 8192"))
    edge = divide([size], 2)[1].first
    nearest = "SELECT (SELECT id FROM public.{0} WHERE ctid < '({1},0)' ORDER BY ctid DESC LIMIT 1), "
    nearest += "(SELECT id FROM public.{0} WHERE ctid >= '({1},0)' ORDER BY ctid LIMIT 1)"
    return list(snapshot.rows(nearest.format(table, edge))[0])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE {t} SET v = v + CASE id WHEN {last} THEN 1 ELSE -1 END WHERE id IN ({last}, {first})",
        "UPDATE {t} SET v = 77 WHERE id IN ({last}, {first})",
        "UPDATE {t} a SET v = b.v, filler = a.id::text FROM {t} b WHERE a.id <> b.id AND a.id IN ({last}, {first}) "
        "AND b.id IN ({last}, {first})",
        # Of a row that stands there twice nothing is left in an XOR.
        "UPDATE {t} SET id = 1000, v = 5, filler = 'same' WHERE id IN ({last}, {first})",
    ],
)
def test_two_damages_at_the_edge_of_a_range_do_not_cancel(fresh: Fresh, opened: Open, damage: str) -> None:
    before = opened(fresh(18, EDGE), 2)
    last, first = find_edge(before, "t")
    keyed = damage if "1000" not in damage else damage.replace("id = 1000, ", "")
    statements = [line.format(t=name, last=last, first=first) for line, name in ((damage, "t"), (keyed, "keyed"))]
    after = opened(fresh(18, EDGE, *statements), 2)
    one = [opened(side.database._conninfo, 1, side) for side in (before, after)]
    found = differences(before, after)
    assert found == differences(*one)
    assert before.companions
    assert after.companions
    assert [found["keyed"].rows.counts["changed"], found["t"].rows.wrong] == [2, 4]  # type: ignore[union-attr]


def test_the_same_damage_on_both_sides_of_an_edge_does_not_cancel(
    fresh: Fresh, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All rows in one bucket, of which each range holds one row, the same: an XOR of both is nothing on either side.
    monkeypatch.setattr(row_diff, "_BUCKETS", 1)
    ends = find_edge(opened(fresh(18, EDGE), 2), "t")
    left = f"DELETE FROM t WHERE id NOT IN ({ends[0]}, {ends[1]})"
    before, after = (opened(fresh(18, EDGE, left, f"UPDATE t SET id = 1, v = {v}, filler = ''"), 2) for v in (5, 6))
    for side in (before, after):
        size = int(side.scalar("SELECT pg_relation_size('public.t') / 8192"))
        part = f"SELECT count(*) FROM public.t t WHERE {within('t')}"
        assert [side.scalar(part, **pages_.parameters) for pages_ in divide([size], 2)] == [1, 1]
    found = differences(before, after)["t"].rows
    assert found is not None
    assert found.counts == {"missing": 2, "extra": 2, "changed": 0}


def test_rows_that_repeat_in_several_ranges_are_counted(fresh: Fresh, opened: Open) -> None:
    table = f"CREATE TABLE t AS SELECT i % 3 AS n, {WIDE} FROM generate_series(1, 300) i"
    before, after = opened(fresh(18, table), 3), opened(fresh(18, table, "INSERT INTO t TABLE t LIMIT 5"), 3)
    one = [opened(side.database._conninfo, 1, side) for side in (before, after)]
    assert differences(before, after) == differences(*one)
    assert differences(before, after)["t"].rows.counts == {"missing": 0, "extra": 5, "changed": 0}  # type: ignore[union-attr]


def test_all_connections_obey_the_rules_of_the_first(fresh: Fresh, opened: Open) -> None:
    snapshot = opened(fresh(18, "CREATE TABLE t AS SELECT 1 AS id"), 3)
    snapshot.database.planner["enable_indexscan"] = "off"
    named = (
        "transaction_read_only",
        "transaction_isolation",
        "statement_timeout",
        "lock_timeout",
        "search_path",
        "row_security",
        "application_name",
        "TimeZone",
        "work_mem",
    )
    asked = ", ".join(f"current_setting('{name}')" for name in named)
    connections = readers(snapshot)
    first, *others = ([*reader.rows(f"SELECT {asked}")[0]] for reader in connections)
    assert others == [first, first]
    assert first[:2] == ["on", "repeatable read"]
    assert [reader.scalar("SHOW enable_indexscan") for reader in connections[1:]] == ["off", "off"]
    assert len({reader.scalar("SELECT pg_backend_pid()") for reader in connections}) == 3
    # Those of the others do not open more.
    assert [readers(reader) for reader in connections[1:]] == [[reader] for reader in connections[1:]]


def test_all_connections_see_the_instant_of_the_first(fresh: Fresh, opened: Open, tmp_path: Path) -> None:
    conninfo = fresh(18, f"CREATE TABLE t AS SELECT i AS id, {WIDE} FROM generate_series(1, 300) i")
    snapshot = opened(conninfo, 2)
    with snapshot.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE public.t SET id = -id; INSERT INTO public.t VALUES (0, '')"))
    assert file_of(snapshot, tmp_path / "several") == file_of(opened(conninfo, 1, snapshot), tmp_path / "one")
    assert b'"rows":300,' in (tmp_path / "several").read_bytes()
    assert snapshot.companions


def test_a_small_table_is_never_divided(
    fresh: Fresh, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = opened(fresh(18, f"CREATE TABLE t AS SELECT i AS id, {WIDE} FROM generate_series(1, 300) i"), 2)
    size = int(snapshot.scalar("SELECT pg_relation_size('public.t') / 8192"))
    monkeypatch.setattr(pages, "LEAST_PAGES", size + 1)
    file_of(snapshot, tmp_path / "small")
    assert snapshot.companions is None
    monkeypatch.setattr(pages, "LEAST_PAGES", size)
    file_of(snapshot, tmp_path / "large")
    assert len(readers(snapshot)) == 2
    assert snapshot.companions


def test_a_snapshot_that_may_hold_rows_of_its_own_is_read_by_its_connection(fresh: Fresh) -> None:
    database = Database(fresh(18, TABLES["no key"]), option="--db-url", limits=Limits(jobs=2))
    snapshot = Snapshot(database, writable=True)
    assert readers(snapshot) == [snapshot]
    snapshot.close()
    database.close()


def test_where_the_snapshot_cannot_be_shared_one_connection_reads_and_it_is_told(
    fresh: Fresh, opened: Open, tmp_path: Path
) -> None:
    one = opened(fresh(18, TABLES["no key"]), 1)
    want = file_of(one, tmp_path / "one")
    snapshot = opened(one.database._conninfo, 2, one)
    # As behind a pooler that spreads connections over servers.
    snapshot.database._conninfo = fresh(16)
    assert file_of(snapshot, tmp_path / "several") == want
    assert snapshot.companions == []
    assert snapshot.alone.startswith("--jobs=2: the snapshot of --db-url cannot be shared with other connections (")
    assert snapshot.alone.endswith(
        "; a pooler may be why: name the server itself): every table of it is read by one connection"
    )


def test_a_snapshot_of_another_server_is_not_joined_though_its_name_is_the_same(
    fresh: Fresh, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, other = opened(fresh(18, TABLES["no key"]), 2), opened(fresh(16), 1)
    monkeypatch.setattr(snapshot, "export", other.export)
    snapshot.database._conninfo = other.database._conninfo
    assert readers(snapshot) == [snapshot]
    assert "(another connection reaches another server; " in snapshot.alone


def test_a_role_of_one_connection_reads_alone_and_is_told(fresh: Fresh, run: Run) -> None:
    before = fresh(18, TABLES["no key"])
    role = "CREATE ROLE lonely LOGIN PASSWORD 'x' CONNECTION LIMIT 1"
    after = fresh(18, TABLES["no key"], role, "GRANT SELECT ON t TO lonely")
    try:
        done = run("compare", before, f"{after} user=lonely password=x", "--jobs=2")
        assert (done.status, done.err.count("\n")) == (0, 1), done.err
        assert done.err.startswith("--jobs=2: the snapshot of AFTER cannot be shared with other connections (cannot")
        assert "too many connections for role" in done.err
    finally:
        with psycopg.connect(after, autocommit=True) as connection:
            connection.execute("DROP OWNED BY lonely; DROP ROLE lonely")


@pytest.mark.full
def test_commands_give_the_same_with_several_connections(fresh: Fresh, run: Run) -> None:
    before, after = (
        fresh(18, EDGE),
        fresh(18, EDGE, "UPDATE t SET v = 100 WHERE id % 100 = 0; DELETE FROM t WHERE id = 7"),
    )
    one, several = (run("compare", before, after, "--json", f"--jobs={jobs}") for jobs in (1, 3))
    assert (one.status, one.out, one.err) == (1, several.out, several.err)
    taken = run("fingerprint", f"--db-url={before}", "-o", "f", "--jobs=2", "--no-record")
    assert (taken.status, taken.err) == (0, "")
    one, several = (run("compare", "f", after, "--json", f"--jobs={jobs}") for jobs in (1, 2))
    assert (one.status, one.out) == (several.status, several.out)
    refused = run("fingerprint", f"--db-url={before}", "-o", "f", "--jobs=0")
    assert (refused.status, refused.err) == (4, "ERROR: --jobs=0: want 1 to 64\n")


def test_what_one_connection_fails_at_ends_the_others(fresh: Fresh, opened: Open) -> None:
    snapshot = opened(fresh(18, TABLES["no key"]), 2)
    part = Part(("public.t",), f"SELECT * FROM public.t t WHERE {within('t')}")

    def read(reader: Snapshot, sql: str, parameters: Mapping[str, Any]) -> object:
        slow = "pg_sleep(600)" if reader is snapshot else "1 / 0"
        return reader.rows(f"SELECT {slow} FROM ({sql}) q LIMIT 1", **parameters)

    with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
        list(read_in_parts(snapshot, part, "", read))
    # Both can be asked again.
    assert [reader.scalar("SELECT 1") for reader in readers(snapshot)] == [1, 1]


def test_only_the_pages_of_a_range_are_read(fresh: Fresh, opened: Open) -> None:
    snapshot = opened(fresh(18, TABLES["a uuid"], "ANALYZE t"), 1)
    sql = f"EXPLAIN SELECT count(*) FROM (SELECT * FROM public.t t WHERE {within('t')}) q"
    for pages_ in divide([20], 3):
        assert "Tid Range Scan" in " ".join(row[0] for row in snapshot.rows(sql, **pages_.parameters))


def test_a_check_of_any_two_databases_finds_the_same(
    fresh: Fresh, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_examination, "_SMALL_TABLE", 0)
    damage = "UPDATE t SET v = 100 WHERE id % 100 = 0; DELETE FROM keyed WHERE id = 7"
    before, after = opened(fresh(18, EDGE), 2), opened(fresh(18, EDGE, damage), 2)
    one = [opened(side.database._conninfo, 1, side) for side in (before, after)]
    want = RowExamination(one[0], one[1], ["public"]).compare()
    found = RowExamination(before, after, ["public"]).compare()
    assert found == want
    assert len(found.findings) == 2
    assert before.companions
    assert after.companions


@pytest.mark.full
def test_a_standby_is_read_by_several_connections(servers: Servers, fresh: Fresh, opened: Open, tmp_path: Path) -> None:
    primary = servers[15]
    assert isinstance(primary, SystemServer)
    name = str(psycopg.conninfo.conninfo_to_dict(fresh(15, TABLES["a uuid"]))["dbname"])
    standby = Standby(primary)
    try:
        one = opened(standby.conninfo(name), 1)
        several = opened(one.database._conninfo, 2, one)
        assert file_of(several, tmp_path / "several") == file_of(one, tmp_path / "one")
        assert several.scalar("SELECT pg_is_in_recovery()")
        assert several.companions
        several.close()
        one.close()
    finally:
        standby.stop()
