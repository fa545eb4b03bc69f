"""The command `postmigration verify-backup`: whether a backup is what it claims to be."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from postmigration.backups.open_scratch import verify_where_it_fits
from postmigration.backups.verification import Verification
from postmigration.deployment.subject import identify
from postmigration.diff import fingerprint_file
from postmigration.diff.database_diff import Source
from postmigration.diff.fingerprint import Fingerprint
from postmigration.gate import options
from postmigration.gate.baseline_source import is_address
from postmigration.gate.commands import comparison_report
from postmigration.gate.commands.console import console
from postmigration.gate.project import is_project, project
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape, show_value
from postmigration.model.verdict import CANNOT_JUDGE, GO, NO_GO
from postmigration.postgres import embedded
from postmigration.postgres.dsn import conninfo
from postmigration.postgres.identity import server
from postmigration.postgres.scratch.base_backup import find_path


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "verify-backup",
        help="read a whole backup, restore it, and compare it with its source",
        description="Restores a backup into a server of its own and compares it with the database that it was taken "
        "of. In the directory of a migration it must also be the state before.",
        epilog="exit status: 0 proven, 1 not what it claims to be, 2 interrupted, 4 could not be read or compared",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="the files of one backup, in order, or the directory of a base backup",
    )
    parser.add_argument("--against", metavar="URL|FILE", help="the database that it was taken of, or its fingerprint")
    options.declare_limits(parser.add_argument)
    options.declare_evidence(parser.add_argument)
    options.declare_scratch(parser.add_argument)
    options.declare_embedded(parser.add_argument)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.declare_record(parser.add_argument)
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    recording = option.recording = options.begin_record(option, "verify-backup", Path.cwd())
    migration = project(Path.cwd())[0] if is_project(Path.cwd()) else None
    if option.evidence_rows < 0:
        raise CannotJudge(f"--evidence-rows={option.evidence_rows}: want 0 or more")
    if migration is not None:
        recording.bind(migration)
    fingerprint = [] if option.against is None or is_address(option.against) else [Path(option.against)]
    files = [find_path(str(file)) for file in option.files]
    with recording.keep_backup([*files, *fingerprint]), embedded.in_room(), ExitStack() as cleanup:
        against = _name(option)
        judged = {} if not isinstance(against, Source) else {"--against": against.conninfo}
        found = verify_where_it_fits(
            option.files,
            against,
            options.choose_scratch(option),
            cleanup,
            judged=judged,
            version=option.embedded_version,
            schema=option.schema,
            migration=migration,
            keep=option.evidence_rows,
        )
    if isinstance(against, Source):
        with ExitStack() as cleanup:
            recording.baseline = identify(server(against.snapshot(cleanup, option.schema), baseline=True))
    name = ", ".join(file.name for file in option.files)
    proven = None if found.unjudged and not found.problems else not found.problems
    recording.conclude(_conclude(found, name))
    recording.facts = _list_facts(found)
    recording.weakened = [f"comparing nothing of schema {escape(name)}" for name in found.uncompared]
    if fingerprint:
        recording.facts["against"] = f"the fingerprint {fingerprint[0].name}"
    if option.json:
        print(json.dumps(_object(found, proven, option), ensure_ascii=False))
    else:
        _print(found, option, name)
    for result in found.unjudged:
        print(escape(f"ERROR: {result.table} could not be compared: {result.reason}"), file=sys.stderr)
    return CANNOT_JUDGE if proven is None else GO if proven else NO_GO


def _name(option: Namespace) -> Source | Fingerprint | None:
    text = option.against
    if text is None:
        return None
    if is_address(text):
        return Source(conninfo(text, "--against"), "--against", options.limits(option), steered=True)
    path = Path(text)
    if not path.exists():
        raise CannotJudge(f"--against: no such file: {text} (want a URL, or a fingerprint)")
    if not fingerprint_file.is_fingerprint(path):
        raise CannotJudge(f"--against={text} is no fingerprint: name the database, or a fingerprint of it")
    return fingerprint_file.read(path)


def _print(found: Verification, option: Namespace, name: str) -> None:
    screen = console()
    for fact in (*found.restored.files, *found.restored.notes):
        screen.print(Text(show_value(fact, plain=True)))
    if found.tables:
        screen.print(
            f"restored into PostgreSQL {found.version} in {found.seconds:.1f} s: "
            f"{_count(len(found.tables), 'table')}, {_count(found.rows, 'row')}"
        )
    table = Table(box=None, pad_edge=False)
    for column in ("    table", "rows", "bytes"):
        table.add_column(column, justify="left" if "table" in column else "right")
    for held in found.tables:
        table.add_row(Text(f"    {show_value(held.name, plain=True)}"), f"{held.rows:,}", f"{held.size:,}")
    if found.tables:
        screen.print(table)
    for words in found.lacking:
        screen.print(Text(show_value(f"not in it: {words}", plain=True)))
    if any(not result.equal for result in found.comparisons):
        writer = comparison_report.Writer(as_json=False, show_values=option.show_values, console=screen)
        for result in found.comparisons:
            if not result.equal:
                writer.table(result)
    for words in (*found.notes, *found.problems):
        screen.print(Text(show_value(words, plain=True)))
    if found.problems or not found.unjudged:
        print(_conclude(found, name))


def _conclude(found: Verification, name: str) -> str:
    """The last line."""
    if found.problems:
        return f"NOT PROVEN: {name} is not what it claims to be: {show_value(found.problems[0], plain=True)}"
    if found.unjudged:
        return f"ERROR: {_count(len(found.unjudged), 'table')} could not be compared: {found.unjudged[0].table}"
    compared = (
        f"equal, row for row, to what --against names: {_count(len(found.comparisons), 'table')}, "
        f"{_count(found.compared_rows, 'row')}"
        if found.comparisons
        else f"whole: all of its {found.rows:,} rows arrived; it was compared with nothing (--against)"
    )
    scope = f" for {_list(found.schemas)}" if found.schemas else ""
    return f"PROVEN{scope}: {name} is {compared}{_unproven(found)}"


def _list_facts(found: Verification) -> dict[str, str]:
    """What a reader of the record should know."""
    return {
        "restored into": f"PostgreSQL {found.version}, in {found.seconds:.1f} s",
        "rows": f"{found.rows:,} in {_count(len(found.tables), 'table')}",
        "compared": f"{found.compared_rows:,} rows in {_count(len(found.comparisons), 'table')}"
        if found.comparisons
        else "with nothing (--against)",
    }


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _list(schemas: Sequence[str]) -> str:
    return f"schema{'s' if len(schemas) > 1 else ''} {', '.join(schemas)}"


def _unproven(found: Verification) -> str:
    number = len(found.restored.unrestored)
    return f"; {number:,} object{'s' if number > 1 else ''} could not be restored here, so not proven" if number else ""


def _object(found: Verification, proven: bool | None, option: Namespace) -> dict[str, Any]:
    writer = comparison_report.Writer(as_json=True, show_values=option.show_values, console=console())
    return {
        "proven": proven,
        "problems": list(found.problems),
        "notes": list(found.notes),
        "facts": list(found.restored.facts),
        "schemas": list(found.schemas),
        "not_in_it": list(found.lacking),
        "unrestored": list(map(str, found.restored.unrestored)),
        "restored_into": found.version,
        "seconds": round(found.seconds, 3),
        "rows": found.rows,
        "tables": [{"table": held.name, "rows": held.rows, "bytes": held.size} for held in found.tables],
        "compared": [writer.object(result) for result in found.comparisons],
    }
