"""How the state of a server is read: what a role may not see is said, and is no difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from postmigration.checks.assertions import Target
from postmigration.checks.contents.examination import Examination
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal


def read_rows(snapshot: Snapshot, sql: str, what: str, found: Examination, **parameters: Any) -> Sequence[sa.Row[Any]]:
    """Rows of the server's own views; none where the role may not see them, which is told.

    Args:
        what: what they tell of, for people.
    """
    try:
        return snapshot.rows(sql, **parameters)
    except sa.exc.DBAPIError as error:
        words = f"{what}: {describe_refusal(error)}"
        if words not in found.unjudged:
            found.unjudged.append(words)
        return ()


def version_of(snapshot: Snapshot) -> int:
    """The major version of a server."""
    return int(snapshot.info.server_version) // 10_000


def live_baseline(target: Target) -> Snapshot | None:
    """The state before, where a server of its own serves it; one of ours tells nothing."""
    return None if target.before.scratch is not None or target.before.started else target.baseline
