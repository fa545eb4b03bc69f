"""What a sample holds, how a series goes on, and what is said of what was not seen."""

import datetime
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from postmigration.gate.commands import cli
from postmigration.gate.commands.watch import read_duration
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.postgres.connection import Database
from postmigration.watch.families import FAMILIES
from postmigration.watch.running import Clock, run
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Header, open_series, read_series
from selftest.watch.conftest import BEGIN, Watched

EXTENSIONS = {family.name for family in FAMILIES if family.extension}


def test_every_family_tells_what_it_says_it_tells(watched: Watched) -> None:
    watched.execute("SELECT pg_create_physical_replication_slot('watched', true)")
    try:
        sample = watched.sample()
    finally:
        watched.execute("SELECT pg_drop_replication_slot('watched')")
    assert sample.unseen == {}
    there = {family.name for family in FAMILIES if family.choose_sql(watched.server.version)} - EXTENSIONS
    assert there - sample.values.keys() == set()
    # Nobody receives anything from this server.
    assert sample.values["replication"] == {}
    for family in FAMILIES:
        for subject, numbers in sample.values.get(family.name, {}).items():
            assert numbers.keys() == {*family.gauges, *family.counters}, (family.name, subject)
    assert sample.values["tables"]["public.parcels"]["rows"] == 20_000
    assert {"public.parcels_code", "public.parcels_pkey"} == sample.values["indexes"].keys()
    assert sample.values["slots"]["watched"]["active"] == 0
    assert sample.values["sizes"][""]["bytes"] > sample.values["sizes"]["public.parcels"]["bytes"] > 1_000_000


@pytest.mark.full
def test_what_is_costly_is_read_when_it_is_due(watched: Watched) -> None:
    read = ["tables" in watched.sample(apart=15).values for _ in range(9)]
    assert read == [True, False, False, False, True, False, False, False, True]


def test_a_watch_adds_nothing_to_the_rollbacks_that_it_counts(watched: Watched) -> None:
    # The first connection of all is another matter: SQLAlchemy asks it what it is, and takes that back.
    watched.sample()
    watched.sample(5, meanwhile=lambda: watched.execute("SELECT 1"))
    first, *others = [sample.values["database"][""]["rollbacks"] for sample in watched.series.samples[1:]]
    assert others == [first] * 4


def test_what_is_costly_is_read_as_often_as_the_project_asks(watched: Watched) -> None:
    watched.declared = [
        Metric(name="tables.dead_share", max=0.5, interval=30),
        Metric(name="tables.whole_reads", max=2),
        Metric(name="sizes.bytes", growth=True, interval=900),
    ]
    read = [watched.sample(apart=15).values.keys() for _ in range(5)]
    assert ["tables" in names for names in read] == [True, False, True, False, True]
    assert ["sizes" in names for names in read] == [True, False, False, False, False]


def test_a_query_of_the_project_is_asked_four_times_in_its_interval(watched: Watched) -> None:
    watched.declared = [Metric(name="rows", sql="SELECT count(*) FROM parcels", max=1, interval=120)]
    read = ["declared" in watched.sample(apart=15).values for _ in range(5)]
    assert read == [True, False, True, False, True]


@pytest.mark.parametrize("early", [True, False])
def test_a_server_that_ends_the_session_in_the_middle_of_a_sample_is_lost(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    ends = "SELECT pg_terminate_backend(pg_backend_pid())::int"
    if early:
        # Before anything was read.
        monkeypatch.setattr("postmigration.watch.sampling._SEES_SESSIONS", ends)
    watched.declared = [Metric(name="ends", sql=ends, max=1)]
    sample = watched.sample()
    assert sample.lost == "the connection was lost"
    assert sample.values == {"server": {"": {"reachable": 0.0}}}
    watched.declared = []
    monkeypatch.undo()
    assert watched.sample().lost == ""


def test_who_waits_and_who_holds_is_told(watched: Watched) -> None:
    holder, waiter = watched.connect(), watched.connect()
    holder.execute("BEGIN; LOCK TABLE parcels")
    pids = holder.info.backend_pid, waiter.info.backend_pid
    waiter.pgconn.send_query(b"SELECT count(*) FROM parcels")
    watched.wait_for(
        "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND waitstart < clock_timestamp() - interval '1 s' "
        f"AND pid = {pids[1]}"
    )
    sample = watched.sample()
    holder.close()
    while waiter.pgconn.get_result() is not None:
        pass
    assert sample.values["locks"][""]["waiting"] == 1
    (words,) = sample.words["locks"]
    assert f"session {pids[1]} has waited" in words
    assert "AccessShareLock on public.parcels" in words
    assert f"blocked by session {pids[0]} (postgres, idle in transaction for" in words
    # What is locked is not waited for: its size is left out, and all else is there.
    assert "public.parcels" not in sample.values["sizes"]
    assert sample.unseen == {}


def test_a_role_that_sees_no_sessions_says_so_and_counts_none(watched: Watched) -> None:
    watched.execute("DROP ROLE IF EXISTS watch_nobody", "CREATE ROLE watch_nobody LOGIN PASSWORD 'none'")
    database = Database(make_conninfo(watched.conninfo, user="watch_nobody", password="none"), option="--db-url")
    try:
        sample = Sampler(database).take(BEGIN)
        assert sample.lost == ""
        for family in ("connections", "transactions"):
            assert family not in sample.values
            assert sample.unseen[family] == "the role sees its own sessions only: grant it pg_monitor"
        assert "locks" in sample.values
        watched.execute("GRANT pg_monitor TO watch_nobody")
        assert Sampler(database).take(BEGIN).unseen == {}
    finally:
        database.close()
        watched.execute("DROP ROLE watch_nobody")


def test_metrics_of_the_project_are_read_as_the_application_does(watched: Watched) -> None:
    watched.execute("INSERT INTO error_log DEFAULT VALUES")
    watched.declared = [
        Metric(name="errors", sql="SELECT count(*) FROM error_log WHERE at > now() - interval '1 hour'"),
        Metric(name="gone", sql="SELECT count(*) FROM no_such_table"),
        Metric(name="many", sql="SELECT id FROM parcels LIMIT 2"),
        Metric(name="words", sql="SELECT note FROM parcels LIMIT 1"),
        Metric(name="nothing", sql="SELECT 'NaN'::float8"),
        Metric(name="two at once", sql="SELECT 1; DROP TABLE parcels"),
        Metric(name="writing", sql="DELETE FROM parcels RETURNING id"),
    ]
    sample = watched.sample()
    assert sample.values["declared"] == {"": {"errors": 1.0}}
    assert 'relation "no_such_table" does not exist' in sample.unseen["declared.gone"]
    assert sample.unseen["declared.many"] == "its query gives 2 rows, want one row with one number"
    assert sample.unseen["declared.words"] == sample.unseen["declared.nothing"] == "its query gives no number"
    assert "cannot insert multiple commands" in sample.unseen["declared.two at once"]
    assert "read-only transaction" in sample.unseen["declared.writing"]


def test_a_server_that_is_not_there_is_a_sample_too(watched: Watched) -> None:
    database = Database(make_conninfo(watched.conninfo, dbname="no_such"), option="--db-url")
    sample = Sampler(database).take(BEGIN)
    database.close()
    assert 'database "no_such" does not exist' in sample.lost
    assert sample.values == {"server": {"": {"reachable": 0.0}}}


def test_a_series_goes_on_where_it_was_left(watched: Watched) -> None:
    watched.sample(2)
    with watched.file.open("ab") as file:
        file.write(b'{"kind":"sample","at":"2026-')
    again = open_series(watched.file, watched.series.header, "--series")
    assert again.samples == watched.series.samples
    watched.series = again
    watched.sample()
    assert read_series(watched.file, "--series").samples == again.samples
    assert len(again.samples) == 3
    with pytest.raises(CannotJudge, match=f"holds samples of {watched.name}, which is another database than other"):
        open_series(watched.file, Header("other", (None, "0")), "--series")
    watched.file.write_text("{}\n")
    with pytest.raises(CannotJudge, match="line 1: not written by postmigration watch"):
        read_series(watched.file, "--before")


def test_samples_are_taken_until_the_time_has_come(watched: Watched) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        watched.now += datetime.timedelta(seconds=seconds)

    taken: list[datetime.datetime] = []
    clock = Clock(lambda: watched.now, wait)
    until = BEGIN + datetime.timedelta(seconds=70)
    run(Sampler(watched.database), lambda sample: taken.append(sample.at), clock=clock, until=until, interval=30)
    assert [(at - BEGIN).total_seconds() for at in taken] == [0, 30, 60, 70]
    assert waits == [30, 30, 10]


def test_the_command_records(watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "metrics.jsonl"
    asked = ["watch", f"--db-url={watched.conninfo}", "--record", "--once", f"--series={file}"]
    assert cli.main(asked) == 0
    assert cli.main(asked) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{file}: 2 samples of postgres@")
    series = read_series(file, "--series")
    assert [bool(sample.values["connections"]) for sample in series.samples] == [True, True]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("48h", 172_800), ("1h30m", 5_400), ("0.5s", 0.5)])
def test_a_time_is_read_as_it_is_written(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "48", "h", "0s", "1h 30m", "-1h", "400d"])
def test_what_is_no_time_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["watch", "--db-url=postgresql://nowhere/x", "--record", f"--for={text}"]) == 4
    assert "ERROR: argument --for" in capsys.readouterr().err
