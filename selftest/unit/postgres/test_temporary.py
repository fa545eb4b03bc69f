"""Directories of this process alone: below one that nobody else may enter, and that goes with the process."""

import os
from pathlib import Path

import pytest

from postmigration.postgres import temporary
from postmigration.postgres.temporary import directory, make_directory


def test_each_directory_is_a_new_one_below_that_of_the_process() -> None:
    first, second = make_directory(), make_directory()
    assert first != second
    assert first.parent == second.parent
    assert first.parent.name.startswith("postmigration-")
    # Its owner holds the lock on a file in it, and so is known to live.
    assert (first.parent / "owner").stat().st_uid == os.geteuid()
    first.rmdir()
    second.rmdir()


def test_a_directory_is_deleted_when_it_is_no_longer_needed() -> None:
    with pytest.raises(RuntimeError, match="whatever"), directory() as made:  # noqa: PT012 # it is left by an error
        (made / "sub").mkdir()
        raise RuntimeError("whatever")
    assert not made.exists()


def test_what_dead_processes_left_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    dead, alive, other = tmp_path / "postmigration-dead", make_directory().parent, tmp_path / "else"
    for place in (dead, other):
        place.mkdir()
        (place / "owner").touch()
        (place / "data").mkdir()
    (tmp_path / "postmigration-link").symlink_to(other)
    (tmp_path / "postmigration-alive").symlink_to(alive)
    temporary._sweep(tmp_path)
    assert not dead.exists()
    assert (other / "data").exists()
    assert alive.exists()
