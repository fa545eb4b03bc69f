"""A migration in TOML: read with its scripts and the reasons of its changes, or refused in one line."""

from pathlib import Path

import pytest

from postmigration.model.changes import GoneColumn, GoneTable
from postmigration.model.errors import CannotJudge
from postmigration.model.migration_file import read_migration, refuse_unreviewed

CHANGE = '[[change]]\nkind = "gone_table"\ntable = "old"\n'


def write(directory: Path, text: str) -> Path:
    file = directory / "migration.toml"
    file.write_text(text)
    return file


def test_a_file_is_read_as_a_migration(tmp_path: Path) -> None:
    for name in ("up/2.sql", "up/1.sql", "up/note.txt", "down.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    file = write(
        tmp_path,
        """
        name = "shop"
        plan_checks = 3
        scripts = ["up/*.sql"]
        rollback = ["down.sql"]
        codes = ["unit.code"]
        reasons = { cleanup = "nobody uses it" }
        change = [{ kind = "gone_table", table = "old", group = "cleanup" }]
        metric = [{ name = "queue", sql = "SELECT 1", max = 5 }]
        """,
    )
    migration = read_migration(file)
    assert (migration.name, migration.plan_checks, migration.codes) == ("shop", 3, ["unit.code"])
    assert [path.name for path in migration.scripts] == ["1.sql", "2.sql"]
    assert migration.rollback == (tmp_path / "down.sql",)
    (change,) = migration.changes
    assert isinstance(change, GoneTable)
    assert (change.table, change.reason) == ("old", "nobody uses it")
    assert [(metric.name, metric.max) for metric in migration.metrics] == [("queue", 5)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "is not TOML"),
        ("plan_checks = 1", "missing required field `name`"),
        ('name = "a"\nscript = []', "contains unknown field `script`"),
        ('name = "a"\nscripts = ["*.sql"]', r"scripts: there is no file \*.sql"),
        (f'name = "a"\n{CHANGE}', r"1 of 1 reason is empty: \[\[change\]\] 1, .*old.*: say why each was meant$"),
        (f'name = "a"\n{CHANGE}{CHANGE}', r"2 of 2 reasons are empty: .*old and 1 more: say why each was meant$"),
        (f'name = "a"\n{CHANGE}group = "x"', r"there is no x in \[reasons\]"),
        (f'name = "a"\nreasons = {{ x = "y" }}\n{CHANGE}group = "x"\nreason = "z"', "it has a reason and a group"),
    ],
)
def test_a_file_that_declares_nothing_clear_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CannotJudge, match=words):
        read_migration(write(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"absent.toml cannot be read: No such file or directory"):
        read_migration(tmp_path / "absent.toml")


def test_each_change_needs_a_reason() -> None:
    refuse_unreviewed("here", {"a": "because"})
    with pytest.raises(CannotJudge, match=r"^here: 1 of 2 reasons is empty: b: say why each was meant$"):
        refuse_unreviewed("here", {"a": "because", "b": " "})


def test_an_entry_may_name_several_tables_or_columns(tmp_path: Path) -> None:
    several = 'name = "a"\n[[change]]\nkind = "gone_column"\ntable = "old"\ncolumn = ["x", "y"]\nreason = "empty"\n'
    both = [GoneColumn(table="old", column=name, reason="empty") for name in ("x", "y")]
    assert list(read_migration(write(tmp_path, several)).changes) == both
    text = several.replace('"empty"', '""') + CHANGE
    with pytest.raises(CannotJudge, match=r"2 of 2 reasons are empty: \[\[change\]\] 1, gone_column old.x and 1 more"):
        read_migration(write(tmp_path, text))
    # A mistake is told of by the number of its entry.
    with pytest.raises(CannotJudge, match=r"missing required field `column` - at `\$.change\[1\]`"):
        read_migration(write(tmp_path, several + CHANGE.replace("gone_table", "gone_column")))
    with pytest.raises(CannotJudge, match=r"Expected `str`, got `array` - at `\$.change\[0\].column`|expected `str`"):
        read_migration(write(tmp_path, several.replace('["x", "y"]', "[]")))
