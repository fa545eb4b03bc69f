"""The state before the migration, as a check sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.errors import NeedsBaseline, NotJudged
from postmigration.postgres import catalog
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.refusals import refusal

# undefined_table, undefined_column, undefined_function: the schema is not, or only partly, migrated.
LACKING = ("42P01", "42703", "42883")


@dataclass(frozen=True)
class Before:
    """The state before: a database with its rows, a fingerprint that stands for them, or neither.

    Args:
        snapshot: the database.
        fingerprint: the fingerprint.
        unrestored: objects that the database lacks, since its backup could not be restored whole: what each is, and
            that with its name.
        scratch: the same database for trying statements that are rolled back, where it is a copy of our own.
        started: it holds all that its server held, and is served by one of ours, with settings of ours.
    """

    snapshot: Snapshot | None = None
    fingerprint: Fingerprint | None = None
    unrestored: Sequence[tuple[str, str]] = ()
    scratch: Database | None = None
    started: bool = False

    @property
    def copied_from(self) -> str:
        """What the database is a copy of, where it is one of our own."""
        return "a base backup" if self.started else "a dump"

    def rows(self) -> Snapshot:
        """The database.

        Raises:
            NeedsBaseline: there is none.
        """
        if self.fingerprint is not None:
            raise NeedsBaseline("it needs the rows of the state before, and a fingerprint holds none")
        if self.snapshot is None:
            raise NeedsBaseline
        return self.snapshot

    def schema(self, *kinds: str) -> Snapshot:
        """The database, for a check that compares objects of its schema.

        Args:
            kinds: which: `function`, `trigger`, `policy`, `view`.

        Raises:
            NeedsBaseline: there is none.
            NotJudged: some of them are lacking, and nobody can tell whether the target has lost them.
        """
        snapshot = self.rows()
        lacking = [name for kind, name in self.unrestored if kind in kinds]
        if lacking:
            raise NotJudged(f"the backup of before could not be restored whole: {', '.join(lacking[:5])} is lacking")
        return snapshot

    def tables(self) -> dict[str, catalog.Table]:
        """What the catalogs said of the tables, without expressions; with a fingerprint no more than their columns.

        Raises:
            NeedsBaseline: there is neither.
        """
        if self.fingerprint is not None:
            return {name: table.facts() for name, table in self.fingerprint.tables.items()}
        return catalog.tables(self.rows(), expressions=False)

    def describe_count(self, sql: str, **parameters: Any) -> str:
        """How many rows a query for wrong ones finds in the state before, in words; empty where nobody can tell.

        Args:
            sql: a query that found rows in the target.
            parameters: values of the parameters that it names.
        """
        if self.snapshot is None:
            return ""
        try:
            wrong = self.snapshot.count(
                f"SELECT count(*) FROM ({sql}) AS wrong", self.snapshot.application, **parameters
            )
        except sa.exc.DBAPIError as error:
            lacking = getattr(error.orig, "sqlstate", None) in LACKING
            return "it cannot have been so, the migration brought what the query asks for" if lacking else ""
        if wrong:
            return f"the same query finds {wrong:,} there, which are older than the migration or what it had to change"
        return "the same query finds nothing there: this is new"


def explain(error: sa.exc.DBAPIError, snapshot: Snapshot, tables: Sequence[str]) -> str:
    """What the server said, and which of some tables it lacks where that is why.

    Raises:
        NotJudged: what it said tells nothing about the data.
    """
    said = refusal(error)
    if getattr(error.orig, "sqlstate", None) not in LACKING:
        return said
    absent = catalog.absent(snapshot, tables)
    return f"something is missing, {said}" + (f"; tables that do not exist: {', '.join(absent)}" if absent else "")
