"""What the migration needed for itself is gone again."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.declared_objects import NewParts
from postmigration.checks.health import tool_remains
from postmigration.checks.object_checks import expect_sides, holds_privileges
from postmigration.checks.object_states import detect
from postmigration.diff.objects.privileges import read_state

pytestmark = pytest.mark.secondary


def test_nothing_of_the_tool_is_left(target: Target) -> None:
    """No schema, copy of a table, column or trigger that was made for the migration is still there.

    Impact: Copies take room, are backed up and go stale; they show rows without the policies of the original, and
    triggers slow every write down or fail when their tool is gone.

    Likely causes: The migration ended in an error, or its last step (contract, clean up) was never run.

    Fix: Make sure that nobody reads it, then drop what each finding names.
    """
    before, after = expect_sides(target)
    new = NewParts.of(target.migration.changes, after)
    tool_remains.examine(
        before,
        after,
        target.schemas,
        meant={name for name, facts in after.items() if new.explain(name, facts)},
        rights=read_state(after, detect(after, before or {}).api_roles),
        compared=holds_privileges(target),
        # A dump is compared without event triggers.
        triggers=("trigger",) if target.before.scratch is not None else ("trigger", "event trigger"),
    ).pass_to(target)
