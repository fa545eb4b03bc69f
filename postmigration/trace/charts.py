"""What a trace found as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from postmigration.checks.contents.tables import title
from postmigration.model.changes import (
    DerivedValue,
    GoneColumn,
    GoneTable,
    MovedRows,
    NewColumn,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import show_value
from postmigration.model.files import replace_all
from postmigration.model.sqltext import list_row_columns
from postmigration.report.formats import flows, rendering
from postmigration.trace.findings import Flow, Found, Trace

_OF_COLUMNS = (RenamedColumn, RepointedReference, DerivedValue, Retyped, GoneColumn, NewColumn)


def draw_trace(trace: Trace) -> list[flows.Chart]:
    """Draws where tables went, where the columns of rows that moved went, and what became of those of other tables."""
    tables = _list_tables(trace.found)
    charts = [flows.draw("Tables that are new, gone, renamed, or between which rows moved", tables)] if tables else []
    for one in trace.found:
        if isinstance(one.change, MovedRows):
            charts.append(flows.draw(f"{_show(one.subject)}: columns", _list_moved(one, trace), _show(one.figures)))
    by_table: dict[str, list[Found]] = {}
    for one in trace.found:
        if isinstance(one.change, _OF_COLUMNS):
            by_table.setdefault(_name_table(one, trace), []).append(one)
    charts += [flows.draw(f"{_show(name)}: columns", _list_kept(those)) for name, those in by_table.items()]
    return charts


def write_page(trace: Trace, path: Path, title: str) -> None:
    """Writes the page: one file that works offline.

    Raises:
        CannotJudge: it cannot be written there.
    """
    page = rendering.render(
        "trace.html",
        title=_show(title),
        facts={
            "rows": f"{trace.rows[0]:,} before, {trace.rows[1]:,} after",
            "tables that are the same": f"{trace.same:,}",
        }
        | {f"note {n}" if n > 1 else "note": _show(note) for n, note in enumerate(trace.notes, 1)},
        misfits=[f"{_show(one.subject)}: {_show(words)}" for one in trace.found for words in one.misfits],
        charts=draw_trace(trace),
        css=(rendering.DIRECTORY / "report.css").read_text(encoding="utf-8"),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_all({path: page})
    except OSError as error:
        raise CannotJudge(
            f"the page cannot be written to {path} ({error.strerror}): name another with --html"
        ) from None


def _list_tables(found: Sequence[Found]) -> list[flows.Flow]:
    drawn: list[flows.Flow] = []
    for one in found:
        change = one.change
        if isinstance(change, MovedRows | RenamedTable):
            source, target = title((change.schema, change.table)), title((change.to_schema or change.schema, change.to))
            how = "another name" if isinstance(change, RenamedTable) else ""
            lost = [words for words in one.misfits if words.endswith("lost")]
            drawn.append(_flow((source,), target, how, *one.rows, "; ".join(lost)))
    moved = {name for flow in drawn for name in (*flow.sources, flow.target)}
    for one in found:
        if one.subject not in moved and isinstance(one.change, GoneTable):
            drawn.append(_flow((one.subject,), "", f"gone: {one.figures}"))
        elif one.subject not in moved and isinstance(one.change, NewTable):
            drawn.append(_flow((), one.subject, f"new: {one.figures}"))
    return drawn


def _list_moved(one: Found, trace: Trace) -> list[flows.Flow]:
    drawn = [_take(flow) for flow in one.flows]
    change = one.change
    assert isinstance(change, MovedRows)
    for other in trace.found:
        if isinstance(other.change, GoneTable) and (other.change.schema, other.change.table) == (
            change.schema,
            change.table,
        ):
            drawn += [_flow((name,), "", "gone") for name in other.unused]
    return drawn


def _list_kept(found: Sequence[Found]) -> list[flows.Flow]:
    drawn: list[flows.Flow] = []
    for one in found:
        match one.change:
            case GoneColumn(column=name):
                drawn.append(_flow((name,), "", f"gone: {one.figures}"))
            case NewColumn(column=name):
                if not any(flow.target == name for other in found for flow in other.flows):
                    drawn.append(_flow((), name, one.figures or "new"))
            case RenamedColumn():
                drawn += [_take(flow, "another name") for flow in one.flows]
            case RepointedReference(column=name, parent=parent):
                drawn += [_take(flow, f"what {parent} became", (name,)) for flow in one.flows]
            case Retyped(column=name):
                drawn += [_take(flow, one.figures, (name,)) for flow in one.flows] or [
                    _flow((name,), name, one.figures)
                ]
            case DerivedValue(where=where):
                some = f"where {where}" if where != "true" else ""
                drawn += [_take(flow, some) for flow in one.flows]
    # A column whose values another one holds did not go nowhere.
    carried = {name for flow in drawn if flow.target for name in flow.sources}
    return [flow for flow in drawn if flow.target or not carried.issuperset(flow.sources)]


def _take(flow: Flow, how: str = "", sources: Sequence[str] = ()) -> flows.Flow:
    names = tuple(sources or list_row_columns(flow.sql))
    words = flow.source.removeprefix(names[0]) if names else flow.source
    words, misfit = how or words.strip(", "), flow.misfit.partition(" are others: ")[2] or flow.misfit
    if flow.declared and flow.of:
        return _flow(names, flow.target, words, flow.rows, flow.of, misfit)
    return _flow(names, flow.target, misfit or words)


def _flow(
    sources: Sequence[str], target: str, how: str = "", fits: int = 0, of: int = 0, misfit: str = ""
) -> flows.Flow:
    shown = tuple(_show(name) for name in sources)
    return flows.Flow(shown, _show(target), _show(how), fits, of, _show(misfit))


def _name_table(one: Found, trace: Trace) -> str:
    """The table of a change of columns, as it is called now."""
    change = one.change
    assert isinstance(change, _OF_COLUMNS)
    name = change.schema, change.table
    for other in trace.changes:
        if isinstance(other, RenamedTable) and (other.schema, other.table) == name:
            return title((other.to_schema or other.schema, other.to))
    return title(name)


def _show(text: str) -> str:
    return show_value(text, plain=True) if text else ""
