"""Tools whose files begin with a version, which is all that their ledgers hold."""

from pathlib import Path

import pytest

from postmigration.checks.migration_files.versions import Dbmate, GolangMigrate, Rails, Supabase
from selftest.unit.checks.migration_files.writing import apply, write

UP = "-- migrate:up\nSELECT 1;\n"


def test_versions_are_numbers_for_rails_whose_old_files_may_be_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"db/migrate/002_b.rb": "", "db/migrate/10_c.rb": "", "db/migrate/notes.rb": ""})
    (place,) = Rails.find(tmp_path, named=False)
    files = Rails([place], named=False)
    assert files.count == 2
    found = files.compare(apply("1", "2", "7"))
    assert (found.pending, found.pruned, found.unknown) == (["10_c.rb"], ["1"], ["7"])


def test_dbmate_is_known_by_what_leads_up(tmp_path: Path) -> None:
    write(tmp_path, {"db/migrations/01_a.sql": "SELECT 1;"})
    assert Dbmate.find(tmp_path, named=False) == []
    write(tmp_path, {"db/migrations/02_b.sql": UP})
    (place,) = Dbmate.find(tmp_path, named=False)
    files = Dbmate([place], named=False)
    # A version is a text: zeros before it count.
    found = files.compare(apply("01", "2"))
    assert (found.pending, found.unknown) == (["02_b.sql"], ["2"])


def test_the_one_version_of_golang_migrate_stands_for_all_up_to_it(tmp_path: Path) -> None:
    write(tmp_path, {f"{n}_x.{way}.sql": "" for n in (1, 2, 10) for way in ("up", "down")})
    files = GolangMigrate([tmp_path], named=True)
    assert files.count == 3
    assert files.compare(apply("2")).pending == ["10_x.up.sql"]
    assert files.compare([]).pending == ["1_x.up.sql", "2_x.up.sql", "10_x.up.sql"]
    assert files.compare(apply("7")).unknown == ["7"]


@pytest.mark.parametrize("named", ["supabase", "supabase/migrations", "."])
def test_supabase_is_known_by_its_directory(tmp_path: Path, named: str) -> None:
    write(tmp_path, {"supabase/migrations/20240101000000_a.sql": "", "other/migrations/20240101000000_a.sql": ""})
    assert [path.resolve() for path in Supabase.find(tmp_path / named, named=True)] == [
        tmp_path / "supabase" / "migrations"
    ]
    assert Supabase.find(tmp_path / "other" / "migrations", named=True) == []


def test_supabase_passes_over_the_first_file_of_early_versions(tmp_path: Path) -> None:
    write(tmp_path, {"20200101000000_init.sql": "", "20240101000000_init.sql": ""})
    assert Supabase([tmp_path], named=True).ordered == ["20240101000000"]
