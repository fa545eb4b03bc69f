"""What a project declares to have changed did change."""

from __future__ import annotations

from postmigration import Finding, Target
from postmigration.checks.declared_objects import find_undone, list_obligations
from postmigration.checks.object_checks import list_unused, read_sides
from postmigration.model.changes import ChangedObject, Retyped, describe_change
from postmigration.model.evidence import show_value


def test_declared_changes_happened(target: Target) -> None:
    """Every table and column that is declared to be dropped, added, renamed, retyped or re-pointed is.

    Impact: The application that goes live was written for another schema; what everybody takes for gone is still
    there, with its rows and privileges.

    Likely causes: A script of the migration did not run, ended half-way or was rolled back; or the declaration is of
    another release.

    Fix: Run the script that makes the change that is named, or take the declaration out where it was not meant.
    """
    changes = list_obligations(target.migration.changes)
    if not target.migration.changes:
        target.not_applicable("the project declares no changes")
    before, after = read_sides(target)
    if before is None:
        unknown = [change for change in changes if isinstance(change, Retyped)]
        changes = [change for change in changes if not isinstance(change, Retyped)]
        for one in unknown:
            target.note(f"{describe_change(one)} was not judged: nothing tells which type it had")
    undone = [*find_undone(before, after, changes)]
    for change, words in undone:
        statement = f"{describe_change(change)}: {words}"
        target.evidence.findings.append(Finding(show_value(statement, plain=True), 1, 1))
    target.state(facts=len(changes))
    late = [describe_change(change) for change, _ in undone]
    named = [(describe_change(change), change.reason) for change in changes]
    rows = [(name, "no" if name in late else "yes", reason) for name, reason in named]
    if rows:
        target.evidence.show("what is declared", ("change", "happened", "reason"), rows)
    if before is not None:
        # A dump and a fingerprint hold less than a database: what they lack may be what a declaration is of. The
        # patterns in `objects` may name what only another database of the project has.
        compares_all = target.baseline is not None and target.before.scratch is None
        declared = {change.object for change in target.migration.changes if isinstance(change, ChangedObject)}
        for pattern in list_unused(target):
            words = f"nothing used changed_object {show_value(pattern, plain=True)}: take it out"
            if compares_all and pattern in declared:
                target.evidence.findings.append(Finding(words, 1, 1, severity="warning"))
            else:
                target.note(words)
