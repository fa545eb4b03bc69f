"""`postmigration check` is pytest on the built-in checks, with the databases where a user writes them."""

import os
from pathlib import Path

import pytest

from postmigration.gate.commands import check
from postmigration.gate.project import BUILT_IN
from postmigration.model.errors import CannotJudge

AFTER = "postgresql://judge@h/after"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What pytest is called with, in place of its run."""
    arguments: list[str] = []

    def main(words: list[str]) -> int:
        arguments.extend(words)
        assert os.environ["PYTHONSAFEPATH"] == "1"
        return 1

    monkeypatch.delenv("POSTMIGRATION_DB_URL", raising=False)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setattr(pytest, "main", main)
    monkeypatch.chdir(tmp_path)
    Path("before.dump").write_text("")
    return arguments


@pytest.mark.parametrize(
    ("words", "handed_on"),
    [
        ([AFTER], [f"--db-url={AFTER}"]),
        (["before.dump", AFTER, "-x"], [f"--db-url={AFTER}", "--baseline=before.dump", "-x"]),
        (["-k", "rows", "before.dump", AFTER], [f"--db-url={AFTER}", "--baseline=before.dump", "-k", "rows"]),
        (["--db-url", AFTER, "--strict"], ["--db-url", AFTER, "--strict"]),
        ([AFTER, "--migrations=x"], [f"--db-url={AFTER}", "--migration-files=x"]),
        (["--help"], ["--help"]),
    ],
    ids=str,
)
def test_databases_and_options_are_handed_to_pytest(called: list[str], words: list[str], handed_on: list[str]) -> None:
    assert check.run(words) == 1
    assert called == [str(BUILT_IN), f"--html={Path.cwd() / 'reports' / 'validation.html'}", *handed_on]
    assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], r"^which database\? postmigration check \[BEFORE\] AFTER"),
        (["-k", "rows"], r"^which database\?"),
        (["gone.dump", AFTER], r"^gone\.dump is neither the address of a database nor a file that is there"),
        ([AFTER, AFTER, AFTER], "^check takes at most two databases, and 3 are given"),
        ([AFTER, f"--db-url={AFTER}"], "^two ways to name the database:"),
        (["before.dump", AFTER, "--baseline=x"], "^two ways to name the databases:"),
        ([AFTER, "before.dump"], r"^AFTER is a file, before\.dump, and has to be a database"),
        (["--db-url=x", "-k", AFTER], "^the value of -k looks like the address of a database"),
        ([AFTER, f"--html={AFTER}"], "^the value of --html looks like the address of a database"),
    ],
    ids=str,
)
def test_databases_that_cannot_be_meant_are_refused(called: list[str], words: list[str], reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason):
        check.run(words)
    assert called == []
