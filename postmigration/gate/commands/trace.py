"""The command `postmigration trace`: where the rows and columns of a database went."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from postmigration.gate import options
from postmigration.gate.commands.console import console
from postmigration.gate.commands.sides import open_sides
from postmigration.model.changes import describe_change
from postmigration.model.evidence import escape, show_value
from postmigration.model.verdict import GO
from postmigration.trace.findings import Found, Trace


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "trace",
        help="find what a migration did: where tables, columns and rows went",
        description="Finds by the data alone what became of each table and column of the state before: renamed, split, "
        "merged, moved, derived, lost. It judges nothing; postmigration init writes the same as a declaration.",
        epilog="exit status: 0 looked, 2 interrupted, 4 could not look",
    )
    declare_sides(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="draw it too: a page to look at")
    parser.set_defaults(run=_run)


def declare_sides(parser: Any) -> None:
    """Declares how the two databases are named."""
    parser.add_argument(
        "sides",
        nargs="*",
        metavar="BEFORE AFTER",
        help="the state before, and the database; or --baseline and --db-url",
    )
    declare_databases(parser)


def declare_databases(parser: Any) -> None:
    """Declares how two databases are named by options, and which schemas are traced."""
    options.declare_database(parser.add_argument, schema="append")
    parser.add_argument(
        "--baseline",
        action="append",
        metavar="URL|FILE",
        help="the state before (or $POSTMIGRATION_BASELINE): a URL, a pg_dump file (repeat it for several files of one "
        "backup), the directory of a base backup",
    )
    options.declare_scratch(parser.add_argument)


def _run(option: Namespace) -> int:
    with ExitStack() as cleanup:
        before, after, schemas, _ = open_sides(option, cleanup, "trace")
        # It takes a while to import.
        from postmigration.trace.charts import write_page
        from postmigration.trace.tracing import trace

        found = trace(before, after, schemas)
    print_trace(found)
    if option.html is not None:
        write_page(found, option.html, "Where everything went")
        console().print(Text(f"drawn in {escape(str(option.html))}"))
    return GO


def print_trace(found: Trace) -> None:
    """Prints what was found as a table."""
    screen = console()
    table = Table(box=None, pad_edge=False)
    for name in ("now", "from", "rows that fit", "what does not fit"):
        table.add_column(name, overflow="fold")
    for one in found.found:
        title = describe_change(one.change) if one.change is not None else f"not explained: {one.subject}"
        told = [] if one.flows and one.change is not None else list(one.misfits)
        if one.flows and (rest := _list_rest(one)):
            told = rest
        table.add_row(
            Text(_show(title), style="bold"), Text(""), Text(_show(one.figures)), Text(_show("; ".join(told)))
        )
        for flow in one.flows:
            source = Text(_show(flow.source)) if flow.source else Text("?", style="dim")
            figures = flow.figures if flow.of else ""
            table.add_row(
                Padding(Text(_show(flow.target)), (0, 0, 0, 2)), source, Text(figures), Text(_show(flow.misfit))
            )
    if found.found:
        screen.print(table)
    else:
        screen.print(Text("nothing changed: the same tables, columns and rows"))
    same = f"{found.same:,} table{'s' * (found.same != 1)} hold{'s' * (found.same == 1)} what was held"
    screen.print(Text(f"rows: {found.rows[0]:,} before, {found.rows[1]:,} after; {same}"))
    for note in found.notes:
        screen.print(Text(_show(note)))


def _list_rest(found: Found) -> list[str]:
    """What does not fit of the rows of a change, beside what is said of its columns."""
    columns = tuple(f"{flow.target}: " for flow in found.flows)
    return [words for words in found.misfits if not words.startswith(columns)]


def _show(text: str) -> str:
    return show_value(text, plain=True) if text else ""
