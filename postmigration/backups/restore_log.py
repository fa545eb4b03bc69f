"""The account of a backup that is being restored: what arrived, what was set aside, what failed and why."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from postmigration.backups.statements import Meaning, readable
from postmigration.model.errors import CannotJudge
from postmigration.postgres.embedded import explain, is_exhausted
from postmigration.postgres.refusals import SYNTAX_ERROR, describe_error

ELSEWHERE = (
    "name a server where this works with --scratch, or restore the backup into one and name that database instead of "
    "the file"
)

# Of these the names are told, of others only how many they are.
_NAMED = ("extension", "event trigger", "publication", "subscription", "server", "setting")


@dataclass
class Loaded:
    """The rows that arrived in one table."""

    schema: str
    rows: int = 0


@dataclass
class RestoreLog:
    """What became of everything in the backup.

    Args:
        tables: how many tables the backup has defined.
        schemas: the schemas that it creates, or in which it creates something.
        loaded: the rows that arrived, by the oid of their table.
        unrestored: objects of the application that could not be restored, with the reason.
        roles: whether it defines roles.
        orphaned: foreign keys whose rows refer to rows that are not in the backup.
        notes: sentences about what was restored otherwise than the backup says.
        remedy: what to do where something cannot be restored.
    """

    tables: int = 0
    schemas: set[str] = field(default_factory=set)
    loaded: dict[int, Loaded] = field(default_factory=dict)
    unrestored: dict[Meaning, str] = field(default_factory=dict)
    roles: bool = False
    orphaned: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remedy: str = ELSEWHERE
    _rows_aside: dict[str, int] = field(default_factory=dict)
    _left_out: dict[tuple[str, bool], list[str]] = field(default_factory=dict)

    def set_aside(self, table: str, rows: int) -> None:
        """Counts rows of a table of the platform that the backup does not define."""
        name = readable(table)
        self._rows_aside[name] = self._rows_aside.get(name, 0) + rows

    def leave_out(self, kind: str, name: str, *, platform: bool = False) -> None:
        """Counts something that is not rows and was not restored."""
        self._left_out.setdefault((kind, platform), []).append(readable(name) if name else "")

    def list_notes(self) -> tuple[str, ...]:
        """What was set aside and left out, in sentences."""
        rows = [
            f"{number:,} rows of {name}, a table that the backup does not define"
            for name, number in sorted(self._rows_aside.items())
        ]
        left_out = []
        for (kind, platform), names in sorted(self._left_out.items()):
            told = sorted({name for name in names if name})
            named = bool(told) and (kind in _NAMED or platform)
            many = (len(told) if named else len(names)) > 1
            what = f"{kind}{'s' if many else ''}{' of the platform' if platform else ''}"
            left_out.append(f"{what} {', '.join(told)}" if named else f"{len(names):,} {what}")
        return (*rows, *([f"left out: {'; '.join(left_out)}"] if left_out else []))


def said(error: psycopg.Error, *, defines: bool = False) -> str:
    """What the server said, on one line and without a value: its detail, its context and some messages quote rows.

    Args:
        defines: the statement defines an object, so that what it names itself is no value.

    Raises:
        CannotJudge: it said that it lacks room, or is gone: nothing about the backup.
    """
    if is_exhausted(error):
        raise CannotJudge(explain(error.diag.message_primary or "it ended the session")) from None
    state = error.sqlstate or ""
    message = "the statement failed" if state == SYNTAX_ERROR else describe_error(error, defines=defines)
    return f"{message} (SQLSTATE {state})"
