"""Options as a user gives them, or environment variables that hold them, become what is judged and how."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.gate import options
from postmigration.gate.running.durations import read_timestamp
from postmigration.model.errors import CannotJudge


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_URL", "BASELINE", "SCRATCH", "AUTHENTICATOR_URL", "RECORD_DIR", "RECORD_KEY"):
        monkeypatch.delenv(f"POSTMIGRATION_{name}", raising=False)


def _read(*called: str, declare: Callable[..., None] = options.declare) -> Namespace:
    parser = argparse.ArgumentParser()
    declare(parser.add_argument)
    return parser.parse_args(called)


def test_a_request_is_what_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "b.dump").write_text("")
    asked = options.request(
        _read("--db-url=host=h", "--baseline=a", "--baseline=b", f"--backup={tmp_path}/b.dump", "--schema=app")
    )
    assert (asked.db_url, asked.baseline, asked.backup) == ("host=h", ("a", "b"), (tmp_path / "b.dump",))
    assert (asked.schema, asked.schemas) == ("app", ("app",))
    assert (asked.limits.statement_timeout, asked.limits.lock_timeout) == (300_000, 2_000)
    assert "host=h" not in repr(asked)


def test_variables_hold_what_no_option_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTMIGRATION_DB_URL", "host=v")
    monkeypatch.setenv("POSTMIGRATION_BASELINE", "old")
    assert options.choose_target(_read()) == "host=v"
    assert options.choose_baseline(_read()) == ["old"]
    # The empty text is a choice, and a wrong one.
    assert options.choose_target(_read("--db-url=")) == ""
    assert options.choose_baseline(_read("--baseline=")) == [""]


@pytest.mark.parametrize(
    ("called", "reason"),
    [
        (["--world-size=0"], "^--world-size=0: want 1 or more$"),
        (["--backup=gone.dump"], r"^--backup=gone\.dump: no such file"),
        (["--statement-timeout=0"], "^--statement-timeout and --lock-timeout: want seconds, 1 to "),
        (["--scratch=nowhere"], "^--scratch"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(called: list[str], reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason):
        options.request(_read(*called))


def test_how_it_is_judged() -> None:
    chosen = options.judging(_read("--budget=2=100.5", "--evidence-rows=3", "--as=7"), 2, Path("/project"))
    assert (chosen.budgets, chosen.evidence_rows, chosen.people) == ({2: 100.5}, 3, ("7",))
    assert (chosen.cutover, list(chosen.migrations), chosen.migrations_named) == ("infinity", [Path("/project")], False)


@pytest.mark.parametrize(
    ("called", "reason"),
    [
        (["--budget=3=100"], "^--budget=3=100: want the number of a plan check and milliseconds, like 17=100$"),
        (["--budget=1=nan"], "^--budget=1=nan: want the number"),
        (["--evidence-rows=0"], "^--evidence-rows=0: want 1 or more$"),
        (["--plan-budget=0.5"], r"^--plan-budget=0\.5: want how many times"),
        (["--migration-files=gone"], "^--migration-files=gone: no such directory"),
        (["--cutover=noon"], "^--cutover=noon is no timestamp: want one like "),
    ],
)
def test_a_way_to_judge_that_cannot_be_meant_is_refused(called: list[str], reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason):
        options.judging(_read(*called), 2)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (None, "infinity"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T22:00:00+02:00", "2026-11-01T22:00:00+02:00"),
    ],
)
def test_a_moment_without_a_zone_is_in_utc(text: str | None, read: str) -> None:
    assert read_timestamp(text) == read


def test_a_record_lies_beside_the_report_unless_a_user_names_a_place(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "validation.html"
    recording = options.begin_record(_read(), "gate", tmp_path, page)
    assert (recording.directory, recording.page) == (tmp_path / "reports" / "records", page)
    named = options.begin_record(_read(f"--record-dir={tmp_path}/r", "--environment=staging"), "gate", tmp_path, page)
    assert (named.directory, named.environment) == (tmp_path / "r", "staging")
    assert not options.begin_record(_read("--no-record"), "gate", tmp_path, page).wanted
    with pytest.raises(CannotJudge, match=r"^--record-dir and --no-record contradict each other"):
        options.begin_record(_read("--no-record", "--record-dir=x"), "gate", tmp_path, page)
    with pytest.raises(CannotJudge, match=r"^--record-dir= is empty"):
        options.begin_record(_read("--record-dir="), "gate", tmp_path, page)


@pytest.mark.parametrize(
    ("declare", "called", "field", "value"),
    [
        (options.declare_database, ["--schema=app"], "schema", "app"),
        (options.declare_limits, [], "lock_timeout", 2),
        (options.declare_baseline, ["--baseline=x"], "baseline", ["x"]),
        (options.declare_evidence, ["--show-values"], "show_values", True),
        (options.declare_embedded, [], "embedded_version", 18),
        (options.declare_scratch, ["--scratch=18"], "scratch", "18"),
        (options.declare_record, ["--no-record"], "no_record", True),
        (options.declare_world, ["--world-seed=5"], "world_seed", 5),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_commands_declare_the_options_that_they_have(
    declare: Callable[..., None], called: list[str], field: str, value: object
) -> None:
    assert getattr(_read(*called, declare=declare), field) == value
