"""A backup file: what it is by its content, and the SQL in it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from postmigration.backups.backup import identify, refuse_missing
from postmigration.model.errors import CannotJudge
from selftest.dumps import dump
from selftest.servers import Servers
from selftest.unit.backups.conftest import DUMP


def test_plain_sql_is_read_as_it_stands(dumped: Path, tmp_path: Path) -> None:
    backup = identify(dumped, tmp_path)
    assert (backup.name, backup.form, backup.size, backup.checksum) == ("before.sql", "plain SQL", len(DUMP), False)
    with backup.open_sql() as stream:
        assert stream.read(1 << 16) == DUMP
    header = {
        "Started on": "2025-01-01 00:00:00 UTC",
        "Dumped by pg_dump version": "16.4",
        "Dumped from database version": "15.1",
    }
    assert backup.describe(header) == (
        f"before.sql: plain SQL, {len(DUMP):,} bytes, of a database on PostgreSQL 15.1, made by pg_dump 16.4 at "
        "2025-01-01 00:00:00 UTC; it carries no checksum: damage that leaves it readable is not noticed"
    )
    assert "by a program that it does not name" in backup.describe({})


def test_plain_sql_in_gzip_is_read_with_its_checksum(tmp_path: Path) -> None:
    file = tmp_path / "before.gz"
    file.write_bytes(gzip.compress(DUMP))
    backup = identify(file, tmp_path)
    assert (backup.form, backup.checksum, backup.compressed) == ("plain SQL in gzip", True, True)
    with backup.open_sql() as stream:
        assert stream.read(1 << 16) == DUMP


def test_gzip_without_its_end_or_with_other_content_is_refused_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "before.gz"
    packed = gzip.compress(DUMP)
    file.write_bytes(packed[:-8])
    with pytest.raises(CannotJudge, match=r"before.gz is truncated: its gzip stream has no end"):
        identify(file, tmp_path)
    file.write_bytes(packed[:-8] + b"\0\0\0\0" + packed[-4:])
    with pytest.raises(CannotJudge, match=r"before.gz is damaged inside a compressed block"):
        identify(file, tmp_path)


def test_an_archive_is_described_by_what_it_says_and_in_gzip_it_is_unpacked(servers: Servers, tmp_path: Path) -> None:
    file = dump(servers[18], "postgres", tmp_path / "archive", "-Fc")
    backup = identify(file, tmp_path)
    assert backup.form == "pg_dump archive (custom, gzip)"
    assert "of the database postgres on PostgreSQL 18" in backup.describe({})
    with backup.open_sql(schema_only=True) as stream:
        assert b"-- PostgreSQL database dump" in stream.read(1 << 16)
    packed = tmp_path / "archive.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    (tmp_path / "scratch").mkdir()
    inside = identify(packed, tmp_path / "scratch")
    assert (inside.form, inside.size) == ("pg_dump archive (custom, gzip) in gzip", packed.stat().st_size)
    assert inside.path.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "before is empty, so no backup"),
        (gzip.compress(b"", mtime=0), "before is empty inside its gzip"),
        (b"\x28\xb5\x2f\xfdxxx", "before is compressed with zstd: decompress it"),
        (b"\xff\xfeS\0E\0T\0", "before is text in UTF-16"),
        (b"Dear all,\n", "before is no backup: it is neither an archive of pg_dump nor SQL"),
    ],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "before"
    file.write_bytes(content)
    with pytest.raises(CannotJudge, match=words):
        identify(file, tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, dumped: Path) -> None:
    refuse_missing(dumped)
    with pytest.raises(CannotJudge, match=r"absent does not exist: name a file that pg_dump wrote"):
        refuse_missing(tmp_path / "absent")
    with pytest.raises(CannotJudge, match=r"absent does not exist"):
        identify(tmp_path / "absent", tmp_path)
    with pytest.raises(CannotJudge, match="cannot be read: File name too long"):
        identify(tmp_path / ("x" * 300), tmp_path)
