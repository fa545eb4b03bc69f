"""The changes that a migration declares: what must have happened to tables and rows, and what may have happened.

Whatever differs from the state before and is not declared is a finding. Each change is one data type, the same in
Python and in `migration.toml`, where it is an entry `[[change]]` and `kind` says which.

Names of tables and columns are names and never SQL. SQL that is declared is one expression over a row `r` of the state
before (`r."redirectUrl"`) or a row `t` of the database that is judged; tables and functions in it that are not
PostgreSQL's own are named with their schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from postmigration.model.sqltext import gives_several

# A name is never empty; SQL that must be said neither.
Name = Annotated[str, msgspec.Meta(min_length=1)]
Sql = Annotated[str, msgspec.Meta(min_length=1)]
Columns = Annotated[Mapping[Name, Sql], msgspec.Meta(min_length=1)]


class _Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all changes say.

    Args:
        reason: why it was meant; who reviews the migration says it.
        group: instead, the name of a reason that stands for several changes.
        schema: in which schema the table is.
    """

    reason: str = ""
    group: str = ""
    schema: Name = "public"


class GoneTable(_Change, frozen=True, kw_only=True, tag="gone_table"):
    """A table is dropped, with all that hangs on it.

    Args:
        table: a table of the state before.
    """

    table: Name


class GoneColumn(_Change, frozen=True, kw_only=True, tag="gone_column"):
    """A column is dropped, with the constraints, indexes and defaults that use it.

    Args:
        table: a table of the state before.
        column: one of its columns.
    """

    table: Name
    column: Name


class NewTable(_Change, frozen=True, kw_only=True, tag="new_table"):
    """A table is added. Its rows are those that `MovedRows` brings, and those that `Grows` allows, and no others.

    Args:
        table: a table of the database that is judged.
    """

    table: Name


class NewColumn(_Change, frozen=True, kw_only=True, tag="new_column"):
    """A column is added to a table that was there. `DerivedValue` says what it holds; without one it may hold anything.

    Args:
        table: a table, as it is called now.
        column: its new column.
    """

    table: Name
    column: Name


class RenamedTable(_Change, frozen=True, kw_only=True, tag="renamed_table"):
    """A table has another name, or stands in another schema, and holds the same rows.

    Args:
        table: its name before.
        to: its name now.
        to_schema: its schema now; the same where it is not said.
    """

    table: Name
    to: Name
    to_schema: str = ""


class RenamedColumn(_Change, frozen=True, kw_only=True, tag="renamed_column"):
    """A column has another name, and holds the same values.

    Args:
        table: the table's name before.
        column: the column's name before.
        to: its name now.
    """

    table: Name
    column: Name
    to: Name


class MovedRows(_Change, frozen=True, kw_only=True, tag="moved_rows"):
    """The rows of a table are rows of another one now: each of them, once, with these values, and no others.

    Several of one table split it; several into one merge it. A column that only some of those into a table name is NULL
    in the rows of the others.

    What protected the rows must protect them in `to`: row-level security, policies and privileges, and of a table that
    is gone its keys, CHECK, NOT NULL and foreign keys by the columns that moved. What does not is a finding, which says
    the `ChangedObject` that declares it.

    Args:
        table: where the rows were; rows are moved, or copied if it stays.
        to: where they are now.
        to_schema: its schema; the same where it is not said.
        key: for each column that identifies a row of `to`, its value: SQL over a row `r` of before. One that gives
            several values, as `unnest(string_to_array(r.tags, ','))` does, makes a row of each.
        columns: for each other column of `to` that is compared, its value, likewise.
        where: SQL condition on `r`: which rows are moved.
        merged: several rows of before that become the same row are one row now.
    """

    table: Name
    to: Name
    key: Columns
    columns: Mapping[Name, Sql] = {}
    to_schema: str = ""
    where: Sql = "true"
    merged: bool = False

    @property
    def divides(self) -> bool:
        """Whether a row of before becomes several."""
        return any(map(gives_several, (*self.key.values(), *self.columns.values())))


class RepointedReference(_Change, frozen=True, kw_only=True, tag="repointed_reference"):
    """A column refers to what its parent became: where the parent's row was moved by `MovedRows`.

    Where several columns became one (`to`), since their parents are rows of one table now, each of them is declared; in
    a row of before only one of them may hold something.

    Args:
        table: the child's name before.
        column: the column that held the key of the parent.
        to: the column that holds the new key; the same where it is not said.
        parent: the parent's name before.
        parent_column: the key that the column referred to.
        parent_schema: the parent's schema; that of `schema` where it is not said.
        through: the table into which the rows of the parent were moved.
        through_column: the column of its key that is referred to now; not needed where the key is one column.
    """

    table: Name
    column: Name
    parent: Name
    through: Name
    to: str = ""
    parent_column: Name = "id"
    parent_schema: str = ""
    through_column: str = ""


class NewIds(_Change, frozen=True, kw_only=True, tag="new_ids"):
    """The ids of a table are new ones that follow from nothing of before. Its rows are known by other columns of it.

    They are not compared. A foreign key to them is read as the values of these columns in the row that it leads to, as
    a text `["a", "b"]` where they are several; that is what `MovedRows` and `DerivedValue` say of it. Of a table that
    was there before, under the same name, the foreign keys of before are read in the same way. The ids, and what refers
    to them, may be of another type.

    Args:
        table: a table of the database that is judged.
        column: its id.
        by: the columns of its key in `MovedRows`, or of a table that was there columns that it had, no two rows of it
            alike.
    """

    table: Name
    column: Name
    by: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]


class DerivedValue(_Change, frozen=True, kw_only=True, tag="derived_value"):
    """A column of a table that was there holds a value that follows from the row of before.

    Args:
        table: a table, as it was called before.
        column: the column, as it is called now.
        value: SQL over a row `r` of before: what it must hold.
        where: SQL condition on `r`: for which rows. In others it holds what it held; a new column holds NULL.
    """

    table: Name
    column: Name
    value: Sql
    where: Sql = "true"


class Retyped(_Change, frozen=True, kw_only=True, tag="retyped"):
    """A column has another type. Its values say the same, or what `value` makes of them.

    Args:
        table: a table, as it was called before.
        column: the column, as it is called now.
        value: SQL over a row `r` of before: what it must hold; empty where it holds the same value.
    """

    table: Name
    column: Name
    value: str = ""


class MayChange(_Change, frozen=True, kw_only=True, tag="may_change"):
    """The values of a column may be any.

    Args:
        table: a table, as it was called before.
        column: the column, as it is called now.
        where: SQL condition on a row `r` of before: in which rows.
        after: SQL condition on a row `t` of now, which holds for the same rows; needed where `where` is not `true`.
    """

    table: Name
    column: Name
    where: Sql = "true"
    after: str = ""


class Grows(_Change, frozen=True, kw_only=True, tag="grows"):
    """A table may hold rows that were not there before.

    Args:
        table: a table, as it is called now.
        where: SQL condition on a row `t` of now: which rows may be new.
    """

    table: Name
    where: Sql = "true"


class Shrinks(_Change, frozen=True, kw_only=True, tag="shrinks"):
    """Rows of a table may be gone.

    Args:
        table: a table, as it was called before.
        where: SQL condition on a row `r` of before: which rows may be gone.
    """

    table: Name
    where: Sql


class HistoryTable(_Change, frozen=True, kw_only=True, tag="history_table"):
    """A table records what happens: it may hold more rows, and keeps those that it held.

    Args:
        table: a table, as it is called now.
    """

    table: Name


class Ignored(_Change, frozen=True, kw_only=True, tag="ignored"):
    """The rows of a table are not compared.

    Args:
        table: a table of either state.
    """

    table: Name


class ChangedObject(_Change, frozen=True, kw_only=True, tag="changed_object"):
    """An object may be added or changed: an index, a constraint, a policy, a function, a grant.

    If it is lost, so that no object of its name is there, that stays a finding unless `gone` allows it.

    Args:
        object: its name as findings have it, with `*` for any text: `policy read_* on public.orders`.
        gone: it may be dropped too.
    """

    object: Name
    gone: bool = False


Change = (
    GoneTable
    | GoneColumn
    | NewTable
    | NewColumn
    | RenamedTable
    | RenamedColumn
    | MovedRows
    | RepointedReference
    | NewIds
    | DerivedValue
    | Retyped
    | MayChange
    | Grows
    | Shrinks
    | HistoryTable
    | Ignored
    | ChangedObject
)
# What may have happened; of all others it is judged that they did.
PERMISSIONS = (MayChange, Grows, Shrinks, HistoryTable, Ignored, ChangedObject)


def describe_change(change: Change) -> str:
    """What a change is, for people: `moved_rows Booking to Visit`, with the schema where that is not `public`."""
    kind = type(change).__struct_config__.tag
    if isinstance(change, ChangedObject):
        return f"{kind} {change.object}"
    table = _write(change.schema, change.table)
    match change:
        case RenamedTable(to=to, to_schema=other) | MovedRows(to=to, to_schema=other):
            return f"{kind} {table} to {_write(other or change.schema, to)}"
        case RenamedColumn(column=column, to=to):
            return f"{kind} {table}.{column} to {to}"
        case RepointedReference(column=column, through=through):
            return f"{kind} {table}.{column} through {through}"
        case GoneColumn() | NewColumn() | NewIds() | DerivedValue() | Retyped() | MayChange():
            return f"{kind} {table}.{change.column}"
        case _:
            return f"{kind} {table}"


def _write(schema: str, table: str) -> str:
    return table if schema == "public" else f"{schema}.{table}"
