"""A base backup is verified, started on a copy and compared; it stays as it is, and nothing of it runs by itself."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.postgres.scratch.base_backup import BaseBackup
from selftest.check.judging import judge
from selftest.processes import Begin, kill, line
from selftest.processes import servers as find_servers
from selftest.servers import SYSTEM_BINARIES, SystemServer

pytestmark = [
    pytest.mark.full,
    pytest.mark.xdist_group("base backups"),
    pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}"),
]

WORLD = """
    CREATE EXTENSION hstore;
    CREATE TABLE tool (id int PRIMARY KEY, parts hstore, file oid);
    INSERT INTO tool SELECT i, hstore('a', i::text), lo_from_bytea(0, 'x') FROM generate_series(1, 60) i;
    CREATE ROLE reader; GRANT SELECT ON tool TO reader;
    ALTER TABLE tool ENABLE ROW LEVEL SECURITY; ALTER TABLE tool FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON tool TO reader USING (id > 3);
    CREATE UNLOGGED TABLE passing (id int); INSERT INTO passing VALUES (1)
"""
RUNNING = """
import sys
from pathlib import Path
from postmigration.postgres.scratch.base_backup import BaseBackup
server = BaseBackup(Path(sys.argv[1]))
print(server.log.parent, flush=True)
input()
"""

Told = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def source() -> Iterator[SystemServer]:
    server = SystemServer()
    server.create("app")
    with server.connect("app") as connection:
        connection.execute(WORLD.encode())
        place = server.directory / "space"
        place.mkdir()
        shutil.chown(place, server.user)
        connection.execute(f"CREATE TABLESPACE space LOCATION '{place}'".encode())
        connection.execute("CREATE TABLE far (id int PRIMARY KEY) TABLESPACE space")
        connection.execute("INSERT INTO far SELECT generate_series(1, 5)")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def taken(source: SystemServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base backup."""
    path = tmp_path_factory.mktemp("backup") / "base"
    take(source, path)
    return path


def take(source: SystemServer, path: Path, *options: str) -> None:
    mapped = f"--tablespace-mapping={source.directory / 'space'}={path.parent / 'space'}"
    command: list[str | Path] = [
        SYSTEM_BINARIES / "pg_basebackup",
        "-D",
        path,
        "--checkpoint=fast",
        "--no-sync",
        mapped,
    ]
    address = ["-h", str(source.directory), "-p", str(source.port), "-U", "postgres"]
    with source.connect("postgres") as connection:
        # Every session of the database would load it, and fail where it is not.
        connection.execute("ALTER DATABASE app SET session_preload_libraries = 'no_such_library'")
        subprocess.run([*command, *options, *address], check=True)
        connection.execute("ALTER DATABASE app RESET session_preload_libraries")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """Runs `postmigration`, and gives the exit status and all that it says on one line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str]:
        status = cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return status, " ".join((printed.out + printed.err).split())

    return run


def content(path: Path) -> dict[str, tuple[float, str]]:
    """Every file of a directory, when it was written, and a hash of what is in it."""
    return {
        str(file): (file.lstat().st_mtime, hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "")
        for file in path.rglob("*")
    }


def test_it_is_proven_and_stays_as_it_is(source: SystemServer, taken: Path, told: Told) -> None:
    before = content(taken)
    status, said = told("verify-backup", taken, f"--against={source.conninfo('app')}")
    assert (status, said.rpartition("PROVEN")[2]) == (
        0,
        " for schema public: base is equal, row for row, to what --against names: 2 tables, 65 rows",
    )
    assert "base: base backup of PostgreSQL 15, begun at " in said
    assert "not in it: rows of public.passing: what is not logged is in no base backup" in said
    assert content(taken) == before


def test_what_is_lost_since_is_found(source: SystemServer, taken: Path) -> None:
    with source.connect("postgres") as connection:
        connection.execute("CREATE DATABASE lost TEMPLATE app")
    with source.connect("lost") as connection:
        connection.execute("DELETE FROM tool WHERE id = 1; DROP POLICY own ON tool; REVOKE SELECT ON tool FROM reader")
    try:
        verdict = judge(f"{taken}#app", source.conninfo("lost"))
    finally:
        source.drop("lost")
    words = " ".join(verdict.words("blocker"))
    assert "policy own on tool" in words.replace("public.", "")
    assert "reader no longer has SELECT on table" in words
    assert "test_rows_are_as_before" in verdict.red() or "missing" in words


def test_nothing_of_it_runs_or_connects(source: SystemServer, tmp_path: Path, told: Told) -> None:
    path, struck = tmp_path / "base", tmp_path / "struck"
    take(source, path)
    tmp_path.chmod(0o777)
    (path / "postgresql.auto.conf").write_text(
        f"archive_mode = on\narchive_command = 'touch {struck}'\nrestore_command = 'touch {struck}'\n"
        f"recovery_end_command = 'touch {struck}'\narchive_cleanup_command = 'touch {struck}'\n"
        "primary_conninfo = 'host=127.0.0.1 port=1'\nshared_preload_libraries = 'no_such_library'\nssl = on\n"
        "listen_addresses = '*'\n"
    )
    (path / "standby.signal").touch()
    (path / "tablespace_map").write_text(f"1 {tmp_path}\n")
    (path / "backup_manifest").write_bytes((path / "backup_manifest").read_bytes())
    status, said = told("verify-backup", path)
    # The manifest tells of a file that pg_basebackup has not written.
    assert (status, "tablespace_map" in said) == (4, True)
    (path / "tablespace_map").unlink()
    assert told("verify-backup", path)[0] == 0
    assert not struck.exists()


def test_what_is_damaged_or_none_is_refused_in_one_line(
    source: SystemServer, taken: Path, tmp_path: Path, told: Told
) -> None:
    def copied(name: str) -> Path:
        return Path(shutil.copytree(taken, tmp_path / name, symlinks=True))

    flipped = copied("flipped")
    file = max((flipped / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size * path.is_file())
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)
    missing = copied("missing")
    (missing / "global" / "pg_filenode.map").unlink()
    unlisted = copied("unlisted")
    (unlisted / "backup_manifest").unlink()
    linked = copied("linked")
    (linked / "base" / "etc").symlink_to("/etc")
    old = copied("old")
    (old / "PG_VERSION").write_text("12\n")
    packed = tmp_path / "packed"
    take(source, packed, "-Ft")
    for path, words in (
        (flipped, "flipped is damaged: pg_verifybackup says 'checksum mismatch for file"),
        (missing, "missing is damaged: pg_verifybackup says '"),
        (unlisted, "unlisted is a data directory without backup_manifest"),
        (linked, "linked is damaged: pg_verifybackup says '"),
        (old, "old is a base backup of PostgreSQL 12: want 15 or newer"),
        (packed, "packed is a base backup in tar format: unpack base.tar"),
        (f"{taken}#none", "base is a base backup with no database none (there are app, postgres): name one"),
    ):
        status, said = told("verify-backup", path)
        assert status == 4
        assert said.startswith(f"ERROR: {words}")


def test_a_copy_ends_with_a_process_that_is_killed(taken: Path, place: Path, begin: Begin) -> None:
    place.chmod(0o711)
    process = begin("-c", RUNNING, taken)
    assert Path(line(process)).is_relative_to(place)
    (server,) = find_servers(place)
    assert server.net_connections("tcp") == []
    kill(process)
    assert find_servers(place) == []
    assert list(place.iterdir()) == []


def test_it_is_rehearsed_on_a_dump_of_it(taken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("there", "ALTER TABLE tool ADD weight int;\n"), ("back", "ALTER TABLE tool DROP weight;\n")):
        (tmp_path / f"{name}.sql").write_text(text)
    scripts = (f"--migration={tmp_path / 'there.sql'}", f"--rollback={tmp_path / 'back.sql'}")
    cli.main(["rehearse", f"--baseline={taken}", *scripts, f"--html={tmp_path / 'r.html'}"])
    said = capsys.readouterr().out
    assert "the embedded one lacks the extension hstore" in " ".join(said.split())
    assert said.count("✔ the rows are the same: 65 in 3 tables") >= 2


def test_who_reads_it_is_no_superuser_and_can_be_nobody_else(taken: Path) -> None:
    server = BaseBackup(taken)
    try:
        with server.connect("app") as connection:
            found = connection.execute(
                "SELECT rolsuper, rolbypassrls, (SELECT count(*) FROM tool), (SELECT count(*) FROM far), "
                "pg_is_in_recovery(), current_setting('archive_mode') FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
        assert found == (False, True, 60, 5, False, "off")
    finally:
        server.stop()


def test_the_same_database_is_as_before(source: SystemServer, taken: Path) -> None:
    verdict = judge(f"{taken}#app", source.conninfo("app"))
    assert not verdict.red(), verdict.words("blocker")
    assert not verdict.yellow(), verdict.words("warning")
    assert "rows not compared, what is not logged is in no base backup: passing" in " ".join(verdict.words("told"))
    assert verdict.unjudged["test_standbys_follow"] == "a base backup does not tell of standbys"
    assert not [reason for reason in verdict.unjudged.values() if "dump" in reason]
