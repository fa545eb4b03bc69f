"""The PostgreSQL that is installed here, and how its programs are run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from postmigration.postgres.scratch import programs
from postmigration.postgres.scratch.programs import (
    Installation,
    find_binaries,
    find_installations,
    give_away,
    run_program,
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two installations, and one without a server, where Debian has them."""
    for version in ("15", "17", "19"):
        place = tmp_path / version / "bin"
        place.mkdir(parents=True)
        for program in ("initdb", "pg_ctl", "postgres")[: 1 if version == "19" else 3]:
            (place / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}.2 (Debian)'\n")
            (place / program).chmod(0o755)
    monkeypatch.setattr(programs, "_LAYOUTS", (f"{tmp_path}/*/bin",))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    find_installations.cache_clear()
    yield tmp_path
    find_installations.cache_clear()


def test_servers_that_are_installed_are_found_the_newest_first(installed: Path) -> None:
    assert find_installations() == (
        Installation(17, installed / "17" / "bin"),
        Installation(15, installed / "15" / "bin"),
    )
    assert find_installations()[1].label == f"throw-away PostgreSQL 15 of {installed}/15/bin"


def test_programs_of_a_version_are_the_installed_ones_or_the_embedded_ones(installed: Path) -> None:
    assert find_binaries(15) == installed / "15" / "bin"
    assert find_binaries(18) == embedded.binaries(18)
    assert find_binaries(19) is None


def test_a_program_runs_where_nothing_steers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LANG", "de_DE")
    script = 'read line; echo "$line/$PGHOST/$LANG/$PWD"; echo wrong >&2; exit 3'
    done = run_program(["/bin/sh", "-c", script], tmp_path, text="said\n", as_ourselves=True)
    assert (done.returncode, done.stdout) == (3, f"said//C.UTF-8/{tmp_path}\nwrong\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_directory_is_given_to_the_user_who_runs_postgresql() -> None:
    with tempfile.TemporaryDirectory() as above:
        place = Path(above) / "place"
        (place / "data").mkdir(parents=True)
        give_away(place)
        user = embedded.find_user()["user"]
        assert {path.stat().st_uid for path in (place, place / "data")} == {user}
        assert Path(above).stat().st_mode & 0o001
        Path(above).chmod(0o700)
        with pytest.raises(CannotJudge, match=r"cannot reach .*: let all pass"):
            give_away(place / "data")
