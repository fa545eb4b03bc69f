"""Stages on which single steps of a rehearsal are proven, without the whole suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fixtures import MIGRATION
from postmigration.postgres import embedded
from postmigration.rehearsal.stage import Plan, Stage
from postmigration.rehearsal.steps import Step
from selftest.conftest import ROOT


def stage(
    server: embedded.Server,
    scratch: Path,
    scripts: Sequence[Path] = MIGRATION.scripts,
    rollback: Sequence[Path] = MIGRATION.rollback,
    selective: Sequence[Path] = MIGRATION.selective_rollback,
    *,
    timeout: float = 60,
    slow: float = 1.0,
) -> Stage:
    """A stage on a server with the database `before`."""
    with server.connect("postgres") as connection:
        for name in ("migrated", "again", "back", "used", "selective", "restored", "over"):
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    plan = Plan(
        MIGRATION, ROOT, scripts, rollback, selective, "public", scratch / "validation.html", timeout, slow=slow
    )
    return Stage(plan, server, lambda step: None)


def script(directory: Path, text: str, name: str = "1.sql") -> Path:
    """A script of some words."""
    (directory / name).write_text(text)
    return directory / name


def words(step: Step) -> str:
    """All that a step says."""
    return "\n".join(line for check in step.checks for line in (f"{check.outcome}: {check.statement}", *check.details))
