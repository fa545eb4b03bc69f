"""What the scripts of a migration make is there."""

from postmigration import Target
from postmigration.checks.declared_objects import is_declared
from postmigration.checks.scripts.findings import list_findings
from postmigration.checks.scripts.outcome import find_missing, read_outcome
from postmigration.model.changes import ChangedObject
from postmigration.postgres.schema_objects import objects


def test_what_scripts_make_is_there(target: Target) -> None:
    """Every table, column, index, constraint, trigger, policy and function that a script makes and leaves is there.

    Impact: The application that goes live was written for objects that are not there: it fails, or what they guard is
    not guarded, and what they find quickly takes long.

    Likely causes: A script did not run on this database, or ended half-way; or somebody dropped the object afterwards.

    Fix: Run the script that is named again if it can run twice, or the statement of it that makes the object. Where the
    object was dropped on purpose, drop it in a script too.
    """
    expected = read_outcome(tuple(target.migration.scripts))
    if expected is None:
        target.not_applicable("the scripts do not tell what they leave: one runs in parts, or computes what it drops")
    # What a project says of its objects at large is said of those that were there before.
    dropped = [each for each in target.migration.changes if isinstance(each, ChangedObject) and each.gone]
    gone = [each.object.partition("(")[0] for each in dropped]
    expected = [one for one in expected if not is_declared(one.label, gone)]
    if not expected:
        target.not_applicable("no script of the project makes an object")
    target.report([*list_findings(find_missing(expected, objects(target.snapshot)), expected)], facts=len(expected))
