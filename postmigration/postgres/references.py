"""Where rows can refer to rows that are not there, whatever the constraints say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from postmigration.model.migration import Reference
from postmigration.model.sqltext import quoted
from postmigration.postgres.catalog import ForeignKey, Table, table, tables
from postmigration.postgres.connection import Snapshot


@dataclass(frozen=True)
class Orphanage:
    """Where rows can dangle: columns that refer to a parent, and the queries that find the orphans.

    Args:
        name: `table.column`, for people.
        key: the columns of `orphans`.
        orphans: a query for the rows that lead nowhere.
        examined: a query that counts the rows that refer to anything.
        added: the migration brought the column.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    parent: str
    key: tuple[str, ...]
    orphans: str
    examined: str
    added: bool


def references(snapshot: Snapshot, declared: Collection[Reference]) -> list[Orphanage]:
    """Every place where rows can dangle: the foreign keys of the schema, and the references that are declared.

    Args:
        declared: references that must hold whether or not a constraint says so.
    """
    places: dict[tuple[str, tuple[str, ...]], tuple[ForeignKey, bool, bool]] = {
        (r.table, (r.column,)): (
            ForeignKey("", (r.column,), r.parent, (r.parent_column,), "NO ACTION", False, r.parent_schema),
            r.array,
            r.added,
        )
        for r in declared
    }
    for name, facts in tables(snapshot).items():
        for key in facts.foreign_keys:
            places.setdefault((name, key.columns), (key, False, False))
    return [_orphanage(table(snapshot, name), *leads) for (name, _), leads in places.items()]


def _orphanage(child: Table, reference: ForeignKey, array: bool, added: bool) -> Orphanage:
    columns, parent = reference.columns, quoted(reference.parent)
    if reference.parent_schema:
        parent = f"{quoted(reference.parent_schema)}.{parent}"
    primary = next((index.columns for index in child.indexes if index.primary), ())
    key = tuple(dict.fromkeys((*primary, *columns)))
    source = quoted(child.name)
    if array:
        held = quoted(columns[0])
        kept = "".join(f"holder.{quoted(name)}, " for name in primary)
        source = f"(SELECT {kept}u.id AS {held} FROM {source} AS holder, unnest(holder.{held}) AS u(id))"
    refers = " AND ".join(f"child.{quoted(column)} IS NOT NULL" for column in columns)
    match = " AND ".join(
        f"parent.{quoted(theirs)} = child.{quoted(ours)}"
        for theirs, ours in zip(reference.parent_columns, columns, strict=True)
    )
    return Orphanage(
        name=f"{child.name}.{', '.join(columns)}",
        table=child.name,
        columns=columns,
        parent=reference.leads_to,
        key=key,
        orphans=f"SELECT {', '.join(f'child.{quoted(name)}' for name in key)} FROM {source} AS child WHERE {refers} "
        f"AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {match})",
        examined=f"SELECT count(*) FROM {source} AS child WHERE {refers}",
        added=added,
    )
