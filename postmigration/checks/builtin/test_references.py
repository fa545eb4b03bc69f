"""What the database says of its rows is true."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.contents import violations
from postmigration.checks.object_checks import find_renames


def test_constraints_hold_for_every_row(target: Target) -> None:
    """Every row keeps the foreign keys, checks, NOT NULLs, partition bounds and unique keys that stand over it.

    Impact: The planner and the application rely on them: joins lose such rows, an update of one is refused, a doubled
    key gives now one row and now the other, and what lies in the wrong partition is not found.

    Likely causes: Rows were loaded with triggers switched off (session_replication_role, a restore of data only), a
    unique index was damaged, or a function that a constraint or a hash rests on is another one now.

    Fix: Add the rows that are missing, or correct those that violate the rule; then drop and add the constraint, or
    rebuild the index, so that the database checks it itself.
    """
    options = target.options
    violations.examine(
        target.snapshot,
        target.baseline,
        target.schemas,
        deep=options.deep,
        keep=options.listed_rows,
        show_values=options.show_values,
        renames=find_renames(target),
        # A project that adds one must have corrected the rows: none that violates it can be changed any more.
        unvalidated="blocker" if target.migration.tables else "warning",
    ).pass_to(target)
