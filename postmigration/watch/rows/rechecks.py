"""The cheap checks of the suite, made again while the application works: what was right when it went live, and is not.

References are looked at in the rows that were written since, sequences, indexes and triggers as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from postmigration.checks.contents import sequences
from postmigration.model.migration import Conventions, Reference
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.references import Orphanage, references
from postmigration.postgres.refusals import describe_refusal, is_lost
from postmigration.postgres.schemas import find_platform, find_schemas
from postmigration.watch.rows.written import find_time_columns, is_since

CHECKS = "checks"
WRONG, TOLD = "wrong", "told"
TITLES = {
    f"{CHECKS}.{WRONG}": "what a check of the suite finds that was not so when the watch began",
    f"{CHECKS}.{TOLD}": "what a check of the suite found when the watch began, or only warns of",
}
# A table of so many pages is not read whole for want of a column that tells what is new.
_LARGE = 10_000
_PAGES = """
    SELECT greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::bigint FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relname = :table
"""
# An index that is being built is not valid yet.
_FLAWS = """
    SELECT format('index %I.%I', n.nspname, x.relname) AS subject, 'it is invalid: no query uses it' AS words,
           format('REINDEX INDEX CONCURRENTLY %I.%I;', n.nspname, x.relname) AS repair
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND x.relkind = 'i'
      AND NOT (i.indisvalid AND i.indisready AND i.indislive)
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
    UNION ALL
    SELECT format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname), 'it is disabled',
           format('ALTER TABLE %I.%I ENABLE TRIGGER %I;', n.nspname, c.relname, t.tgname)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND NOT t.tgisinternal AND t.tgenabled IN ('D', 'R')
    UNION ALL
    SELECT DISTINCT format('constraint %I on %I.%I', k.conname, n.nspname, c.relname),
           'the triggers that enforce it are disabled: nothing checks it',
           format('ALTER TABLE %I.%I ENABLE TRIGGER ALL; -- on both tables of it', n.nspname, c.relname)
    FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND t.tgisinternal AND t.tgenabled IN ('D', 'R')
    ORDER BY 1
"""


@dataclass
class Found:
    """What the checks found at one time.

    Args:
        wrong: how much is wrong, by its subject.
        warned: those subjects of which a check only warns.
        words: what is said of each, and what brings it right.
        unseen: what could not be looked at, and why.
    """

    wrong: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    warned: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def add(self, subject: str, number: float, words: str, repair: str = "") -> None:
        """Adds something that is wrong."""
        self.wrong[subject] += number
        self.words.append(f"{subject}: {words}" + (f"; {repair}" if repair else ""))

    def arrange(self, first: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """The values of a sample: what is new, and what is only told.

        Args:
            first: what was wrong when the watch began.
        """
        rows = {"": {WRONG: 0.0, TOLD: 0.0}}
        for subject, number in self.wrong.items():
            new = subject not in self.warned and number > first.get(subject, 0)
            rows[subject] = {WRONG if new else TOLD: number}
        return rows


@dataclass(frozen=True)
class Rechecks:
    """Which checks are made again, and how often.

    Args:
        every: the seconds from one time to the next.
        references: those that the project declares; foreign keys are looked at besides.
        conventions: which columns say when a row was written.
        since: the rows that were written since then are looked at.
    """

    every: float
    references: Sequence[Reference]
    conventions: Conventions
    since: str

    def read(self, snapshot: Snapshot) -> Found:
        """Makes the checks, each with the limits of the snapshot.

        Raises:
            sa.exc.DBAPIError: the connection was lost.
        """
        found = Found()
        schemas = find_schemas(snapshot, find_platform(snapshot).schemas)
        for check in (self._find_flaws, self._find_bad_sequences, self._find_dangling):
            try:
                check(snapshot, schemas, found)
            except sa.exc.DBAPIError as error:
                if is_lost(error):
                    raise
                found.unseen.append(describe_refusal(error))
        return found

    def _find_flaws(self, snapshot: Snapshot, schemas: Sequence[str], found: Found) -> None:
        for row in snapshot.rows(_FLAWS, schemas=list(schemas)):
            found.add(row.subject, 1, row.words, row.repair)

    def _find_bad_sequences(self, snapshot: Snapshot, schemas: Sequence[str], found: Found) -> None:
        examined = sequences.examine(snapshot, None, schemas)
        found.unseen += examined.unjudged
        for finding in examined.findings:
            subject, _, words = finding.statement.partition(": ")
            found.add(subject, finding.wrong, words, finding.repair)
            if finding.severity == "warning":
                found.warned.add(subject)

    def _find_dangling(self, snapshot: Snapshot, _: Sequence[str], found: Found) -> None:
        arrays = {(reference.table, (reference.column,)) for reference in self.references if reference.array}
        for place in references(snapshot, self.references):
            array = (place.table, place.columns) in arrays
            asked = self._ask(snapshot, place, array=array)
            if asked is None:
                found.unseen.append(f"{place.name}: no column says which rows are new, and the table is large")
                continue
            try:
                number = int(snapshot.scalar(asked, snapshot.application, since=self.since))
            except sa.exc.DBAPIError as error:
                if is_lost(error):
                    raise
                found.unseen.append(f"{place.name}: {describe_refusal(error)}")
                continue
            if number:
                rows = f"row{'s' * (number != 1)} written since {self.since}"
                verb = "leads" if number == 1 else "lead"
                found.add(f"references {place.name}", number, f"{number:,} {rows} {verb} to no row of {place.parent}")

    def _ask(self, snapshot: Snapshot, place: Orphanage, *, array: bool) -> str | None:
        """A query for the number of new rows that dangle; None where they cannot be told from old ones cheaply."""
        table = catalog.table(snapshot, place.table)
        columns = [name for names in find_time_columns(table, self.conventions) for name in names]
        if not columns or (array and not table.key):
            pages = snapshot.scalar(_PAGES, schema=snapshot.database.schema, table=place.table)
            # Without such a column the statement would name no time.
            asked = f"SELECT count(*) FROM ({place.orphans}) q WHERE CAST(:since AS text) IS NOT NULL"
            return asked if pages is not None and pages < _LARGE else None
        if not array:
            return f"SELECT count(*) FROM ({place.orphans} AND ({is_since(table, columns, 'child')})) q"
        key = [quoted(name) for name in table.key]
        keys = f"SELECT {', '.join(f'r.{name}' for name in key)} FROM {quoted(place.table)} r"
        new = f"{keys} WHERE {is_since(table, columns, 'r')}"
        return f"SELECT count(*) FROM ({place.orphans} AND ({', '.join(f'child.{n}' for n in key)}) IN ({new})) q"
