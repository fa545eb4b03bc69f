"""Prisma's directories of migrations, and the hashes of what ran."""

import hashlib
from pathlib import Path

import pytest

from postmigration.checks.migration_files.prisma import Prisma, has_checksum
from selftest.unit.checks.migration_files.writing import apply, write

TEXT = "CREATE TABLE a (id int);\n"
SUM = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.mark.parametrize(
    ("content", "checksum", "same"),
    [
        (TEXT, SUM, True),
        (TEXT.replace("\n", "\r\n"), SUM, True),
        (TEXT + " ", SUM, False),
        # As an older engine wrote it.
        (TEXT, "".join(f"{byte:x}" for byte in hashlib.sha256(TEXT.encode()).digest()), True),
        (TEXT, "", False),
    ],
    ids=["same", "other ends", "changed", "older", "none"],
)
def test_a_script_has_the_checksum_of_what_ran(content: str, checksum: str, same: bool) -> None:
    assert has_checksum(content.encode(), checksum) == same


def test_names_and_checksums_are_held_against_the_ledger(tmp_path: Path) -> None:
    write(tmp_path, {f"{name}/migration.sql": TEXT for name in ("1_same", "2_changed", "3_new")})
    files = Prisma([tmp_path], named=True)
    assert files.count == 3
    found = files.compare(apply(**{"1_same": SUM, "2_changed": "0" * 64, "0_lost": SUM}))
    assert (found.pending, found.changed, found.unknown) == (["3_new"], ["2_changed"], ["0_lost"])
