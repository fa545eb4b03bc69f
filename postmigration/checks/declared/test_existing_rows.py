"""Rows that were migrated can be worked on, and not only such as checks make for themselves."""

import re

import sqlalchemy as sa

from postmigration import Finding, Target
from postmigration.checks.existing_rows import Touched, guards, touch
from postmigration.diff.expected_rows import list_value_changes
from postmigration.model.changes import MayChange
from postmigration.model.evidence import Severity, Subject
from postmigration.postgres import catalog
from postmigration.postgres.catalog import Table
from postmigration.postgres.refusals import describe_refusal


def test_existing_rows_can_be_changed(target: Target) -> None:
    """Some existing rows of every table are changed, in a transaction that is rolled back, and the database lets it.

    Impact: Nobody can edit what was migrated, though everything that is new works.

    Likely causes: A constraint was added NOT VALID that the migrated rows violate, or a trigger that kept people out
    during the migration is still there and refuses every row of before.

    Fix: Drop the trigger that is named, or correct the rows and validate the constraint.
    """
    rows = 0
    tables = catalog.tables(target.snapshot)
    concerned: dict[str, None] = {}
    with target.writing(milliseconds=2_000) as connection:
        for table in tables.values():
            found = touch(connection, table, _conditions(target, table))
            rows += found.rows
            if found.busy:
                target.note(f"{table.name}: others work there: {found.busy}")
            elif not found.rows:
                target.note(f"{table.name}: it has no row, or none that nobody else has locked")
            if not found.refused:
                continue
            statement = f"existing rows of {table.name} cannot be changed: {found.refused}"
            if _was_refused_before(target, table, found):
                target.note(f"so before the migration too: {statement}")
            else:
                severity: Severity = "warning" if found.silent and not found.sure else "blocker"
                subject = Subject.of_table(target.snapshot.database.schema, table.name)
                target.evidence.findings.append(Finding(statement, 1, found.rows, severity=severity, subject=subject))
                # What a trigger writes may be refused where it goes.
                said = f"{found.refused} {found.context}"
                written = [name for name in tables if re.search(rf"\b{re.escape(name)}\b", said)]
                concerned |= dict.fromkeys([table.name, *written])
    target.repair_by_definitions(*concerned)
    if not any(finding.repair for finding in target.evidence.findings):
        target.repair_by_definitions()
    target.state(examined=rows)
    target.note(f"{rows} rows were changed and changed back")


def _conditions(target: Target, table: Table) -> list[str]:
    """Rows of every kind: any, and such as the migration changed."""
    changed = [
        change.after
        for change in list_value_changes(target.migration, table.name)
        if isinstance(change, MayChange) and change.column in table.columns and change.after not in ("", "true")
    ]
    return ["true", *dict.fromkeys(changed)]


def _was_refused_before(target: Target, table: Table, found: Touched) -> bool:
    """Whether the state before refuses it too, or has the same triggers and rules, where it may not be written to."""
    if target.baseline is None or not catalog.table(target.baseline, table.name).exists:
        return False
    scratch = target.before.scratch
    if scratch is None:
        now, was = guards(target.snapshot, table.name), guards(target.baseline, table.name)
        # Where the server names the function that refused, the others need not be the same.
        concerned = {guard for guard, function in now.items() if function and function in found.context} or set(now)
        return not found.violates and concerned <= set(was)
    before = catalog.table(target.baseline, table.name)
    try:
        with scratch.begin_rollback_only(statement_timeout="2000", lock_timeout="2000") as connection:
            return bool(touch(connection, before, ["true"]).refused)
    except sa.exc.DBAPIError as error:
        target.note(f"whether that was so before cannot be tried: {describe_refusal(error)}")
        return False
