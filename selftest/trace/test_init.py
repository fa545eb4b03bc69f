"""`postmigration init` writes a project that judges at once, when its reasons are filled in."""

import re
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.model.changes import describe_change
from postmigration.model.errors import CannotJudge
from postmigration.model.migration_file import read_migration
from postmigration.postgres import embedded
from selftest.check.judging import judge
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


OF_OBJECTS = ("test_objects", "test_privileges")
# What a migration may do to objects beside moving rows, and what the file must call that.
OBJECTS = {
    'CREATE INDEX "Setting_name" ON "Setting" (name)': 'index public."Setting_name"',
    "ALTER TABLE \"Setting\" ADD CONSTRAINT filled CHECK (name <> '')": 'constraint filled on public."Setting"',
    'ALTER TABLE "Setting" ALTER name DROP NOT NULL': 'column public."Setting".name',
    "CREATE FUNCTION twice(integer[], text[]) RETURNS int LANGUAGE sql RETURN 2": "function public.twice(integer[[]]",
    'GRANT DELETE ON "Reservation" TO PUBLIC': 'public."Reservation"',
    'ALTER TABLE "Setting" ENABLE ROW LEVEL SECURITY': 'table public."Setting"',
}


def test_objects_that_differ_are_offered_and_those_that_hang_on_what_was_found_are_not(
    server: embedded.Server, worlds: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before, after = server.conninfo("trace_before"), "trace_objects"
    server.create(after, template="trace_after")
    try:
        with server.connect(after) as connection:
            connection.execute(";".join(OBJECTS).encode())
        place = tmp_path / "objects"
        assert cli.main(["init", f"--db-url={server.conninfo(after)}", f"--baseline={before}", str(place)]) == 0
        assert "other objects differ: what was meant of it is declared at the end of it" in capfd.readouterr().out
        file = place / "migration.toml"
        offered = [line for line in file.read_text().splitlines() if line.startswith("# object = ")]
        for words in OBJECTS.values():
            assert any(words in line for line in offered), (words, offered)
        assert not any("Offer" in line or "Series" in line for line in offered), offered
        give_reasons(file)
        undeclared = judge(before, server.conninfo(after), migration=read_migration(file), only=OF_OBJECTS)
        assert undeclared.words("blocker") + undeclared.words("warning")
        lines = file.read_text().splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("# Other objects that differ."))
        entries = [line.removeprefix("#").removeprefix(" ") for line in lines[start + 1 :]]
        file.write_text("\n".join([*lines[:start], *entries, ""]))
        give_reasons(file)
        declared = judge(before, server.conninfo(after), migration=read_migration(file), only=OF_OBJECTS)
        assert declared.words("blocker") + declared.words("warning") == []
    finally:
        server.drop(after)


def test_without_a_state_before_it_writes_a_skeleton(
    server: embedded.Server, worlds: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", f"--db-url={server.conninfo('trace_after')}", str(tmp_path / "new")]) == 0
    assert "migration.toml declares nothing yet" in capfd.readouterr().out
    assert read_migration(tmp_path / "new" / "migration.toml").changes == ()
