"""What a database calls its objects plays with nobody's terminal, and what lies in a directory is not run there."""

import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import sql

from postmigration.gate.commands import cli
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.verdict import Result
from postmigration.postgres import embedded
from postmigration.report.formats import as_text
from selftest.conftest import Copy

NAME = "x\x1b[31mred\n::error::forged\r\n##vso[task.complete]\u202e"


def assert_harmless(printed: str) -> None:
    assert "forged" in printed
    assert not [line for line in printed.split("\n") if not line.replace("\t", "").isprintable()]
    assert not [line for line in printed.splitlines() if line.lstrip().startswith(("::error::", "##"))]


def test_names_in_evidence_command_no_terminal() -> None:
    finding = Finding(
        f"table {NAME} is gone",
        2,
        2,
        (NAME,),
        ((NAME,),),
        query=f'SELECT "{NAME}"',
        before=NAME,
        repair=f'DROP "{NAME}"',
    )
    result = Result("t", 1, NAME, NAME, NAME, NAME, "failed", NAME, evidence=Evidence(2, findings=[finding]))
    assert_harmless(as_text.text(result, 5))


@pytest.mark.full
def test_names_of_schemas_command_no_terminal(
    server: embedded.Server,
    copy: Copy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    name = copy("legacy")
    with server.connect(name) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(NAME)))
        connection.execute(sql.SQL("CREATE TABLE {}.t (id int PRIMARY KEY)").format(sql.Identifier(NAME)))
    cli.main(["check", server.conninfo(name), "-k", "sequences", "--allow-partial"])
    assert_harmless(capsys.readouterr().out)
    assert cli.main(["check", server.conninfo(name), "--schema=absent"]) == 4
    assert_harmless(capsys.readouterr().err)


@pytest.mark.full
@pytest.mark.parametrize("called", [(), ("-n", "1")], ids=["alone", "workers"])
def test_nothing_is_imported_from_the_current_directory(
    server: embedded.Server, tmp_path: Path, called: tuple[str, ...]
) -> None:
    for name in ("conftest", "execnet", "queue", "psycopg", "postmigration", "checks", "evil", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'a').write(__name__)")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p evil")
    (tmp_path / "pyproject.toml").write_text('[tool.postmigration]\nmigration = "evil:M"\nchecks = "."')
    command = [str(Path(sys.executable).with_name("postmigration")), "check", server.conninfo("legacy"), *called]
    done = subprocess.run(
        [*command, "-k", "sequences", "--allow-partial"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_waits_for_the_end_imports_nothing_of_the_current_directory(
    server: embedded.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postmigration.postgres.scratch import borrowed

    (tmp_path / "postmigration.py").write_text("open('imported', 'a').write(__name__)")
    monkeypatch.chdir(tmp_path)
    place = borrowed.Borrowed(server.conninfo("postgres"))
    place.stop()
    assert not (tmp_path / "imported").exists()
