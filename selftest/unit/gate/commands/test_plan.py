"""`postmigration plan` as a pipeline calls it: its exit status, its last line, and what it refuses to judge."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

import postmigration
from postmigration.deployment.plan_file import read_deployment, refuse_unclear
from postmigration.deployment.records.record import Record
from postmigration.deployment.records.store import KEY, write_record
from postmigration.deployment.subject import hash_declarations
from postmigration.gate.commands import cli
from postmigration.gate.scaffold.files import write_project
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import PHASES
from selftest.deployment.records import check, make

PLAN = """
[[item]]
section = "Staging"
text = "Staging was validated."
id = "validated"
phase = "staging"
proven_by = [{ command = "gate", environment = "staging", within_hours = 24 }]

[[item]]
section = "Staging"
text = "Users accepted it."
id = "accepted"
phase = "staging"
"""
Project = Callable[..., Path]


def _give(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _now(minutes: float = -10, record: Record | None = None) -> Record:
    """A record of a while ago."""
    begun = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    whole = make() if record is None else record
    return replace(
        whole, started=begun, ended=begun + datetime.timedelta(minutes=5), suite=version("postmigration"), scripts=()
    )


def _sign(item: str, *, who: str = "Ann") -> str:
    when = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    entry = f'[[signoff]]\nitem = "{item}"\ntext = "Users accepted it."\nwho = "{who}"\n'
    return f'{entry}when = {when:%Y-%m-%dT%H:%M:%SZ}\nwords = "seen"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Makes a project with a plan, records and signatures, and goes there."""

    def make_project(
        records: Sequence[Record] = (),
        signoffs: str = _sign("accepted"),
        plan: str = PLAN,
        place: str = "reports/records",
    ) -> Path:
        _give(tmp_path / "pyproject.toml", '[tool.postmigration]\nmigration = "migration.toml"\nchecks = "tests"\n')
        _give(tmp_path / "migration.toml", 'name = "shop"\n')
        _give(tmp_path / "tests" / "test_nothing.py", "")
        _give(tmp_path / "deployment.toml", plan)
        _give(tmp_path / "signoffs.toml", signoffs)
        for record in records:
            judged = replace(record, declarations=hash_declarations(tmp_path))
            write_record(judged, tmp_path / "reports" / "records")
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("POSTMIGRATION_DB_URL", raising=False)
        monkeypatch.delenv(KEY, raising=False)
        return tmp_path

    return make_project


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    status = cli.main(["plan", *arguments])
    out, err = capfd.readouterr()
    return status, [*out.splitlines(), *err.splitlines()]


def test_it_is_ready_with_evidence_and_signatures(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    root = project([_now()])
    line = (
        "READY TO PROCEED: 2 of 2 points met, 1 of them signed by a person; the plan asks for nothing in the phase "
        "development, preparation; shop, phase production, no record names the database of production"
    )
    assert run(capfd) == (0, [line])
    assert json.loads((root / "reports" / "deployment.json").read_text())["ready"] is True
    assert run(capfd, "--phase=after")[0] == 0
    (root / "reports" / "records").rename(root / "others")
    assert run(capfd, "--records=others") == (0, [line])


@pytest.mark.parametrize(
    ("records", "signoffs", "lines"),
    [
        (
            [],
            _sign("accepted"),
            ["✘ reports/records: there is no such directory", "✘ no record proves"],
        ),
        ([_now(-2_000)], _sign("accepted"), ["✘ no record proves any point", "✘ gate of "]),
        ([_now()], "", ["☐ somebody has not signed it: accepted"]),
        ([_now()], _sign("accepted", who=" "), ["✘ signoff 1 of signoffs.toml, accepted: who is empty"]),
        (
            [_now()],
            _sign("accepted") + _sign("acepted"),
            ["✘ signoff 2 of signoffs.toml, acepted: the plan"],
        ),
        ([_now(), _now(-5, make(status=1, word="NO-GO"))], _sign("accepted"), ["✘ gate of "]),
        ([_now(600)], _sign("accepted"), ["✘ reports/records/gate-", "✘ no record proves any point"]),
    ],
    ids=["nothing", "old", "unsigned", "nobody", "unknown", "no-go", "future"],
)
def test_it_is_not_ready_and_says_why(
    project: Project, capfd: pytest.CaptureFixture[str], records: list[Record], signoffs: str, lines: list[str]
) -> None:
    root = project(records, signoffs)
    status, told = run(capfd)
    assert status == 1
    for line, start in zip(told, lines, strict=False):
        assert line.startswith(start)
    assert told[-1].startswith("NOT READY: because ")
    assert json.loads((root / "reports" / "deployment.json").read_text())["ready"] is False


def test_a_record_that_was_forged_is_in_the_way(
    project: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project([_now()])
    (file,) = (root / "reports" / "records").iterdir()
    text = file.read_text()
    file.write_text(text.replace('"GO"', '"GOOD"'))
    status, told = run(capfd)
    assert (status, told[0]) == (
        1, f"✘ reports/records/{file.name}: was changed after it was written: its checksum does not fit what it says"
    )  # fmt: skip
    file.write_text(text)
    assert run(capfd)[0] == 0
    monkeypatch.setenv(KEY, "a secret of the pipeline")
    status, told = run(capfd)
    assert status == 1
    assert "is not signed: it was written without" in told[0]


@pytest.mark.parametrize("file", ["migration.toml", "tests/test_nothing.py"])
def test_a_gate_that_was_judged_by_other_declarations_does_not_count(
    project: Project, capfd: pytest.CaptureFixture[str], file: str
) -> None:
    root = project([_now()])
    (root / file).write_text((root / file).read_text() + "\n# another\n")
    status, told = run(capfd)
    assert status == 1
    assert f"was judged by other declarations or checks: {file} changed since" in told[1]
    assert run(capfd, "--phase=staging")[0] == 4


def test_signed_records_are_no_evidence_where_nobody_verifies_them(
    project: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b"a secret of the pipeline"
    root = project()
    write_record(replace(_now(), declarations=hash_declarations(root)), root / "reports" / "records", key)
    status, told = run(capfd)
    assert status == 1
    assert "is signed, and no signature was verified: set POSTMIGRATION_RECORDS_KEY" in told[0]
    monkeypatch.setenv(KEY, key.decode())
    assert run(capfd)[0] == 0


def test_a_clock_that_was_put_back_makes_no_record_younger(
    project: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shop: str
) -> None:
    project([_now(-26 * 60)])
    assert not [line for line in run(capfd, f"--db-url={shop}")[1] if "clocks" in line]
    earlier = SimpleNamespace(now=lambda zone: datetime.datetime.now(zone) - datetime.timedelta(hours=25))
    monkeypatch.setattr(
        "postmigration.gate.commands.plan.datetime", SimpleNamespace(datetime=earlier, UTC=datetime.UTC)
    )
    status, told = run(capfd, f"--db-url={shop}")
    assert status == 1
    assert re.match(r"✘ it is .* here, and .* at the database: one of the clocks is wrong", told[0])


@pytest.mark.parametrize(
    ("plan", "signoffs", "reason"),
    [
        ("", "", r"has no plan: there is nothing to judge \(postmigration init writes a deployment.toml\)"),
        ("[[item]\n", "", r"deployment\.toml is not TOML: "),
        (
            PLAN + "colour = 'red'\n",
            "",
            r"deployment\.toml: contains unknown field `colour` - at `\$\.item\[1\]`",
        ),
        (PLAN + "phase = 'soon'\n", "", r"deployment\.toml is not TOML"),
        (PLAN + PLAN, "", r"2 points of the plan have the id validated: want one each"),
        (PLAN, "[[signoff]\n", r"--signoffs=signoffs\.toml is not TOML: "),
        ("[window]\nbegins = 2026-12-01T10:00:00Z\nends = 2026-12-01T09:00:00Z\n" + PLAN, "", "not after it begins"),
    ],
)
def test_what_cannot_be_meant_is_not_judged(
    project: Project, capfd: pytest.CaptureFixture[str], plan: str, signoffs: str, reason: str
) -> None:
    root = project([_now()], signoffs, plan)
    (root / "reports" / "deployment.json").write_text('{"ready": true}')
    status, (line,) = run(capfd)
    assert status == 4
    assert re.search(reason, line), line
    assert json.loads((root / "reports" / "deployment.json").read_text())["ready"] is False


def test_a_point_that_names_a_check_that_is_not_there_is_told(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    decided = 'decided_by = ["rows_are_those_of_befor", 7, "rows", "test_of_its_own", "made_as_it_runs[1]"]\n'
    made = check(3, nodeid="tests/test_x.py::test_made_as_it_runs[2]", plan=None)
    records = [_now(record=make(checks=(check(1), made)))]
    root = project(records, plan=PLAN.replace('text = "Staging', f'{decided}text = "Staging'))
    (root / "tests" / "test_nothing.py").write_text("def test_test_of_its_own(target):\n    pass\n")
    status, told = run(capfd)
    assert status == 1
    assert told[:2] == [
        "✘ validated is decided by rows_are_those_of_befor, and no check is called so (did you mean "
        "rows_are_those_of_before?)",
        "✘ validated is decided by check 7 of the plan, which has 0",
    ]
    assert not any("decided by rows," in line or "of_its_own" in line or "made_as" in line for line in told)


def test_records_of_another_commit_count_unless_that_is_asked_for(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    root = project([_now()])
    for command in (
        ["init", "-q"],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "A", "--allow-empty"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    assert run(capfd)[0] == 0
    status, told = run(capfd, "--same-commit")
    assert status == 1
    assert any("was made at commit 000000000000, and this is " in line for line in told)


def test_where_there_is_nothing_to_judge_it_says_so(
    project: Project, capfd: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    project([_now()])
    assert run(capfd, "--phase=staging")[0] == 4
    assert run(capfd, "--signoffs=none.toml") == (4, ["ERROR: --signoffs=none.toml: no such file"])
    assert run(capfd, "--phase=soon")[0] == 4
    assert run(capfd, "--db-url=postgresql://nobody@127.0.0.1:1/x")[0] == 4
    monkeypatch.chdir(tmp_path_factory.mktemp("nothing"))
    status, (line,) = run(capfd)
    assert status == 4
    assert line.endswith("is no project: run it where pyproject.toml has [tool.postmigration]")


def test_the_plan_that_init_writes_is_whole_and_can_be_met(tmp_path: Path) -> None:
    write_project(tmp_path / "gate", [], None)
    file = tmp_path / "gate" / "deployment.toml"
    items = read_deployment(file).item
    refuse_unclear(items, "gate")
    assert {item.phase for item in items} == set(PHASES)
    assert all(item.role and item.id for item in items)
    commands = {proof.command for item in items for proof in item.proven_by}
    assert commands == {"rehearse", "gate", "verify-backup", "watch"}
    schema = json.loads((Path(postmigration.__file__).parent / "deployment" / "deployment.schema.json").read_text())
    jsonschema.validate(msgspec.toml.decode(file.read_text()), schema)
    file.write_text(file.read_text().replace('phase = "after"', 'phase = "later"', 1))
    with pytest.raises(jsonschema.ValidationError, match="'later' is not one of"):
        jsonschema.validate(msgspec.toml.decode(file.read_text()), schema)
    with pytest.raises(CannotJudge, match=r"deployment\.toml: invalid enum value 'later' - at `\$\.item"):
        read_deployment(file)
