"""An archive of pg_dump: what it says of itself, whether it has its end, and its SQL."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.backups.archive import COPY_AGAIN, contents, major_version, refuse_newer, translate
from postmigration.model.errors import CannotJudge
from selftest.dumps import dump
from selftest.servers import Servers

FORMS = {"custom": ("-Fc",), "tar": ("-Ft",), "directory": ("-Fd", "-Z0")}


@pytest.fixture(scope="module")
def archives(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A small database in each form."""
    server, directory = servers[18], tmp_path_factory.mktemp("archives")
    server.create("unit_archive")
    with server.connect("unit_archive") as connection:
        connection.execute("CREATE TABLE item AS SELECT n AS id, 'x' AS name FROM generate_series(1, 500) n")
    yield {form: dump(server, "unit_archive", directory / form, *options) for form, options in FORMS.items()}
    server.drop("unit_archive")


@pytest.mark.parametrize(("form", "checksum"), [("custom", True), ("tar", False), ("directory", False)])
def test_an_archive_tells_its_form_who_made_it_and_whether_damage_shows(
    archives: dict[str, Path], form: str, checksum: bool
) -> None:
    found = contents(archives[form], "before")
    assert (found.form, found.checksum) == (form, checksum)
    assert found.made.startswith("of the database unit_archive on PostgreSQL 18.")
    assert ", made by pg_dump 18." in found.made


def test_an_archive_is_translated_to_sql(archives: dict[str, Path]) -> None:
    program = contents(archives["custom"], "before").program
    with translate(program, archives["custom"], "before") as stream:
        assert stream.read().count(b"\tx\n") == 500
    with translate(program, archives["custom"], "before", "--schema-only") as stream:
        text = stream.read()
    assert b"CREATE TABLE public.item" in text
    assert b"COPY" not in text


def test_what_has_no_end_is_refused(archives: dict[str, Path], tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(archives["custom"].read_bytes()[:-100])
    program = contents(archives["custom"], "before").program
    with (
        pytest.raises(CannotJudge, match=f"before is .*pg_restore read it and says .*{COPY_AGAIN}"),
        translate(program, short, "before") as stream,
    ):
        stream.read()
    short.write_bytes(archives["tar"].read_bytes()[:-8_000])
    with pytest.raises(CannotJudge, match="before is truncated"):
        contents(short, "before")
    copied = tmp_path / "copied"
    shutil.copytree(archives["directory"], copied)
    (data,) = copied.glob("[0-9]*.dat")
    data.write_bytes(data.read_bytes()[:-2])
    with pytest.raises(CannotJudge, match=f"before is truncated: its file {data.name} has no end"):
        contents(copied, "before")


def test_a_directory_or_a_tar_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"before is a directory without toc.dat"):
        contents(tmp_path, "before")
    with tarfile.open(tmp_path / "tar", "w") as tar:
        tar.add(__file__, "other")
    with pytest.raises(CannotJudge, match=r"before is a tar file without toc.dat"):
        contents(tmp_path / "tar", "before")


@pytest.mark.parametrize(("text", "version"), [("18.1 (Debian)", 18), ("9.6", 9), ("", 0), ("devel", 0)])
def test_a_major_version_is_the_number_that_a_text_begins_with(text: str, version: int) -> None:
    assert major_version(text) == version


def test_what_a_newer_pg_dump_wrote_is_refused() -> None:
    refuse_newer("before", "18.0")
    refuse_newer("before", "")
    with pytest.raises(CannotJudge, match=r"before was made by pg_dump 99.1, newer than the embedded PostgreSQL 18"):
        refuse_newer("before", "99.1")
