"""A base backup of pg_basebackup: which directory is one, and which cannot be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres.scratch import base_backup
from postmigration.postgres.scratch.base_backup import BaseBackup, divide, find_path
from selftest.servers import SYSTEM_BINARIES, Servers, SystemServer


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that looks like one."""
    made = tmp_path / "base#1"
    made.mkdir()
    (made / "PG_VERSION").write_text("18\n")
    return made


def test_a_directory_may_be_named_with_a_database_in_it(place: Path, tmp_path: Path) -> None:
    assert divide(str(place)) == (place, "")
    assert divide(f"{place}#shop") == (place, "shop")
    assert divide(str(tmp_path)) is None
    assert divide(f"{tmp_path}/absent#shop") is None
    assert divide("postgresql://db/shop") is None
    assert (find_path(f"{place}#shop"), find_path("before.dump")) == (place, Path("before.dump"))
    (tmp_path / "base.tar.gz").touch()
    assert divide(str(tmp_path)) == (tmp_path, "")


def test_what_cannot_be_read_is_refused_in_one_line(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotJudge, match="base#1 is a data directory without backup_manifest"):
        BaseBackup(place)
    (place / "backup_manifest").touch()
    (place / "base" / "5").mkdir(parents=True)
    (place / "base" / "5" / "INCREMENTAL.1").touch()
    with pytest.raises(CannotJudge, match="base#1 is an incremental base backup"):
        BaseBackup(place)
    (place / "base" / "5" / "INCREMENTAL.1").unlink()
    monkeypatch.setattr(base_backup, "find_binaries", lambda _: None)
    with pytest.raises(
        CannotJudge, match="base#1 is a base backup of PostgreSQL 18, which only a server of that version"
    ):
        BaseBackup(place)
    (place / "PG_VERSION").write_text("14")
    with pytest.raises(CannotJudge, match="base#1 is a base backup of PostgreSQL 14: want 15 or newer"):
        BaseBackup(place)
    (place / "PG_VERSION").unlink()
    with pytest.raises(CannotJudge, match=r"base#1 is a base backup in tar format: unpack base.tar"):
        BaseBackup(place)


@pytest.fixture
def taken(servers: Servers, tmp_path: Path) -> Iterator[Path]:
    """One of a server with two databases."""
    server = servers[15]
    assert isinstance(server, SystemServer)
    server.create("unit_taken")
    backup = server.directory / "unit_backup"
    server._run("pg_basebackup", "-D", str(backup), "-c", "fast", "--no-sync", "-h", str(server.directory),
                "-p", str(server.port), "-U", "postgres")  # fmt: skip
    yield backup
    shutil.rmtree(backup)
    server.drop("unit_taken")


@pytest.mark.full
@pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason="no PostgreSQL 15")
def test_a_copy_of_it_is_started(taken: Path) -> None:
    server = BaseBackup(taken)
    try:
        assert server.find_database("unit_taken", exact=True) == "unit_taken"
        with pytest.raises(CannotJudge, match="unit_backup is a base backup with no database gone"):
            server.find_database("gone", exact=True)
        assert server.describe("unit_taken").startswith("unit_backup: base backup of PostgreSQL 15, begun at")
        with server.connect("unit_taken", server.owner) as connection:
            asked = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(asked).fetchone() == (False, True)
    finally:
        server.stop()
