"""Whether a fingerprint can be compared with a database."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.diff.fingerprint import Fingerprint, rules
from postmigration.diff.row_diff import calibration
from postmigration.model.migration import Migration
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot


@dataclass(frozen=True)
class Unfit:
    """Why a fingerprint cannot be compared with a database.

    Args:
        reason: that in words, where it is not that the database lacks something.
        table: a table that the database lacks, or of which it lacks a column.
        column: that column.
        rows: how many rows of the table the fingerprint holds.
    """

    reason: str = ""
    table: str = ""
    column: str = ""
    rows: int = 0

    def describe(self, database: str, fingerprint: str) -> str:
        """Says why in words.

        Args:
            database, fingerprint: what they are called.
        """
        if self.column:
            table = f"the table {self.table} of {database}"
            return f"{table} has no column {self.column}, of which {fingerprint} holds the hashes"
        if self.table:
            return f"{database} has no table {self.table}, of which {fingerprint} holds {self.rows:,} rows"
        return self.reason

    def __str__(self) -> str:
        return self.describe("the database", "it")


def hashes_otherwise(fingerprint: Fingerprint, snapshot: Snapshot) -> Unfit | None:
    """Why the hashes of a fingerprint cannot be repeated by the server of a database; None where they can."""
    if fingerprint.method == "portable" or fingerprint.calibration == calibration(snapshot):
        return None
    return Unfit("the server that it was taken on hashes otherwise than this one: take it with --portable")


def unfit(fingerprint: Fingerprint, snapshot: Snapshot, migration: Migration | None) -> Unfit | None:
    """Why a fingerprint cannot be compared with a database; None where it can."""
    if foreign := hashes_otherwise(fingerprint, snapshot):
        return foreign
    if migration is not None and fingerprint.rules != rules(migration):
        return Unfit(
            "it was taken under other intended changes than those of this directory (or none): compare with it by "
            "postmigration compare, or take it where the gate stands"
        )
    for name, table in fingerprint.tables.items():
        now = catalog.table(snapshot, name)
        if not now.exists:
            return Unfit(table=name, rows=table.rows)
        lacking = [column for column in table.columns if column not in now.columns]
        if lacking:
            return Unfit(table=name, column=lacking[0])
    return None
