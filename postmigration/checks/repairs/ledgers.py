"""How the ledger of a tool that migrates becomes again the one of the state before."""

from __future__ import annotations

import re

from postmigration.model.sqltext import BASELINE, DECISION, TARGET, as_comment, literal, quoted

_HELD = "postmigration_entries"
Name = tuple[str, str]


def restore_ledger(before: Name, after: Name) -> str:
    """Writes what gives a ledger the entries of before, once somebody knows that the schema is the one of before too.

    Args:
        before, after: the schema and the name of its table on each side.
    """
    if not all(text.isprintable() for text in (*before, *after)):
        return ""
    was, now = (f"{quoted(schema)}.{quoted(table)}" for schema, table in (before, after))
    file = literal(re.sub(r"\W+", "_", after[1]) + ".rows")
    return "\n".join(
        [
            as_comment(
                "the DBA runs it after the developer has agreed: the ledger gets the entries of the baseline, "
                "where the schema holds what these did and no more. Otherwise finish or undo what is half done "
                "with the tool first. Risk: the tool applies again what is there, or never what is not"
            ),
            BASELINE,
            f"\\copy (SELECT * FROM {was}) TO {file}",
            TARGET,
            "BEGIN;",
            f"CREATE TEMPORARY TABLE {_HELD} ON COMMIT DROP AS SELECT * FROM {now} WITH NO DATA;",
            f"\\copy {_HELD} FROM {file}",
            f"{DECISION}DELETE FROM {now};",
            f"{DECISION}INSERT INTO {now} OVERRIDING SYSTEM VALUE SELECT * FROM {_HELD};",
            "COMMIT;",
        ]
    )
