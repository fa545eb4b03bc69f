"""Who runs a repair, what it risks, and how to judge again what it is for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from postmigration.model.sqltext import as_comment, split_beforehand
from postmigration.model.verdict import Result


class Handling(NamedTuple):
    """Who runs a repair, and what it risks."""

    who: str
    risk: str

    @property
    def words(self) -> str:
        """It as a sentence."""
        return f"{self.who}. Risk: {self.risk}" if self.risk else self.who


_DBA = "the DBA"
_AGREED = "the DBA, once the developer agrees"
# What statements risk, by how they begin: the first that fits counts.
_RISKS = tuple(
    (re.compile(start, re.IGNORECASE), Handling(who, risk))
    for start, who, risk in (
        (
            r"REINDEX \w+ CONCURRENTLY|CREATE (UNIQUE )?INDEX CONCURRENTLY",
            _DBA,
            "takes long on a large table, is refused within a transaction, and leaves an invalid index if it fails",
        ),
        (
            r"(DROP INDEX .*; )?CREATE (UNIQUE )?INDEX|REINDEX",
            _DBA,
            "nobody writes to the table until it is done; with CONCURRENTLY they can",
        ),
        (
            r"ALTER TABLE .* (VALIDATE CONSTRAINT|ALTER CONSTRAINT)",
            _DBA,
            "reads the whole table, and fails while a row does not fit",
        ),
        (
            r"ALTER TABLE .* ADD (CONSTRAINT .*|UNIQUE|PRIMARY KEY|FOREIGN KEY|CHECK|EXCLUDE)",
            _DBA,
            "the table is locked while all of it is read; the statement fails while a row does not fit",
        ),
        (
            r"(DROP TRIGGER .*; )?(ALTER TABLE .* ENABLE .*(TRIGGER|RULE)|ALTER EVENT TRIGGER"
            r"|CREATE (OR REPLACE )?(CONSTRAINT |EVENT )?TRIGGER)",
            _DBA,
            "rows that were written without it stay as they are; what is to be restored is restored first, or it fires "
            "for that too",
        ),
        (
            r"ALTER TABLE .* (ENABLE|DISABLE|FORCE) ROW LEVEL SECURITY|(DROP POLICY .*; )?(CREATE|ALTER|DROP) POLICY",
            _AGREED,
            "it decides at once which rows people see and may write",
        ),
        (r"GRANT|ALTER DEFAULT PRIVILEGES .* GRANT", _AGREED, "it takes effect at once"),
        (r"REVOKE|ALTER DEFAULT PRIVILEGES", _AGREED, "whoever relies on it is refused"),
        (
            r"SELECT (pg_catalog\.)?setval|ALTER SEQUENCE",
            _DBA,
            "run it while nobody inserts; values that are passed over are never given out",
        ),
        (r"ANALYZE|VACUUM", _DBA, "the server reads much for a while; nobody waits for it"),
        (
            r"REFRESH MATERIALIZED VIEW|DROP MATERIALIZED VIEW",
            _DBA,
            "nobody reads the view until it is filled",
        ),
        (
            r"(SET \w+ = \w+; )?ALTER (DATABASE|ROLE|SYSTEM)",
            _DBA,
            "holds for new sessions only: let the application connect anew",
        ),
        (
            r"ALTER TABLE .* DROP COLUMN .*, ADD COLUMN",
            _AGREED,
            "the table is locked and rewritten; the values of the column are computed again, what was written to it is "
            "lost, and so are its indexes, privileges and comment",
        ),
        (
            r"ALTER TABLE .* (TYPE|SET (UN)?LOGGED)",
            _DBA,
            "the table is locked while it is rewritten, which needs its size again as free space",
        ),
        (
            r"ALTER TABLE .* SET NOT NULL",
            _DBA,
            "the table is locked while it is read; the statement fails while a row has NULL there",
        ),
        (
            r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE|VIEW|AGGREGATE)|ALTER (FUNCTION|PROCEDURE|ROUTINE|VIEW)",
            _AGREED,
            "what the script meant to change in it is lost",
        ),
        (r"SELECT (pg_catalog\.)?pg_terminate_backend", _DBA, "what the session has not committed is lost"),
        (r"ROLLBACK PREPARED", _AGREED, "what the transaction wrote is lost"),
        (r"SELECT cron\.", _AGREED, "the job runs, or runs no more, from now on"),
        (
            r"ALTER SUBSCRIPTION|SELECT pg_drop_replication_slot|SELECT pg_replication_origin_drop",
            _DBA,
            "what has not arrived by then does not arrive; whoever still reads has to be set up anew",
        ),
        (r"DROP", _AGREED, "whoever uses it fails; nothing brings it back but a backup"),
        (r"ALTER PUBLICATION|CREATE PUBLICATION|ALTER TABLE .* REPLICA IDENTITY", _DBA, "subscribers see it at once"),
        (r"COMMENT ON", _DBA, "none"),
        (r"CREATE (DOMAIN|TYPE|SCHEMA|SEQUENCE|TABLE) ", _DBA, "none: nothing uses it yet"),
        (r"(CREATE|ALTER) ", _DBA, "the object is locked for a moment: set lock_timeout before it"),
    )
)


def handle(repair: str) -> Handling | None:
    """Who runs a repair, and what it risks; nothing where it says so itself, or where nothing is known of it."""
    repair = split_beforehand(repair)[1]
    if not repair or repair.startswith("--"):
        return None
    handling = _match(" ".join(repair.split()))
    if handling is None or not handling.risk.startswith("none"):
        return handling
    # What only adds something is followed by what uses it.
    later = filter(None, map(_match, repair.splitlines()[1:]))
    return next((other for other in later if not other.risk.startswith("none")), handling)


def _match(statement: str) -> Handling | None:
    return next((handling for start, handling in _RISKS if start.match(statement)), None)


def annotate(repair: str) -> str:
    """A repair with who runs it and what it risks before it, as a comment."""
    handling = handle(repair)
    said, rest = split_beforehand(repair)
    return repair if handling is None else f"{said}{as_comment(handling.words)}\n{rest}"


def select_again(checks: Sequence[Result]) -> str:
    """The option by which these checks are judged again and no others."""
    names = dict.fromkeys(_name(result) for result in checks)
    if not names or not all(name.isidentifier() for name in names):
        return ""
    one = " or ".join(names)
    return f"-k '{one}'" if len(names) > 1 else f"-k {one}"


def _name(result: Result) -> str:
    """The name of its function: whole, since pytest selects all whose names hold a word that is named."""
    return result.nodeid.rpartition("::")[2].partition("[")[0]
