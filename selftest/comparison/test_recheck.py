"""Rows that differ between two databases that live are read again: what was in flight is no finding, damage is one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from postmigration.diff.live import recheck
from postmigration.diff.scope import Relation
from postmigration.diff.table_diff import diff_tables
from postmigration.model.comparison import Recheck
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.limits.limits import Limits
from selftest.check.judging import judge
from selftest.comparison.conftest import Done
from selftest.conftest import Copy, Scratch

Fresh = Callable[..., str]
Run = Callable[..., Done]

ROWS = """
    CREATE TABLE people (id int PRIMARY KEY, email text);
    INSERT INTO people SELECT i, 'person' || i || '@example.com' FROM generate_series(1, 50) i;
    CREATE TABLE stock (item text, n int);
    INSERT INTO stock VALUES ('bolt', 1), ('bolt', 1), ('nut', NULL);
    CREATE TABLE pair (a int, b text, v int, PRIMARY KEY (a, b));
    INSERT INTO pair SELECT i, 'x', i FROM generate_series(1, 20) i;
"""
WRITES = """
    UPDATE people SET email = NULL WHERE id = 7;
    DELETE FROM people WHERE id IN (20, 21);
    INSERT INTO people VALUES (99, 'new@example.com');
    DELETE FROM stock WHERE n IS NULL;
    INSERT INTO stock VALUES ('bolt', 1);
    UPDATE pair SET v = -1 WHERE a = 3;
    DELETE FROM pair WHERE a = 4;
"""
DAMAGE = "UPDATE people SET email = 'damaged' WHERE id = 33; UPDATE pair SET v = 0 WHERE a = 9"


class Replication:
    """What arrives on the database after, each time that somebody waits for it."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.arriving: list[tuple[str, str]] = []

    def pause(self, seconds: float, stopped: threading.Event) -> None:
        assert not stopped.is_set()
        self.waits.append(seconds)
        if self.arriving:
            database, statements = self.arriving.pop(0)
            with psycopg.connect(database) as connection:
                connection.execute(statements.encode())


@pytest.fixture
def replication(monkeypatch: pytest.MonkeyPatch) -> Replication:
    replication = Replication()
    monkeypatch.setattr(recheck, "pause", replication.pause)
    return replication


def test_what_arrives_meanwhile_was_in_flight(fresh: Fresh, run: Run, replication: Replication) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(16, ROWS)
    replication.arriving = [(after, WRITES)]
    done = run("compare", before, after, "--recheck=3@7s", "--json")
    assert done.status == 0, done.out
    tables = done.tables()
    assert {name: table["in_flight"] for name, table in tables.items()} == {"people": 4, "stock": 2, "pair": 2}
    assert all(table["equal"] for table in tables.values())
    assert tables["people"]["notes"] == ["4 rows were in flight: the same on both sides when read again"]
    # Once for each table, since nothing is left after that.
    assert replication.waits == [7, 7, 7]


def test_what_stays_different_is_found_with_its_keys(fresh: Fresh, run: Run, replication: Replication) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(18, ROWS, DAMAGE)
    replication.arriving = [(after, WRITES)]
    done = run("compare", before, after, "--recheck=2", "--json")
    assert done.status == 1
    people, pair, stock = (done.tables()[name] for name in ("people", "pair", "stock"))
    assert (people["changed"], people["missing"], people["extra"], people["in_flight"]) == (1, 0, 0, 4)
    assert [difference["key"] for difference in people["differences"]] == [{"id": "33"}]
    assert [difference["key"] for difference in pair["differences"]] == [{"a": "9", "b": "‹masked, 1 character›"}]
    assert stock["equal"]
    # Twice for each of the two that are damaged.
    assert replication.waits == [2] * 5


def test_what_arrives_late_is_waited_for(fresh: Fresh, run: Run, replication: Replication) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(18, ROWS)
    steps = [statement for statement in WRITES.split(";") if "people" in statement]
    replication.arriving = [(after, step) for step in steps]
    done = run("compare", before, after, "--table=people", "--recheck=3", "--json")
    assert (done.status, done.tables()["people"]["in_flight"]) == (0, 4)
    assert len(replication.waits) == 3


def test_a_row_that_is_written_again_meanwhile_is_still_in_flight(
    fresh: Fresh, run: Run, replication: Replication
) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(18, ROWS)
    more = "UPDATE people SET email = 'once more' WHERE id = 7"
    replication.arriving = [(after, WRITES), (after, more)]
    with psycopg.connect(before) as connection:
        connection.execute(more)
    done = run("compare", before, after, "--table=people", "--recheck=3", "--json")
    assert (done.status, done.tables()["people"]["in_flight"]) == (0, 4)
    assert len(replication.waits) == 2


def test_a_row_without_a_key_that_is_lacking_is_found_though_it_is_written_meanwhile(
    fresh: Fresh, run: Run, replication: Replication
) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, "DELETE FROM stock WHERE item = 'nut'")
    replication.arriving = [(before, "UPDATE stock SET n = 5 WHERE item = 'nut'")]
    done = run("compare", before, after, "--table=stock", "--recheck=2", "--json")
    assert (done.status, done.tables()["stock"]["missing"], done.tables()["stock"]["in_flight"]) == (1, 1, 0)


def test_so_many_are_no_longer_in_flight(
    fresh: Fresh, run: Run, replication: Replication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "MOST", 3)
    done = run("compare", fresh(18, ROWS, WRITES), fresh(18, ROWS), "--recheck=3", "--json", "--table=people")
    people = done.tables()["people"]
    assert (done.status, people["missing"], people["extra"], people["changed"]) == (1, 1, 2, 1)
    assert people["notes"] == ["4 rows differ, more than 3: none was read again (--recheck)"]
    assert not replication.waits


@pytest.mark.parametrize("damaged", ["before", "after"])
def test_rows_that_a_damaged_index_leaves_out_are_not_in_flight(
    fresh: Fresh, run: Run, replication: Replication, damaged: str
) -> None:
    many = "INSERT INTO people SELECT i, 'x' FROM generate_series(1000, 9000) i; ANALYZE people"
    sides = {name: fresh(18, ROWS, many) for name in ("before", "after")}
    index = (
        "UPDATE pg_index SET indisready = {0}, indisvalid = {0}, indislive = {0} WHERE indrelid = 'people'::regclass"
    )
    for statement in (
        index.format("false"),
        "INSERT INTO people VALUES (5, 'again'), (10000, 'in no index')",
        index.format("true"),
    ):
        with psycopg.connect(sides[damaged]) as connection:
            connection.execute(statement.encode())
    done = run("compare", sides["before"], sides["after"], "--recheck=2", "--json")
    people = done.tables()["people"]
    assert (done.status, people["in_flight"]) == (1, 0)
    assert people["missing" if damaged == "before" else "extra"] == 2
    assert replication.waits == [2, 2]


def test_what_cannot_be_read_again_stays_a_finding(fresh: Fresh, run: Run, replication: Replication) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, DAMAGE)
    name = psycopg.conninfo.conninfo_to_dict(after)["dbname"]
    replication.arriving = [(before, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")]
    done = run("compare", before, after, "--recheck=1", "--json")
    assert done.status == 1
    assert done.tables()["stock"]["equal"]
    people = done.tables()["people"]
    assert [difference["key"] for difference in people["differences"]] == [{"id": "33"}]
    told = "1 row differs, not read again (--recheck), and perhaps in flight: cannot connect to the database of AFTER: "
    assert people["notes"][0].startswith(told)


@pytest.fixture
def end_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the first connection with which rows are read again, before it reads any."""
    ended: list[int] = []

    class Ended(Snapshot):
        def __init__(self, database: Database) -> None:
            super().__init__(database)
            if not ended:
                ended.append(self.info.backend_pid)
                with database.connect() as other:
                    assert other.exec_driver_sql(f"SELECT pg_terminate_backend({ended[0]}, 10000)").scalar_one()

    monkeypatch.setattr(recheck, "Snapshot", Ended)


@pytest.mark.usefixtures("end_first")
def test_a_connection_that_is_lost_is_opened_again_the_next_time(
    fresh: Fresh, run: Run, replication: Replication
) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(18, ROWS, DAMAGE)
    replication.arriving = [(after, WRITES)]
    done = run("compare", before, after, "--table=people", "--recheck=2", "--json")
    people = done.tables()["people"]
    assert (done.status, people["changed"], people["missing"], people["in_flight"]) == (1, 1, 0, 4)
    assert people["notes"] == ["4 rows were in flight: the same on both sides when read again"]


@pytest.mark.usefixtures("end_first")
def test_what_differed_before_a_connection_was_lost_is_found(fresh: Fresh, replication: Replication) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, "UPDATE people SET email = 'damaged' WHERE id = 33")
    verdict = judge(before, after, "--recheck=1", only=("test_rows",))
    lost = "not read again (--recheck), and perhaps in flight: the connection was lost"
    assert verdict.words("blocker") == [f"people: 1 row differs in email; {lost}"]
    assert f"people: 1 row differs, {lost}" in verdict.words("told")
    assert replication.waits == [2]


def test_what_was_found_before_all_connections_were_lost_is_found(fresh: Fresh, replication: Replication) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, DAMAGE)
    ours = "datname = current_database() AND pid <> pg_backend_pid()"
    end = f"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE {ours}"
    replication.arriving = [(after, end)]
    verdict = judge(before, after, "--recheck=1", only=("test_rows",))
    # The first table is read again through new connections; those of the run are gone for the rest.
    assert verdict.words("blocker") == ["pair: 1 row differs in v"]
    (evidence,) = (evidence for evidence in verdict.evidence.values() if evidence.blockers)
    (words,) = evidence.unjudged
    assert "people: the connection was lost" in words


@pytest.fixture
def opened(fresh: Fresh) -> Iterator[Callable[[Limits], tuple[Snapshot, Snapshot]]]:
    """Opens two databases of which a table is damaged."""
    with ExitStack() as cleanup:

        def open_(limits: Limits) -> tuple[Snapshot, Snapshot]:
            def open_one(conninfo: str) -> Snapshot:
                database = Database(conninfo, option="--db-url", limits=limits)
                cleanup.callback(database.close)
                snapshot = Snapshot(database)
                cleanup.callback(snapshot.close)
                return snapshot

            return open_one(fresh(18, ROWS)), open_one(fresh(18, ROWS, DAMAGE))

        yield open_


def test_no_pause_outlasts_the_time_of_the_run(
    opened: Callable[[Limits], tuple[Snapshot, Snapshot]], replication: Replication
) -> None:
    snapshots = opened(Limits(deadline=Deadline("10m", time.monotonic() + 600)))
    (people,) = diff_tables(*snapshots, [Relation("people", 1, "")], keep=5, recheck=Recheck(1, 3_600))
    assert people.rows is not None
    assert people.rows.counts["changed"] == 1
    (wait,) = replication.waits
    assert wait <= 600


def test_whoever_ends_the_run_ends_the_pause(
    opened: Callable[[Limits], tuple[Snapshot, Snapshot]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing, ended, pause = threading.Event(), list[str](), recheck.pause

    def wait(seconds: float, stopped: threading.Event) -> None:
        pausing.set()
        try:
            pause(seconds, stopped)
        except NotJudged as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(recheck, "pause", wait)
    tables = [Relation("stock", 2, ""), Relation("people", 1, "")]
    results = diff_tables(*opened(Limits()), tables, keep=5, recheck=Recheck(1, 60))
    assert next(results).equal
    assert pausing.wait(60)
    results.close()
    assert ended == ["the run was stopped"]


def test_without_it_nothing_is_read_again(fresh: Fresh, run: Run, replication: Replication) -> None:
    assert run("compare", fresh(18, ROWS, WRITES), fresh(18, ROWS)).status == 1
    assert not replication.waits


def test_the_built_in_checks_read_again(fresh: Fresh, replication: Replication) -> None:
    before, after = fresh(18, ROWS, WRITES), fresh(18, ROWS, DAMAGE)
    replication.arriving = [(after, WRITES)]
    verdict = judge(before, after, "--recheck=1", only=("test_rows",))
    assert verdict.words("blocker") == [
        "pair: 1 row differs in v",
        "people: 1 row differs in email",
    ]
    told = verdict.words("told")
    assert "people: 4 rows were in flight: the same on both sides when read again" in told
    assert "stock: 2 rows were in flight: the same on both sides when read again" in told


def test_it_is_for_two_running_databases(fresh: Fresh, run: Run, tmp_path: Path) -> None:
    database, file = fresh(18, ROWS), tmp_path / "before.fingerprint"
    assert run("fingerprint", f"--db-url={database}", "-o", str(file), "--no-record").status == 0
    refused = run("compare", str(file), database, "--recheck=3")
    assert (refused.status, refused.out) == (4, "")
    assert "--recheck is for two running databases, and BEFORE is a fingerprint: nothing follows in it" in refused.err
    with pytest.raises(CannotJudge, match=r"^--recheck is for two running databases: name the one with the state"):
        judge("", database, "--recheck=3")
    with pytest.raises(CannotJudge, match=r"^--recheck is for two running databases, and --baseline is a fingerprint"):
        judge(str(file), database, "--recheck=3")


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_gate_reads_again_what_a_check_compares(
    server: embedded.Server, copy: Copy, scratch: Scratch, replication: Replication
) -> None:
    old, new = copy("migrated"), copy("migrated")
    with server.connect(new) as connection:
        connection.execute("UPDATE organizations SET website = 'late'")
    back = "UPDATE organizations SET website = NULL WHERE slug <> (SELECT min(slug) FROM organizations)"
    with server.connect(old) as connection:
        connection.execute("UPDATE organizations SET website = NULL")
        (rows,) = connection.execute("SELECT count(*) FROM organizations").fetchone() or (0,)
    replication.arriving = [(server.conninfo(new), back)]
    source = """
from postmigration import RowComparison
@plan
def test_a(target):
    rows = "SELECT id, website FROM organizations"
    target.expect_same(RowComparison(rows, rows, columns=["id", "website"]), statement="organizations that differ")
"""
    both = (f"--db-url={server.conninfo(new)}", f"--baseline={server.conninfo(old)}")
    judged = scratch.judge(source, *both, "--recheck=1@0s")
    assert judged.status == 1, judged.output
    assert f"1 of {rows}: organizations that differ" in judged.output
    (result,) = judged.results
    told = f"{rows - 1} rows were in flight: the same on both sides when read again: organizations that differ"
    assert result.evidence.notes == [told]
    assert "rows that differ are read again up to 1 time, each after 0 s (--recheck)" in judged.output
