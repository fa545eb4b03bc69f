"""What the tools that migrate have done is held against their files."""

from pathlib import Path

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.migration_files.comparison import examine
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

LEDGER = """
    CREATE SCHEMA supabase_migrations;
    CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
    INSERT INTO supabase_migrations.schema_migrations VALUES
        ('20260101000000', NULL, 'orders'), ('20260102000000', NULL, 'items')
"""


@pytest.fixture(scope="module")
def after(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(LEDGER)


@pytest.fixture(scope="module")
def bare(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot()


def _examine(snapshot: Snapshot, root: Path, *names: str, named: bool = False) -> Examination:
    directory = root / "supabase" / "migrations"
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / f"{name}.sql").write_text("SELECT 1;\n")
    return examine(snapshot, None, [directory if named else root], ["public", "supabase_migrations"], named=named)


def test_files_that_have_run_are_as_they_must_be(after: Snapshot, tmp_path: Path) -> None:
    found = _examine(after, tmp_path, "20260101000000_orders", "20260102000000_items")
    assert found.findings == []
    assert found.facts == 2
    assert "held against 2 migrations in supabase/migrations" in found.notes[0]


def test_a_file_that_has_not_run_is_pending(after: Snapshot, tmp_path: Path) -> None:
    found = _examine(after, tmp_path, "20260101000000_orders", "20260102000000_items", "20260103000000_more")
    (finding,) = found.findings
    assert "1 migration is pending: 20260103000000" in finding.statement
    assert (finding.wrong, finding.examined) == (1, 3)


def test_what_ran_and_has_no_file_is_unknown(after: Snapshot, tmp_path: Path) -> None:
    found = _examine(after, tmp_path, "20260101000000_orders")
    (finding,) = found.findings
    assert "20260102000000" in finding.statement
    assert "the database is ahead of the code" in finding.statement


@pytest.mark.parametrize("named", [True, False])
def test_a_database_without_a_ledger_has_run_none(bare: Snapshot, tmp_path: Path, named: bool) -> None:
    found = _examine(bare, tmp_path, "20260101000000_orders", named=named)
    (finding,) = found.findings
    assert "the database has no ledger of it: none is known to be applied" in finding.statement
    assert (finding.severity == "blocker") is named


def test_without_files_there_is_nothing_to_hold_against(bare: Snapshot, tmp_path: Path) -> None:
    assert examine(bare, None, [tmp_path], [], named=False).inapplicable == "no migration files lie in the project"
    assert examine(bare, None, [], [], named=False).inapplicable == "no --migration-files are named"
