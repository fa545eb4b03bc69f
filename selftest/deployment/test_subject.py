"""A record knows its scripts, its commit and its database by what they are, and running nothing of them."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from fixtures import MIGRATION
from postmigration.deployment.subject import (
    guard_files,
    hash_backup,
    hash_files,
    hash_scripts,
    identify,
    is_same_database,
)
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.postgres.identity import Server
from selftest.conftest import ROOT
from selftest.deployment.records import PRODUCTION, STAGING


def test_the_scripts_of_a_migration_and_of_its_rollback_are_known_by_their_bytes() -> None:
    files = hash_scripts(ROOT, MIGRATION)
    assert [file.name.removeprefix("fixtures/") for file in files] == [
        *("migration/1_schema.sql", "migration/2_data.sql"),
        *("rollback/1_data.sql", "rollback/2_schema.sql"),
    ]
    assert files[0].sha256 == hashlib.sha256((ROOT / files[0].name).read_bytes()).hexdigest()


def test_what_a_script_includes_is_a_script_too(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "1.sql").write_text(
        "SELECT 1;\n\\ir parts/a.sql\n\\i 'parts/b c.sql'\n\\i :var\n\\i gone.sql\n"
    )
    (tmp_path / "scripts" / "parts").mkdir()
    (tmp_path / "scripts" / "parts" / "a.sql").write_text("\\ir ../1.sql\n")
    (tmp_path / "scripts" / "parts" / "b c.sql").write_text("SELECT 2;\n")
    migration = Migration("x", scripts=(tmp_path / "scripts" / "1.sql",), rollback=(tmp_path / "scripts" / "1.sql",))
    files = hash_scripts(tmp_path, migration)
    assert [file.name for file in files] == ["scripts/1.sql", "scripts/parts/a.sql", "scripts/parts/b c.sql"]
    (tmp_path / "scripts" / "parts" / "b c.sql").write_text("SELECT 3;\n")
    again = hash_scripts(tmp_path, migration)
    assert [old == new for old, new in zip(files, again, strict=True)] == [True, True, False]


def test_the_rows_that_a_script_copies_are_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(
        "\\copy shop.plan FROM 'plan.csv' WITH (FORMAT csv)\n\\COPY b (a, b) from more.csv\n\\copy c from stdin\n"
        "\\copy c from program 'cat plan.csv'\n\\copy (SELECT * FROM gone.csv) to 'out.csv'\n"
    )
    for name in ("plan.csv", "more.csv"):
        (tmp_path / name).write_text("1,2\n")
    files = hash_files(tmp_path, [tmp_path / "1.sql"])
    assert [file.name for file in files] == ["1.sql", "more.csv", "plan.csv"]


def test_the_migration_files_of_a_tool_are_scripts(tmp_path: Path) -> None:
    directory = tmp_path / "supabase" / "migrations"
    directory.mkdir(parents=True)
    (directory / "20260101000000_customers.sql").write_text("SELECT 1;\n")
    assert [file.name for file in hash_scripts(tmp_path, Migration("x"))] == [
        "supabase/migrations/20260101000000_customers.sql"
    ]


def test_a_script_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"1\.sql cannot be read: No such file"):
        hash_files(tmp_path, [tmp_path / "1.sql"])


def test_a_backup_is_known_wherever_it_lies(tmp_path: Path) -> None:
    for where in ("here", "there"):
        (tmp_path / where / "base").mkdir(parents=True)
        (tmp_path / where / "base" / "1").write_text("rows")
        (tmp_path / where / "b.dump").write_text("more")
    here, there = (hash_backup([tmp_path / where / "base", tmp_path / where / "b.dump"]) for where in ("here", "there"))
    assert here == there
    assert [file.name for file in here] == ["b.dump", "base/1"]


def _write(path: Path) -> None:
    path.write_text("none")


def _write_and_restore(path: Path) -> None:
    path.write_text("none")
    path.write_text("rows")


def _replace(path: Path) -> None:
    # The same bytes in another file: what was read in between may have been a third one.
    path.with_name("new").write_text("rows")
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [_write, _write_and_restore, _replace, Path.unlink])
@pytest.mark.parametrize("whole", ["before", "before/1.dat"])
def test_a_backup_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, change: Callable[[Path], None], whole: str
) -> None:
    file = tmp_path / "before" / "1.dat"
    file.parent.mkdir()
    file.write_text("rows")
    # Long ago: the clock of a file system does not tell two moments of one tick apart.
    os.utime(file, (0, 0))
    with guard_files([tmp_path / whole]) as kept:
        assert kept == []
    assert tuple(kept) == hash_backup([tmp_path / whole])
    reason = r"1\.dat (was changed while it was read|cannot be read)"
    with pytest.raises(CannotJudge, match=reason), guard_files([tmp_path / whole]):
        change(file)


def test_a_file_of_a_base_backup_counts_although_its_manifest_holds_its_checksum(tmp_path: Path) -> None:
    for name in ("backup_manifest", "1"):
        (tmp_path / name).write_text("rows")
    with pytest.raises(CannotJudge, match="/1 was changed while it was read"), guard_files([tmp_path]):
        (tmp_path / "1").write_text("others")


def test_who_reads_a_backup_says_that_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such"), guard_files([tmp_path / "before.dump"]):
        raise ValueError("no such file")


def test_a_database_is_told_from_its_clone_and_recognized_after_a_restart() -> None:
    restarted = replace(STAGING, started="2026-11-20", label="other@staging:5432/app")
    assert is_same_database(STAGING, restarted)
    assert is_same_database(STAGING, replace(STAGING, system=None, label="gate@10.0.0.5:5432/app"))
    assert not is_same_database(STAGING, PRODUCTION)
    assert not is_same_database(STAGING, replace(STAGING, oid="16385"))
    # A clone: the identifiers of what it was cloned from, another process, another address.
    assert not is_same_database(STAGING, replace(STAGING, started="2026-11-20", label="gate@clone:5432/app"))
    # Another database at the old address.
    assert not is_same_database(STAGING, replace(STAGING, started="2026-11-20", system=PRODUCTION.system))


def test_a_database_is_what_its_server_says() -> None:
    server = Server("16.4", 16, False, "gate", "app", "gate\x1b@h:5432/app", ("73", "5", "2026-11-01"))
    assert identify(server).label == "gate\\x1b@h:5432/app"
    assert (identify(server).system, identify(server).oid, identify(server).started) == ("73", "5", "2026-11-01")
