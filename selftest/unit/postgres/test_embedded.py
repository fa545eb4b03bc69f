"""A server of our own from a wheel: its programs, its user, and what it says when it cannot go on."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from postmigration.postgres.embedded import binaries, explain, find_user, in_room, is_exhausted, run_script
from selftest.servers import Servers


def test_a_server_has_programs_of_its_version_and_settings_for_one_that_is_deleted(servers: Servers) -> None:
    server = servers[18]
    assert (server.version, server.label) == (18, "embedded PostgreSQL 18")
    assert server.binaries == binaries(18)
    assert server.log.exists()
    with server.connect("postgres") as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SHOW lc_messages").fetchone() == ("C.UTF-8",)


@pytest.mark.parametrize("version", embedded.VERSIONS)
def test_the_programs_of_each_version_are_there(version: int) -> None:
    said = subprocess.run([binaries(version) / "postgres", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith(f"postgres (PostgreSQL) {version}.")


def test_root_runs_it_as_somebody_else() -> None:
    user = find_user()
    assert (user == {}) if os.geteuid() else (user["user"] != 0 and user["extra_groups"] == [])


def fail(error: Exception) -> Callable[[], Any]:
    def raising() -> None:
        raise error

    return raising


def test_want_of_room_is_told_with_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert explain("no \n room").startswith(f"the embedded PostgreSQL cannot work in {tmp_path} (")
    assert "MB are free): no room; make room there, or name another directory" in explain("no \n room")
    with pytest.raises(CannotJudge, match=r"cannot work in .*: No space left on device"), in_room():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(CannotJudge, match=r"cannot work in .*: it ended the session"), in_room():
        raise psycopg.errors.AdminShutdown
    # What has another cause stays what it is.
    with pytest.raises(FileNotFoundError, match="absent"), in_room():
        raise FileNotFoundError("absent")
    with pytest.raises(psycopg.errors.UndefinedTable, match="t"), in_room():
        raise psycopg.errors.UndefinedTable("t")


@pytest.mark.parametrize(
    ("error", "exhausted"),
    [
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.CrashShutdown(), True),
        (psycopg.errors.IoError(), True),
        (psycopg.OperationalError(), True),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.errors.QueryCanceled(), False),
    ],
)
def test_an_error_says_whether_the_server_can_go_on(error: psycopg.Error, exhausted: bool) -> None:
    assert is_exhausted(error) is exhausted


def test_a_script_runs_until_its_first_error(servers: Servers, tmp_path: Path) -> None:
    script = tmp_path / "a.sql"
    script.write_text("CREATE TEMP TABLE made (n int); INSERT INTO made VALUES (1); SELECT * FROM gone;")
    with servers[18].connect("postgres") as connection:
        with pytest.raises(psycopg.errors.UndefinedTable, match='"gone" does not exist'):
            run_script(connection, script)
        script.write_text("CREATE TEMP TABLE made (n int); INSERT INTO made VALUES (1), (2);")
        run_script(connection, script)
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (2,)
