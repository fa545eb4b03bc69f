"""`postmigration check` takes two databases in any way that people write them, and refuses the rest on one line."""

import json
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.postgres import embedded
from selftest.conftest import Copy


@pytest.fixture
def pair(server: embedded.Server, copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    return server.conninfo("legacy"), server.conninfo(copy("legacy"))


@pytest.mark.full
@pytest.mark.parametrize("named", ["sides", "options", "sides after options", "environment"])
def test_both_sides_are_named_as_people_write_them(
    pair: tuple[str, str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = pair
    called = {
        "sides": [before, after, "-q"],
        "options": [f"--baseline={before}", "--db-url", after],
        "sides after options": ["-k", "rows", before, "--schema", "public", "--allow-partial", after],
        "environment": [],
    }[named]
    if named == "environment":
        monkeypatch.setenv("POSTMIGRATION_BASELINE", before)
        monkeypatch.setenv("POSTMIGRATION_DB_URL", after)
    cli.main(["check", *called])
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "reports" / "validation.json").read_text())
    assert record["facts"]["baseline"].startswith("postgres@")
    assert " compared" in printed.splitlines()[-1], printed
    assert {path.name for path in tmp_path.iterdir()} == {"reports"}


def test_one_side_is_judged_alone(pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["check", pair[1]])
    assert " compared" not in capsys.readouterr().out.splitlines()[-1]
    record = json.loads((tmp_path / "reports" / "validation.json").read_text())
    assert record["facts"]["baseline"].startswith("none")


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ([], "which database?"),
        (["missing.dump", "{after}"], "missing.dump is neither"),
        (["{before}", "{after}", "{after}"], "at most two databases, and 3"),
        (["{before}", "--db-url={after}"], "two ways to name the database"),
        (["{after}", "notes.txt"], "AFTER is a file"),
        (["{after}", "--migrations=nowhere"], "--migration-files=nowhere: no such directory"),
        (["{before}", "{after}", "--schema=absent"], "--schema=absent: there is no such schema (there are"),
        (["{before}", "{after}", "--shcema=public"], "did you mean --schema?"),
    ],
)
def test_a_wrong_call_is_one_line(
    pair: tuple[str, str], called: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("")
    before, after = pair
    assert cli.main(["check", *(word.format(before=before, after=after) for word in called)]) == 4
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert [line for line in lines if said in line] == lines[:1], lines


@pytest.mark.parametrize(
    ("made", "said"),
    [("", "has no table in"), ("CREATE TABLE t (id int)", "no table of the database of --db-url has a row")],
)
def test_nothing_to_judge_is_no_verdict(
    server: embedded.Server,
    made: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    server.create("nothing")
    try:
        with server.connect("nothing") as connection:
            connection.execute(made.encode())
        assert cli.main(["check", server.conninfo("nothing")]) == 4
        assert said in capsys.readouterr().err
    finally:
        server.drop("nothing")
