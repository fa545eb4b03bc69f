"""What databases hold: every table of every schema, row by row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from postmigration.diff.scope import Relation, relations
from postmigration.diff.table_diff import TableComparison, diff_tables
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from postmigration.postgres.object_queries.members import MEMBER_D


@dataclass(frozen=True)
class Source:
    """A database of which every schema can be opened.

    Args:
        conninfo: its connection string.
        option: which option named it, for messages.
        limits: timeouts.
        steered: what the connection string does not say may come from the environment.
    """

    conninfo: str = field(repr=False)
    option: str
    limits: Limits = field(default_factory=Limits)
    steered: bool = False

    def snapshot(self, cleanup: ExitStack, schema: str = "public", joining: Snapshot | None = None) -> Snapshot:
        """A snapshot for one schema.

        Args:
            cleanup: ends it.
            joining: another one of the same database, whose instant it shows.
        """
        database = Database(self.conninfo, option=self.option, schema=schema, limits=self.limits, steered=self.steered)
        cleanup.callback(database.close)
        snapshot = Snapshot(database, None if joining is None else joining.export())
        cleanup.callback(snapshot.close)
        return snapshot


def schemas(snapshot: Snapshot) -> list[str]:
    """The schemas of a database that hold tables of its users, not of the server or of an extension."""
    rows = snapshot.rows(
        f"""
        SELECT n.nspname::text AS name FROM pg_namespace n
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND EXISTS (
            SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D}
            )
        )
        ORDER BY n.nspname COLLATE "C"
        """
    )
    return [row.name for row in rows]


def diff_schemas(
    before: Source, after: Source, names: Sequence[str], *, main: str, keep: int, without: Collection[str] = ()
) -> list[TableComparison]:
    """Compares all tables of some schemas.

    Args:
        names: the schemas.
        main: the one whose tables are named without it.
        keep: how many differences of each table to give in full.
        without: tables that are left out, with their schema.
    """
    found = []
    with ExitStack() as cleanup:
        sides = [side.snapshot(cleanup, main) for side in (before, after)]
        for schema in names:
            with ExitStack() as these:
                pair = [
                    whole if schema == main else side.snapshot(these, schema, whole)
                    for side, whole in zip((before, after), sides, strict=True)
                ]
                left_out = [name.removeprefix(f"{schema}.") for name in without if name.startswith(f"{schema}.")]
                found += [
                    result if schema == main else replace(result, table=f"{schema}.{result.table}")
                    for result in _diff_tables(pair, left_out, keep)
                ]
    return found


def _diff_tables(pair: Sequence[Snapshot], without: Collection[str], keep: int) -> list[TableComparison]:
    known: dict[str, Relation] = {}
    for side in reversed(pair):
        known |= {name: relation for name, relation in relations(side).items() if name not in without}
    named = [relation for relation in known.values() if not relation.excluded]
    return list(diff_tables(pair[0], pair[1], named, keep=keep)) if named else []
