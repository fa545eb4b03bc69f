"""`postmigration init` writes a project that judges at once, when its reasons are filled in."""

import re
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.model.changes import describe_change
from postmigration.model.errors import CannotJudge
from postmigration.model.migration_file import read_migration
from postmigration.postgres import embedded
from selftest.trace.conftest import Follow


def give_reasons(file: Path) -> None:
    """Fills in what a person must say."""
    file.write_text(re.sub(r'^(\w+) = ""$', r'\1 = "meant"', file.read_text(), flags=re.MULTILINE))


def test_what_it_writes_declares_what_was_found(
    server: embedded.Server, follow: Follow, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = follow()
    place = tmp_path / "calendar"
    sides = [f"--db-url={server.conninfo('trace_after')}", f"--baseline={server.conninfo('trace_before')}"]
    assert cli.main(["init", *sides, str(place)]) == 0
    assert f"{len(found.changes)} changes found: fill in the reasons" in capfd.readouterr().out
    file = place / "migration.toml"
    with pytest.raises(CannotJudge, match=r"reason is empty: say why it was meant \(and 25 more\)"):
        read_migration(file)
    give_reasons(file)
    written = read_migration(file)
    assert list(map(describe_change, written.changes)) == list(map(describe_change, found.changes))
    assert {change.reason for change in written.changes} == {"meant"}
    assert file.read_text().count('= "meant"') < 8
    compile((place / "tests" / "test_plan.py").read_text(), "test_plan.py", "exec")
    before = file.read_text()
    assert cli.main(["init", *sides, str(place)]) == 4
    assert "is there already, and is not overwritten" in capfd.readouterr().err
    assert file.read_text() == before


def test_without_a_state_before_it_writes_a_skeleton(
    server: embedded.Server, worlds: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", f"--db-url={server.conninfo('trace_after')}", str(tmp_path / "new")]) == 0
    assert "migration.toml declares nothing yet" in capfd.readouterr().out
    assert read_migration(tmp_path / "new" / "migration.toml").changes == ()
