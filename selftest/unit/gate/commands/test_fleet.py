"""`postmigration fleet` judges all databases of a file, and goes on where a run had ended."""

import json
from pathlib import Path

import pytest

from postmigration.fleet.outcome import Judged, Task
from postmigration.gate.commands import cli
from selftest.fleet.conftest import outcome

FILE = "".join(f'[[database]]\nname = "{name}"\nurl = "postgresql://judge@h/{name}"\n' for name in "ab")


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The databases that were judged: those called b are NO-GO."""
    names: list[str] = []

    def judge(task: Task) -> Judged:
        names.append(task.name)
        causes = ["2 rows are missing"] if task.name == "b" else []
        return Judged(outcome(task.name, len(causes), *causes, digest=task.digest), {})

    monkeypatch.setattr("postmigration.gate.commands.fleet.judge", judge)
    monkeypatch.chdir(tmp_path)
    Path("fleet.toml").write_text(f'name = "shops"\n{FILE}')
    return names


def test_all_are_judged_and_the_worst_counts(judged: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fleet", "fleet.toml", "--jobs=1"]) == 1
    assert judged == ["a", "b"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1/2 ✔ a GO, 2 s", "2/2 ✘ b NO-GO, 2 s: 2 rows are missing"]
    assert lines[-1].startswith("NO-GO: 1 of 2 databases NO-GO: b; 1 of 2 databases GO, fleet shops, ")
    told = json.loads(Path("reports/fleet.json").read_text())
    assert (told["verdict"], told["go"]) == (lines[-1], False)
    # A run that came to its end begins anew.
    cli.main(["fleet", "fleet.toml"])
    assert len(judged) == 4


def test_a_run_that_could_not_judge_all_goes_on(
    judged: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            "postmigration.gate.commands.fleet.judge",
            lambda task: Judged(outcome(task.name, 4 if task.name == "b" else 0, digest=task.digest), {}),
        )
        assert cli.main(["fleet", "fleet.toml", "--jobs=1"]) == 4
    assert cli.main(["fleet", "fleet.toml", "--jobs=1"]) == 1
    assert judged == ["b"]
    assert "continued: 1 of 2 had been judged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs=0"], "--jobs=0: want 1 or more"),
        (["--jobs=1", "--cluster=tls://h:1"], "--jobs is for this machine"),
        (["--again=c*"], "--again=c*: no database of the fleet is called so"),
        (["--html=fleet.toml/x.html"], "the report cannot be written to "),
    ],
)
def test_a_wrong_call_judges_nothing(
    judged: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(["fleet", "fleet.toml", *arguments]) == 4
    assert capsys.readouterr().err.startswith(f"ERROR: {said}")
    assert judged == []


def test_no_password_is_sent_to_a_cluster(judged: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("fleet.toml").write_text('name = "shops"\n' + FILE.replace("judge@", "judge:geheim@"))
    assert cli.main(["fleet", "fleet.toml", "--cluster=tls://h:1"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("ERROR: --cluster: url of a holds a password, which the scheduler would hold too")
    assert "geheim" not in said
