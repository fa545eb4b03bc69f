"""The command `postmigration workload`: writes what an application has sent to a database."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from postmigration.checks.contents.examination import count
from postmigration.checks.workload import file
from postmigration.checks.workload.collect import collect
from postmigration.deployment.subject import identify
from postmigration.gate import options
from postmigration.gate.commands.sides import open_snapshot
from postmigration.model.errors import CannotJudge, NotApplicable, NotJudged
from postmigration.model.evidence import escape
from postmigration.model.verdict import GO
from postmigration.postgres.identity import server


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "workload",
        help="write the statements of an application, to try them on the migrated database",
        description="Writes the statements that pg_stat_statements of the state before has kept, without constants, "
        "and how each is parsed and planned there. Utility statements, which may hold passwords, are left out.",
        epilog="exit status: 0 written, 2 interrupted, 4 could not be read",
    )
    options.declare_database(parser.add_argument)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("workload.json"),
        metavar="FILE",
        help="where to write it (%(default)s)",
    )
    options.declare_record(parser.add_argument)
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    recording = option.recording = options.begin_record(option, "workload", Path.cwd())
    with ExitStack() as cleanup:
        snapshot = open_snapshot(
            option, cleanup, options.choose_target(option), "--db-url", option.schema, baseline=True
        )
        recording.database = identify(server(snapshot, baseline=True))
        try:
            workload = collect(snapshot)
        except (NotApplicable, NotJudged) as reason:
            raise CannotJudge(f"--db-url: {reason}") from None
        if not workload.statements:
            raise CannotJudge("--db-url: pg_stat_statements holds no statement of an application")
        file.write(workload, option.output)
        calls = sum(statement.calls for statement in workload.statements)
        line = f"{option.output}: {count(len(workload.statements), 'statement')}, sent {count(calls, 'time')}"
        recording.bind_backup([option.output])
        recording.conclude(f"WRITTEN: {line}")
        print(escape(line))
        for why, number in workload.left_out.items():
            print(f"left out: {number:,} {why}")
        refused = [one for one in workload.statements if one.before is not None and one.before.refused is not None]
        if refused:
            print(f"{count(len(refused), 'statement')} cannot be parsed there either, and will not be judged")
        return GO
