"""How rows that lie in the wrong partition get into the right one."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.model.sqltext import as_comment, quoted


def move_rows(title: str, partition: str, top: str, columns: Sequence[str], misplaced: str) -> str:
    """Writes what moves rows out of a partition, each to the one whose bounds take it.

    Args:
        title: what the partition is called.
        partition: its own rows, in SQL.
        top: the partitioned table at the head of all, in SQL: a row may belong under another branch of it.
        columns: those that can be written.
        misplaced: the condition of the rows that do not belong there.
    """
    # A comment ends with its line, and so would what a strange name carries into the next one.
    if not columns or not all(text.isprintable() for text in (title, partition, top, *columns)):
        return ""
    names = ", ".join(map(quoted, columns))
    taken = ", ".join(f"t.{quoted(name)}" for name in columns)
    head = as_comment(
        f"the DBA, as a superuser, moves the rows of {title} that its bounds exclude to the partitions that take them. "
        "Risk: both partitions are written while others work, and triggers set to ALWAYS or REPLICA fire; where no "
        "partition takes a row, or its key is there already, it fails and nothing is moved"
    )
    lines = [
        head,
        "BEGIN;",
        "-- No trigger fires and no foreign key checks or cascades, since each row stays what it is: judge again.",
        "SET LOCAL session_replication_role = replica;",
        f"WITH moved AS (DELETE FROM {partition} t WHERE {misplaced} RETURNING {taken})",
        f"  INSERT INTO {top} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM moved;",
        "COMMIT;",
    ]
    return "\n".join(lines)
