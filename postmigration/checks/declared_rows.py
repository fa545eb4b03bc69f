"""The rows of a project's tables beside what they were and what its migration intends."""

from __future__ import annotations

from collections.abc import Collection

from postmigration.checks.assertions import Target
from postmigration.diff.expected_rows import expectation
from postmigration.diff.scope import Relation, ledger, relations
from postmigration.model.evidence import Finding


def compare_declared_table(target: Target, name: str) -> None:
    """States that a table holds what it held, but for the intended changes.

    Args:
        name: one of `Migration.legacy_tables`.

    Raises:
        NeedsBaseline: there is no state before.
    """
    before = target.before.tables().get(name)
    if before is None:
        target.expect(False, f"the state before holds no table {name}: its rows cannot be compared")
    else:
        target.expect_as_before(before)


def compare_other_tables(target: Target) -> None:
    """States that the tables of before which the migration does not know hold what they held, and tells the scope.

    Raises:
        NeedsBaseline: there is no state before.
    """
    tables = target.before.tables()
    there = {} if target.baseline is None else relations(target.baseline)
    others = [
        table
        for name, table in tables.items()
        if name not in target.migration.legacy_tables and not (name in there and there[name].excluded)
    ]
    target.note(f"{len(others)} other tables: {', '.join(table.name for table in others) or 'none'}")
    for table in others:
        target.expect_as_before(table)
    expected = {
        name: expectation(target.migration, table, target.snapshot.database.schema) for name, table in tables.items()
    }
    if target.before.fingerprint is not None:
        _warn_of_unknown(target, {*tables, *target.migration.tables})
    known = {name: Relation(name, 0, "") for name in tables}
    lines = ledger(known if target.baseline is None else there, expected)
    target.evidence.show("what is compared, and how", ("relation", "compared", "how, or why not"), lines, "coverage")


def _warn_of_unknown(target: Target, known: Collection[str]) -> None:
    """Tells the tables that a fingerprint does not hold: new, or cut from it."""
    there = relations(target.snapshot)
    for name, relation in there.items():
        if not relation.excluded and name not in known:
            words = f"the fingerprint holds no table {name}, and the migration brings none: its rows are not compared"
            target.evidence.findings.append(Finding(words, 1, len(there), severity="warning"))
