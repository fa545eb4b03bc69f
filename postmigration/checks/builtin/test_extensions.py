"""Every extension is there, where it was, and not older."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.object_checks import report_objects


def test_extensions_are_as_before(target: Target) -> None:
    """Every extension is there, in the schema where it was, and not older.

    Impact: Functions, types and operators of it are not found.

    Likely causes: It was not available on the new server, or created in another schema.

    Fix: Create or move it, then what could not be created without it.
    """
    report_objects(target, "extensions")
