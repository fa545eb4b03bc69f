"""What is set for the database and its roles is what was set."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.object_checks import report_objects


def test_settings_are_as_before(target: Target) -> None:
    """What ALTER DATABASE and ALTER ROLE have set is what was set.

    Impact: The same statements find other tables, or row-level security, triggers and foreign keys do not count.

    Likely causes: Settings of the database are only in a dump that was made with --create, those of roles in none.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "settings")
