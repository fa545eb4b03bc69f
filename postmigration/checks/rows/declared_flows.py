"""Where declared changes lead: from which table or column to which, in how many rows, and in how many it is not so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from postmigration.checks.contents.tables import Name, title
from postmigration.checks.rows.declared import Declared
from postmigration.diff.row_diff import Comparison
from postmigration.model.changes import (
    Change,
    ChangedObject,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    HistoryTable,
    Ignored,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)
from postmigration.model.evidence import Overview, show_value
from postmigration.model.sqltext import find_row_column, list_row_columns

_HEADS = ("before", "now", "rows", "not so", "how")
_PERMISSIONS = {Shrinks: "rows may be gone", Grows: "rows may be new", HistoryTable: "rows may be new"}


@dataclass
class Used:
    """How many rows declared changes concern, and what came of them.

    Args:
        rows: how many rows of before a change decides of, by the change's identity: what it maps cannot be hashed.
        words: what a permission was used for, likewise.
        tables: how many rows must be in each table that was compared, as it is called now.
        found: what came of those that differ from what is declared.
        missing: tables that are not there; `different`: those that are others, of which it is not known in what.
    """

    rows: dict[int, int] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    tables: dict[Name, int] = field(default_factory=dict)
    found: dict[Name, Comparison] = field(default_factory=dict)
    missing: set[Name] = field(default_factory=set)
    different: set[Name] = field(default_factory=set)

    def take(self, name: Name, found: Comparison) -> None:
        """Takes what came of a table that was looked into."""
        self.tables[name] = found.want_rows
        if found.wrong:
            self.found[name] = found

    def count_wrong(self, name: Name, column: str = "") -> tuple[int, int]:
        """How many rows of a table lack or hold another value than is declared, and how many nothing brings."""
        found = self.found.get(name)
        if found is None:
            return 0, 0
        changed = {each.name: each.rows for each in found.columns}.get(column, 0) if column else found.counts["changed"]
        return found.counts["missing"] + changed, found.counts["extra"]


@dataclass(frozen=True)
class _Flow:
    """One line.

    Args:
        sources, target: what it was, and what it is.
        rows: how many rows it is of; None where they were not counted.
        fits: in how many it is as declared; None where that cannot be told from those of other changes.
        wrong: what is not, in words.
        how: what is declared.
    """

    sources: Sequence[str]
    target: str
    rows: int | None = None
    fits: int | None = None
    wrong: str = ""
    how: str = ""


def show_declared(declared: Declared, used: Used) -> list[Overview]:
    """What is declared of tables, then what of the columns of each, as tables of which the report draws pictures."""
    shown = [("Declared changes of tables", list(_list_tables(declared, used)))]
    for change in declared.changes:
        if isinstance(change, MovedRows):
            was, now = title((change.schema, change.table)), title(_leads_to(change))
            shown.append((f"{_show(was)} to {_show(now)}: columns", list(_list_moved(change, declared, used))))
    kept: dict[Name, list[_Flow]] = {}
    for change in declared.changes:
        if not isinstance(change, ChangedObject):
            name = declared.renamed.get((change.schema, change.table), (change.schema, change.table))
            kept.setdefault(name, []).extend(_list_column(change, name, declared, used))
    shown += [(f"{_show(title(name))}: columns", flows) for name, flows in kept.items()]
    return [_overview(words, flows) for words, flows in shown if flows]


def _overview(words: str, flows: Sequence[_Flow]) -> Overview:
    rows = [
        (
            # A name that is shown has no line break of its own.
            "\n".join(map(_show, flow.sources)),
            _show(flow.target),
            "" if flow.rows is None else f"{flow.rows:,}",
            flow.wrong,
            _show(flow.how),
        )
        for flow in flows
    ]
    return Overview(words, _HEADS, tuple(rows), "flows", tuple((flow.rows, flow.fits) for flow in flows))


def _list_tables(declared: Declared, used: Used) -> Iterator[_Flow]:
    moved = {name for change in declared.changes if isinstance(change, MovedRows) for name in _name_both(change)}
    for change in declared.changes:
        match change:
            case RenamedTable():
                was, now = (change.schema, change.table), declared.renamed[change.schema, change.table]
                yield _Flow((title(was),), title(now), *_judge(now, used, used.tables.get(now)), "another name")
            case MovedRows():
                now = _leads_to(change)
                rows, how = _count_moved(change, declared, used), "several rows may be one" if change.merged else ""
                yield _Flow((title((change.schema, change.table)),), title(now), *_judge(now, used, rows), how)
            case GoneTable() if (change.schema, change.table) not in moved:
                how = ": ".join(filter(None, ["gone", used.words.get(id(change))]))
                yield _Flow((title((change.schema, change.table)),), "", how=how)
            case NewTable() if (change.schema, change.table) not in moved:
                yield _Flow((), title((change.schema, change.table)), how="new")
            case Grows() | Shrinks() | HistoryTable():
                name = declared.renamed.get((change.schema, change.table), (change.schema, change.table))
                how = f"{_PERMISSIONS[type(change)]}: {used.words.get(id(change), 'not counted')}"
                yield _Flow((title((change.schema, change.table)),), title(name), how=how)
            case Ignored():
                yield _Flow(
                    (title((change.schema, change.table)),), title((change.schema, change.table)), how="ignored"
                )


def _list_moved(change: MovedRows, declared: Declared, used: Used) -> Iterator[_Flow]:
    now, rows = _leads_to(change), _count_moved(change, declared, used)
    ids = {each.column for each in declared.new_ids if (each.schema, each.table) == now}
    for column, sql in {**change.key, **change.columns}.items():
        if column not in ids:
            yield _Flow(list_row_columns(sql), column, *_judge(now, used, rows, column), _explain(sql))
    for column in ids:
        yield _Flow((), column, how="new ids")


def _list_column(change: Change, name: Name, declared: Declared, used: Used) -> Iterator[_Flow]:
    """Of a table that stays, what a change says of a column."""
    carried = {
        column
        for each in declared.changes
        if isinstance(each, RepointedReference | DerivedValue) and (each.schema, each.table) == _old(name, declared)
        for column in ([each.column] if isinstance(each, RepointedReference) else list_row_columns(each.value))
    }
    filled = {*declared.of(name).repointed, *declared.of(name).derived}
    rows = used.rows.get(id(change)) if name in used.tables else None
    match change:
        case RenamedColumn(column=column, to=to):
            yield _Flow((column,), to, *_judge(name, used, used.tables.get(name), to), "another name")
        case RepointedReference(column=column, to=to, parent=parent):
            now = to or column
            yield _Flow((column,), now, *_judge(name, used, rows, now), f"what {parent} became")
        case DerivedValue(column=column, value=value, where=where):
            some = _explain(value) + (f" where {where}" if where != "true" else "")
            yield _Flow(list_row_columns(value), column, *_judge(name, used, rows, column), some.strip())
        case Retyped(column=column, value=value):
            was = list_row_columns(value) or [declared.of(name).columns.get(column, column)]
            counted = rows if value else used.tables.get(name)
            how = ": ".join(filter(None, ["another type", value]))
            yield _Flow(was, column, *_judge(name, used, counted, column), how)
        case MayChange(column=column):
            old = declared.of(name).columns.get(column, column)
            yield _Flow((old,), column, how=f"may change: {used.words.get(id(change), 'not counted')}")
        case GoneColumn(column=column) if column not in carried:
            yield _Flow((column,), "", how="gone")
        case NewColumn(column=column) if column not in filled:
            yield _Flow((), column, how="new, may hold anything")
        case NewIds(column=column) if not declared.of(name).moves:
            yield _Flow((column,), column, how="new ids")
        case _:
            return


def _leads_to(change: MovedRows) -> Name:
    return change.to_schema or change.schema, change.to


def _name_both(change: MovedRows) -> tuple[Name, Name]:
    return (change.schema, change.table), _leads_to(change)


def _old(name: Name, declared: Declared) -> Name:
    return next((was for was, now in declared.renamed.items() if now == name), name)


def _count_moved(change: MovedRows, declared: Declared, used: Used) -> int | None:
    """How many rows a move is of, where what became of them was compared."""
    now = _leads_to(change)
    if now not in used.tables:
        return used.rows.get(id(change)) if now in used.missing else None
    alone = len(declared.of(now).moves) == 1 and not change.merged and id(change) not in used.rows
    return used.tables[now] if alone else used.rows.get(id(change))


def _judge(name: Name, used: Used, rows: int | None, column: str = "") -> tuple[int | None, int | None, str]:
    """How many rows a change is of, in how many a table or a column is as declared, and what is not, in words."""
    if name in used.missing:
        return rows, 0, "there is no such table"
    if name in used.different:
        return None, None, "" if column else "rows differ"
    if rows is None:
        return None, None, ""
    wrong, extra = used.count_wrong(name, column)
    # Where other changes bring rows too, what is wrong may be of theirs.
    alone = rows == used.tables[name]
    words = [f"{wrong:,}{'' if alone else f' of {used.tables[name]:,}'} differ{'s' * (wrong == 1)}"] * bool(wrong)
    if extra and not column:
        words.append(f"{extra:,} that nothing brings")
    return rows, rows - wrong if alone or not wrong else None, ", ".join(words)


def _explain(sql: str) -> str:
    """The SQL of a value, where that is more than the name of a column."""
    return "" if find_row_column(sql) else sql


def _show(text: str) -> str:
    return show_value(text, plain=True) if text else ""
