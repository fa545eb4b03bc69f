"""Every row of every table is as it was."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.contents import platform_rows
from postmigration.checks.declared_rows import compare_declared_table, compare_other_tables
from postmigration.checks.outer_tables import compare_outer_tables
from postmigration.checks.rows import fingerprint_rows
from postmigration.checks.rows.row_examination import RowExamination


def test_rows_are_those_of_before(target: Target, declared_table: str) -> None:
    """Every table holds the rows that it held before, with the same values, and no others, but for what was intended.

    Impact: What is missing is lost for the business; what was not there before is counted, paid or delivered, perhaps
    twice; a value that changed in the copy is believed by everybody who reads it.

    Likely causes: A copy that ended early or was filtered by row-level security, a restore on top of rows, another
    encoding or time zone, a type that cannot hold the value, an empty string that became NULL, or writes that went on
    during the copy.

    Fix: Find out from the columns that differ what the copy did, and copy these tables again from the state before; a
    type that cannot hold the values is changed first. Name the cut-over if people have worked since, and declare or
    waive what is right.
    """
    if declared_table:
        compare_declared_table(target, declared_table)
        return
    if target.migration.legacy_tables:
        compare_other_tables(target)
        return
    options = target.options
    keep, show_values = options.listed_rows, options.show_values
    fingerprint = target.before.fingerprint
    if fingerprint is not None:
        found = fingerprint_rows.examine(
            target.snapshot,
            fingerprint,
            target.schemas,
            keep=keep,
            show_values=show_values,
            changes=target.migration.changes,
        )
    else:
        before = target.before.rows()
        found = RowExamination(
            before,
            target.snapshot,
            target.schemas,
            keep=keep,
            show_values=show_values,
            logged=target.before.started,
            migration=target.migration,
            recheck=options.recheck,
        ).compare()
    found.schemas = len(target.schemas)
    found.pass_to(target)


def test_rows_of_the_platform_are_there(target: Target) -> None:
    """Every user, identity, bucket and stored file that the platform keeps for the application is there.

    Impact: People cannot sign in, or find none of their files.

    Likely causes: The schemas of the platform were left out of the copy, as they must be for its own tables; or a
    script deleted or wrote users of the platform, or locked them out for the time of the migration.

    Fix: Copy the rows of these tables too, with their keys, as the platform's guide to a move says; restore the rows
    that are named from the state before.
    """
    if target.migration.outer_tables:
        compare_outer_tables(target)
        return
    platform_rows.examine(target.before.rows(), target.snapshot, target.schemas).pass_to(target)
