"""What a check sees, without a run around it."""

from __future__ import annotations

from typing import Any

import pytest

from postmigration.access.principals import Population
from postmigration.checks.assertions import Target
from postmigration.checks.baseline import Before
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server as identify


def aim(
    after: Snapshot,
    before: Before | None = None,
    migration: Migration | None = None,
    people: Population | None = None,
    **options: Any,
) -> Target:
    """A target for one check, which asks nobody but these people."""
    return Target(
        after,
        writer=after.database,
        server=identify(after),
        before=before or Before(),
        population=lambda: people or pytest.fail("nobody is asked for"),
        migration=migration or Migration("unit"),
        options=Options(**options),
        schemas=("public",),
    )


def make_fingerprint(**parts: Any) -> Fingerprint:
    """A fingerprint of a state before that holds only these parts."""
    known: dict[str, Any] = {
        "taken_at": "2026-11-01 00:00:00+00",
        "database": "unit_before",
        "version": "18.0",
        "identity": "1",
        "schema": "public",
        "method": "portable",
        "calibration": "",
        "rules": "",
        "tables": {},
    }
    return Fingerprint(**{**known, **parts})
