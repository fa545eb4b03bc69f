"""Verifies over all rows what a sample suggests, as the comparison of a declared migration does."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from postmigration.checks.contents.tables import Relation, children_of, pages_of
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_pairs import pair_declared
from postmigration.checks.rows.pairs import Pair, pair_tables
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import RowSet
from postmigration.diff.value_texts import describe_damage
from postmigration.model.changes import Change
from postmigration.model.errors import CannotJudge
from postmigration.postgres.refusals import describe_refusal
from postmigration.trace.reading import SAMPLE, Side


class Verifier:
    """Compares tables over all rows.

    Args:
        before, after: the databases.
    """

    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self.zone = str(after.snapshot.scalar("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'"))
        self._children = children_of(before.relations), children_of(after.relations)
        self._pages = pages_of(after.relations)

    def pair(self, now: Relation, changes: Sequence[Change]) -> Pair | None:
        """How a table of now is compared with what some changes make of those of before."""
        declared = Declared(changes)
        was = declared.rename(self.before.relations).get(now.key)
        if was is not None and not was.is_table:
            was = None
        mine = sorted(self._children[0].get(was.key, ())) if was is not None else []
        only = now.kind == "r" and (was is None or was.kind == "r") and not mine and not self._children[1].get(now.key)
        pages = self._pages[now.key]
        declared_here = declared.tables.get(now.key)
        if declared_here is not None and declared_here.changes_rows:
            return pair_declared(
                was, now, declared_here, declared, self.before.relations, only=only, zone=self.zone, pages=pages
            )
        return None if was is None else pair_tables(was, now, only=only, zone=self.zone, pages=pages)

    def compare(self, now: Relation, changes: Sequence[Change], keep: int = SAMPLE) -> tuple[Pair, Comparison] | str:
        """What a table differs in from what some changes make of those of before; or why that cannot be told."""
        try:
            pair = self.pair(now, changes)
            if pair is None or not pair.columns:
                return "nothing of it can be compared"
            return pair, Sides(self.before.snapshot, self.after.snapshot, *map(pair.row_set, (0, 1))).compare(keep=keep)
        except CannotJudge as error:
            return str(error)
        except sa.exc.DBAPIError as error:
            return describe_refusal(error)

    def count_column(self, pair: Pair, column: str) -> tuple[int, str]:
        """In how many rows of a pair a column holds something else, and what became of the values."""
        if not pair.key or column in pair.key:
            return 0, ""
        columns = (*pair.key, column)
        want, have = (
            RowSet(sql, columns, len(pair.key), marks) for sql, marks in zip(pair.sql, pair.marks, strict=True)
        )
        found = Sides(self.before.snapshot, self.after.snapshot, want, have).compare(keep=SAMPLE)
        values = [
            (difference.want[-1], difference.have[-1])
            for difference in found.differences
            if difference.want is not None and difference.have is not None
        ]
        root = pair.now.columns[column].root
        changed = found.counts["changed"]
        return changed, describe_damage(values, root, root) if changed else ""


def list_differing(pair: Pair, found: Comparison) -> list[str]:
    """The columns in which rows differ, as far as they are kept."""
    return [pair.columns[n] for n in sorted({n for difference in found.differences for n in difference.columns()})]


def read_keys(found: Comparison, kind: str) -> list[tuple[str, ...]]:
    """The keys of the rows that are missing, or that are extra, as far as they are kept."""
    return [
        tuple(map(str, difference.key))
        for difference in found.differences
        if difference.kind == kind and None not in difference.key
    ]
