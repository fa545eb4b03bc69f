"""The backup on which the plan's safety rests; judged when one is named with --backup."""

from postmigration import Target
from postmigration.backups.verification import Verification
from postmigration.model.errors import NotJudged


def test_the_backup_holds_the_state_before(target: Target, backup: Verification) -> None:
    """The backup can be read to its end, restored, and holds every row of the state before.

    Impact: When the migration has to be taken back, what it does not hold is gone.

    Likely causes: It was taken of the schema only, by a role that row-level security filters, or cut short on its way
    to the disk.

    Fix: Take another one with pg_dump, by a role that sees everything, before anybody goes live; and name it here
    again.
    """
    target.expect_no_problems(backup.problems, facts=max(1, len(backup.comparisons) or len(backup.tables)))
    target.note(
        f"restored into PostgreSQL {backup.version} in {backup.seconds:.1f} s: {len(backup.tables)} tables, "
        f"{backup.rows:,} rows"
    )
    if not backup.comparisons:
        target.note("compared with nothing: name the state before with --baseline")
    for words in (*backup.restored.facts, *(f"not in it: {words}" for words in backup.lacking), *backup.notes):
        target.note(words)
    if backup.unjudged and not backup.problems:
        names = ", ".join(result.table for result in backup.unjudged)
        raise NotJudged(f"it could not be compared with the state before: {names}: {backup.unjudged[0].reason}")
