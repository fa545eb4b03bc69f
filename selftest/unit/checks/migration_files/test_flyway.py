"""Flyway's files, and the checksums that they had when they ran."""

from pathlib import Path

import pytest

from postmigration.checks.history import Entry
from postmigration.checks.migration_files.flyway import Flyway, compute_checksum
from selftest.unit.checks.migration_files.writing import write

FILES = {
    "V1__first.sql": "CREATE TABLE a (id int);\n",
    "V1_1__second.sql": "CREATE TABLE b (id int);\n",
    "V2.0__third.sql": "CREATE TABLE c (id int);\n",
    "R__views.sql": "CREATE VIEW d AS SELECT 1;\n",
    "notes.sql": "nothing of Flyway",
}


def apply(name: str, kind: str = "SQL", text: str | None = None) -> Entry:
    return Entry(name, True, None, [kind, None if text is None else compute_checksum(text.encode())])


@pytest.mark.parametrize(
    "content", [b"a\nb\n", b"a\r\nb", b"\xef\xbb\xbfa\nb"], ids=["lines", "other ends", "byte order mark"]
)
def test_a_checksum_is_that_of_the_lines(content: bytes) -> None:
    # The CRC-32 of "ab", as a signed number.
    assert compute_checksum(content) == 0x9E83486D - (1 << 32)


def test_what_was_not_applied_is_pending_in_the_order_of_versions(tmp_path: Path) -> None:
    files = Flyway([write(tmp_path, FILES)], named=True)
    assert files.count == 4
    assert files.compare([]).pending == ["V1__first.sql", "V1_1__second.sql", "V2.0__third.sql", "R__views.sql"]
    # Zeros at the end of a version are nothing.
    applied = [apply("1"), apply("1.1"), apply("2"), apply("R__views.sql")]
    found = files.compare(applied)
    assert (found.pending, found.unknown, found.changed, found.notes) == ([], [], [], [])


def test_a_file_that_is_another_than_ran_is_found(tmp_path: Path) -> None:
    files = Flyway([write(tmp_path, FILES)], named=True)
    sound = [apply("1", text=FILES["V1__first.sql"]), apply("1.1"), apply("2")]
    assert files.compare([*sound, apply("R__views.sql", text=FILES["R__views.sql"])]).changed == []
    found = files.compare([apply("1", text="other"), *sound[1:], apply("R__views.sql", text="other")])
    assert found.changed == ["V1__first.sql"]
    # A repeatable migration runs again.
    assert found.pending == ["R__views.sql (changed since it ran)"]


def test_what_has_no_file_is_unknown(tmp_path: Path) -> None:
    entries = [apply("1"), apply("1.1"), apply("2"), apply("3"), apply("4", "JDBC"), apply("0", "SCHEMA")]
    found = Flyway([write(tmp_path, FILES)], named=True).compare(entries)
    assert found.unknown == ["3"]
    assert found.notes == ["not of SQL, and held against no file: 4"]


def test_a_baseline_stands_for_what_was_before_it(tmp_path: Path) -> None:
    files = Flyway([write(tmp_path, FILES)], named=True)
    assert files.compare([apply("1.1", "BASELINE")]).pending == ["V2.0__third.sql", "R__views.sql"]
    write(tmp_path, {"B1.1__start.sql": "CREATE TABLE a (id int);\n"})
    again = Flyway([tmp_path], named=True)
    assert again.compare([]).pending == ["B1.1__start.sql", "V2.0__third.sql", "R__views.sql"]


def test_what_a_checksum_does_not_tell_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"R__views.sql": "SELECT '${name}';"})
    (tmp_path / "V1__first.sql").write_bytes(b"-- \xe4\n")
    found = Flyway([tmp_path], named=True).compare([apply("1", text="x"), apply("R__views.sql", text="x")])
    assert found.notes == [
        "V1__first.sql is not in UTF-8: whether it has changed since it ran cannot be told",
        "R__views.sql has placeholders: whether it has changed since it ran cannot be told",
    ]
