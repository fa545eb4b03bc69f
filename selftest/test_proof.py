"""`--prove` shows that each check can fail, on worlds of its own, and trusts none that does not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from postmigration.model import faults
from postmigration.model.errors import CannotJudge
from postmigration.mutation.proof import SOUND, Proof, plantable, prove
from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge
from selftest.faults import FAULTS
from selftest.tiers import few

ON_18 = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
OF_15 = [fault for fault in FAULTS if fault.check == "15"]
CHECK_15 = "tests/test_quality.py::test_no_orphaned_contact_points"


@pytest.mark.full
@ON_18
@pytest.mark.parametrize("workers", few([[], ["-n", "1"]]), ids=["alone", "with_workers"])
def test_it_is_said_beside_each_check_and_in_the_verdict(
    workers: list[str], server: embedded.Server, judge: Judge, tmp_path: Path
) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", "--prove", "-k", "orphaned_contact_points", *workers)
    assert "15 No orphaned project contact points: proven able to fail: 4 faults" in judged.output
    assert ", every check proven able to fail by 4 faults, " in judged.last_line
    assert "proven able to fail: 4 faults" in (tmp_path / "validation.html").read_text()
    (result,) = judged.results
    assert {row[0] for row in result.evidence.overviews[-1].rows} == {
        fault.name for fault in FAULTS if "15" in fault.red
    }


@pytest.mark.full
@ON_18
def test_faults_that_the_run_could_not_see_prove_nothing(server: embedded.Server, judge: Judge) -> None:
    only = ("--prove", "-k", "legacy_contact_queries or settings_keep")
    alone = judge(f"--db-url={server.conninfo('migrated')}", *only)
    compared = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}", *only)
    counts = [
        sum("14" in fault.red and not (fault.against_baseline and without) for fault in FAULTS)
        for without in (True, False)
    ]
    assert f"Legacy contact queries still work: proven able to fail: {counts[0]} fault" in alone.output
    assert f"Legacy contact queries still work: proven able to fail: {counts[1]} fault" in compared.output
    assert "settings keep" not in alone.output
    assert "settings keep what they held: proven able to fail: 2 faults" in compared.output


@pytest.mark.full
@ON_18
def test_nothing_is_planted_in_the_database_under_judgement(
    server: embedded.Server, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = copy("migrated")
    parts = psycopg.conninfo.conninfo_to_dict(server.conninfo(name))
    # All that can name a database names this one.
    monkeypatch.setenv("POSTMIGRATION_DB_URL", server.conninfo(name))
    monkeypatch.setenv("PYTEST_ADDOPTS", f"--db-url='{server.conninfo(name)}'")
    for variable, part in {"PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname"}.items():
        monkeypatch.setenv(variable, str(parts[part]))
    proof = prove(ROOT, OF_15, [CHECK_15], baseline=True)
    assert proof.proven("15")
    with server.connect(name) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        sessions = connection.execute("SELECT sessions FROM pg_stat_database WHERE datname = %s", [name])
        # This one alone.
        assert sessions.fetchone() == (1,)


@pytest.mark.full
def test_a_check_that_misses_a_fault_is_an_error_of_ours(tmp_path: Path) -> None:
    harmless = tmp_path / "15__harmless.sql"
    harmless.write_text("-- Nothing happened.\n-- red: 15\n-- says: x\nSELECT 1;\n")
    elsewhere = tmp_path / "15__otherwise.sql"
    elsewhere.write_text(OF_15[0].path.read_text().replace("-- says: ", "-- says: other words than "))
    proof = prove(ROOT, faults.read_all(tmp_path), [CHECK_15], baseline=True)
    assert proof.missed == {
        "15": {
            "15__harmless": "it passed",
            "15__otherwise": f"it fails, and does not say “other words than {OF_15[0].says}”",
        }
    }
    assert not proof.proven("15")


@pytest.mark.full
def test_a_check_that_always_fails_is_not_proven(tmp_path: Path) -> None:
    project = _project(tmp_path, "target.expect(False, 'x')")
    proof = prove(project, faults.read_all(tmp_path / "faults"), ["tests/test_x.py::test_x"], baseline=True)
    assert proof.missed == {"1": {SOUND: "it failed"}}
    assert list(proof.caught["1"]) == ["1__x"]
    assert not proof.proven("1")


@pytest.mark.full
def test_what_stops_the_planting_is_not_taken_for_a_proof_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    server = "target.value(\"SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)\")"
    project = _project(tmp_path, f"pathlib.Path({str(file)!r}).write_text({server}); os._exit(7)")
    proof = prove(project, faults.read_all(tmp_path / "faults"), ["tests/test_x.py::test_x"], baseline=True)
    assert proof.missed["1"]["1__x"] == "the process that was to plant it ended with status 7"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and Path(f"/proc/{file.read_text()}").exists():
        pass
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(int(file.read_text()), 0)


@pytest.mark.full
@pytest.mark.parametrize(("body", "status"), few([("target.expect(True, 'x')", 3), ("target.expect(False, 'x')", 1)]))
def test_the_gate_does_not_open_for_a_check_that_cannot_be_trusted(tmp_path: Path, body: str, status: int) -> None:
    project = _project(tmp_path, body)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--prove", "--world-size=20"],
        cwd=project, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    assert "0 of 1 check proven able to fail" in done.stdout.splitlines()[-1]


def _project(directory: Path, body: str) -> Path:
    """A project with one check and one fault that a sound check would see."""
    (directory / "tests").mkdir()
    (directory / "faults").mkdir()
    (directory / "pyproject.toml").write_text(
        '[tool.postmigration]\nmigration = "own:MIGRATION"\nchecks = "tests"\n'
        f'[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = [".", "{ROOT}"]\n'
    )
    (directory / "conftest.py").write_text('pytest_plugins = ["postmigration.gate.pytest_plugin"]\n')
    (directory / "own.py").write_text(
        f"import dataclasses, sys, pathlib\nsys.path.insert(0, {str(ROOT)!r})\nimport fixtures\n"
        "here = pathlib.Path(__file__).parent\n"
        "MIGRATION = dataclasses.replace(fixtures.MIGRATION, plan_checks=1, faults=here / 'faults')\n"
    )
    (directory / "tests" / "test_x.py").write_text(
        'import os, pathlib, pytest\n@pytest.mark.plan(1, group="Own", title="A check")\n'
        f'def test_x(target):\n    "It holds."\n    {body}\n'
    )
    (directory / "faults" / "1__x.sql").write_text("-- It broke.\n-- red: 1\n-- says: x\nDELETE FROM reviews;\n")
    return directory


def test_what_is_known_of_checks_is_said() -> None:
    one, two = OF_15[:2]
    proof = Proof({"15": {one.name: one}, "5": {one.name: one}}, {"5": {two.name: "it passed"}})
    assert proof.words("15") == "proven able to fail: 1 fault"
    assert proof.words("5") == f"not proven able to fail: {two.name}: it passed"
    assert proof.words("7") == "not proven able to fail: there is no fault for it"
    assert proof.sentence(["15"]) == "every check proven able to fail by 1 fault"
    assert proof.sentence(["15", "7", "5"]) == "1 of 3 checks proven able to fail by 1 fault (not proven: 5, 7)"


def test_faults_of_large_worlds_are_left_out_and_said_to_be() -> None:
    planted, left_out = plantable(FAULTS, baseline=False)
    assert {fault.name for fault in left_out} == {f.name for f in FAULTS if f.size or f.against_baseline}
    assert not set(planted) & set(left_out)
    assert set(left_out.values()) == {"its faults need a large world", "its faults need the rows of a --baseline"}


@pytest.mark.parametrize(
    "header", ["-- It broke.\n", "-- It broke.\n-- red: 1\n", "-- It broke.\n-- red: 1\n-- says: x\n-- other: y\n"]
)
def test_a_fault_without_a_whole_header_is_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "1__x.sql").write_text(header)
    with pytest.raises(CannotJudge, match=r"1__x\.sql: want a first line that says what happened"):
        faults.read_all(tmp_path)
