"""What is judged, against what, by whom, and what weakens the gate."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from postmigration.backups.restore import Restored
from postmigration.backups.verification import Verification
from postmigration.deployment.recording import Recording
from postmigration.gate import run_facts
from postmigration.gate.baseline_source import Baseline
from postmigration.gate.session import Run, open_session
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import Finding
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.model.verdict import Verdict
from selftest.unit.gate.opening import open_run
from selftest.unit.results import make_result, make_validation


@pytest.fixture(scope="module")
def run(shop: str, shop_before: str) -> Iterator[Run]:
    with open_run(f"--db-url={shop}", f"--baseline={shop_before}", "--cutover=2026-11-01") as opened:
        yield opened


def _make_config(**fields: Any) -> pytest.Config:
    usual = {"strict": False, "budget": [], "max_load": None, "htmlpath": "/elsewhere/validation.html"}
    option = argparse.Namespace(**{**usual, **fields})
    return cast(pytest.Config, SimpleNamespace(option=option))


def test_the_header_says_what_is_judged(run: Run) -> None:
    facts = run_facts.subject(_make_config(strict=True, keyword="rows"), run)
    assert facts["judging"].startswith(f"{run.server.label}, PostgreSQL {run.server.version}, primary, as role ")
    assert facts["judging"].endswith(", schema public")
    assert run.baseline_server is not None
    assert facts["baseline"] == f"{run.baseline_server.label}, PostgreSQL {run.baseline_server.version}"
    assert facts["snapshot"] == run.target.taken_at
    assert facts["cut-over"] == "2026-11-01T00:00:00+00:00"
    assert facts["strict"] == "warnings and what is not judged are NO-GO (--strict)"
    assert facts["weakened by"].startswith("-k rows; judged as the superuser ")


def test_without_a_state_before_that_is_said(shop: str) -> None:
    with open_run(f"--db-url={shop}") as alone:
        assert run_facts.subject(_make_config(), alone)["baseline"].startswith("none: what was there before is not")
        assert run_facts.find_baseline_form(alone) == ""


def test_each_option_that_weakens_is_spelled_as_a_user_gives_it() -> None:
    config = _make_config(waivers="w.toml", allow_partial=True, markexpr="plan", people=["7"], budget=["1=100"])
    told = run_facts.list_weakening(config, None)
    assert told == [
        "--waivers",
        "--allow-partial",
        "-m plan",
        "--as",
        "--budget 1=100",
    ]
    assert run_facts.list_weakening(_make_config(), None) == []


def test_the_verdict_names_the_database_and_the_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    said = run_facts.summary(_make_config(), run)
    assert said == f"{run.server.label} (PostgreSQL {run.server.version}), elsewhere/validation.html"
    assert run_facts.place(run) == f"{run.server.label}, schema public"


@pytest.mark.parametrize(
    ("origin", "form"),
    [
        (Baseline("host=h"), ""),
        (Baseline("host=h", restored=True), "dump"),
        (Baseline("host=h", restored=True, physical=True), "base backup"),
    ],
    ids=["database", "dump", "base backup"],
)
def test_the_state_before_has_a_form(run: Run, origin: Baseline, form: str) -> None:
    assert run_facts.find_baseline_form(replace(run, origin=origin)) == form


def test_a_backup_that_was_changed_since_the_run_began_is_not_judged(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "before.dump"
    file.write_text("rows")
    found = Verification(Restored((), (), (), (), ()), 18, 0, (), (), (), (), (), ())
    monkeypatch.setattr("postmigration.backups.open_scratch.verify_where_it_fits", lambda *_, **__: found)
    with open_run(f"--db-url={shop}", f"--backup={file}") as run:
        run_facts.share_files(run)
        assert run_facts.read_backup(run) is found
        file.write_text("other rows")
        # The process that restores it may be another one.
        joined = open_session(run.request, Options(), Migration(""), run.share())
        with joined.cleanup, pytest.raises(CannotJudge, match=r"^before\.dump was changed while it was read: "):
            run_facts.read_backup(joined)


def test_a_record_says_that_the_clock_of_the_database_was_another(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_facts, "find_drift", lambda here, there: [f"{here - there}"] if here < there else ["ahead"])
    recording = Recording("gate", "", tmp_path, tmp_path)
    apart = replace(run, shared=dict(run.shared))
    run_facts.identify_run(recording, apart)
    assert recording.facts.pop("clock of the database").startswith("20")
    assert recording.facts == {"clock": "ahead"}
    said = run_facts.subject(_make_config(), apart)["clock"]
    assert said == "ahead; set it first: a deployment plan refuses the record of this run"
    recording.facts["clock"] = "ahead"
    verdict = Verdict("GO", "1 of 1 passed, shop", 0, "shop")
    run_facts.record(recording, replace(make_validation([], verdict=verdict), facts={"clock": said}))
    assert recording.facts["clock"] == "ahead"


def test_a_record_is_bound_to_its_databases_and_takes_what_the_run_came_to(run: Run, tmp_path: Path) -> None:
    recording = Recording("gate", "", tmp_path, tmp_path)
    run_facts.identify_run(recording, run)
    assert recording.database is not None
    assert recording.baseline is not None
    assert (recording.database.label, recording.backup) == (run.server.label, ())
    assert recording.database.oid != recording.baseline.oid
    found = Finding("2 rows are missing", 2, 2, code="missing")
    verdict = Verdict("NO-GO", "1 of 1 failed, shop", 1, "shop")
    validation = make_validation(
        [make_result("failed", 1, found)], verdict=verdict, weakened=["-k rows"], has_baseline=True
    )
    run_facts.record(recording, validation)
    assert (recording.word, recording.sentence, recording.weakened) == ("NO-GO", "1 of 1 failed", ["-k rows"])
    apart = Recording("gate", "", tmp_path, tmp_path)
    narrow = replace(run, left_out=["sales", "auth"], request=replace(run.request, schemas=("public",)))
    run_facts.identify_run(apart, narrow)
    run_facts.record(apart, replace(validation, has_baseline=False))
    assert apart.weakened == ["--schema: nothing of auth, sales", "-k rows", "no state before (--baseline)"]
    (check,) = recording.checks
    assert (check.plan, check.title, check.outcome, check.codes) == (1, "Check 1", "failed", ("missing",))
    assert recording.facts == {**validation.facts, "examined": "10 rows"}
