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
    reasons = len({one.group for one in found.found if one.change is not None})
    assert 2 < reasons < len(found.changes)
    assert f"{len(found.changes)} changes found: fill in the {reasons} reasons in " in capfd.readouterr().out
    file = place / "migration.toml"
    assert f"# {reasons} reasons are empty as this was written." in file.read_text()
    assert f"({reasons} as it was written; `pytest` says how many are left)" in (place / "README.md").read_text()
    empty = (
        rf"migration\.toml: {reasons} of {reasons} reasons are empty: .* and {reasons - 1} more: say why each was meant"
    )
    with pytest.raises(CannotJudge, match=empty):
        read_migration(file)
    file.write_text(file.read_text().replace('= ""\n', '= "meant"\n', reasons - 1))
    with pytest.raises(CannotJudge, match=rf"1 of {reasons} reasons is empty: [^:]*: say why each was meant"):
        read_migration(file)
    give_reasons(file)
    written = read_migration(file)
    assert sorted(map(describe_change, written.changes)) == sorted(map(describe_change, found.changes))
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


@pytest.mark.full
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
        assert "other objects differ: declare what was meant of it, at the end of that file" in capfd.readouterr().out
        file = place / "migration.toml"
        end = file.read_text().partition("# Other objects that differ.")[2].splitlines()
        offered = [line.partition(", # ")[0] for line in end if line.startswith("#   ")]
        for words in OBJECTS.values():
            assert any(words in line for line in offered), (words, offered)
        assert not any("Offer" in line for line in offered), offered
        # A rule that some of the rows lost as they moved.
        said = 'slug of table public."Series" need not be unique, and constraint "EventType_slug_key" on'
        assert said in file.read_text()
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
