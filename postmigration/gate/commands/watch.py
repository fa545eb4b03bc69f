"""The command `postmigration watch`: samples what a server tells of its work."""

from __future__ import annotations

import datetime
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from postmigration.gate import options
from postmigration.gate.commands.sides import open_snapshot
from postmigration.gate.project import is_project, project
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape, show_value
from postmigration.model.migration import Metric
from postmigration.model.verdict import GO
from postmigration.postgres.connection import Database
from postmigration.postgres.identity import server
from postmigration.watch.running import Clock, run
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Header, append, open_series

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SERIES = Path("reports/watch.jsonl")
_RECORDED = Path("metrics.jsonl")
_RECORDED_FOR = 7 * 86_400.0
_LONGEST = 366 * 86_400.0
CLOCK = Clock()


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "watch",
        help="watch a server at its work after the migration",
        description="Samples connections, locks, transactions, replication, checkpoints, tables, indexes, sizes and "
        "statements in short read-only transactions, and keeps the samples in a file.",
        epilog="exit status: 0 recorded, 2 interrupted, 4 could not be watched",
    )
    options.declare_database(parser.add_argument)
    parser.set_defaults(statement_timeout=5, lock_timeout=1)
    duration = {"type": read_duration, "metavar": "TIME"}
    parser.add_argument("--record", action="store_true", help="only record, the week before the migration")
    parser.add_argument("--for", dest="period", help="for how long: 90s, 30m, 48h, 7d (7d)", **duration)
    parser.add_argument("--interval", default=15.0, help="from one sample to the next (15s)", **duration)
    parser.add_argument("--once", action="store_true", help="take one sample more and end, for cron")
    parser.add_argument(
        "--series",
        type=Path,
        metavar="FILE",
        help=f"where the samples are kept, also from one start to the next ({_SERIES}; with --record {_RECORDED})",
    )
    parser.set_defaults(run=_run)


def read_duration(text: str) -> float:
    """The seconds of a duration as a user writes it.

    Raises:
        ArgumentTypeError: it is none.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ArgumentTypeError(f"{text!r} is no time: want one like 90s, 30m, 48h or 7d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST:
        raise ArgumentTypeError(f"{text!r}: want more than nothing, and a year at most")
    return seconds


def _run(option: Namespace) -> int:
    if not option.record:
        raise CannotJudge("nothing is judged yet: --record records")
    path = option.series or _RECORDED
    with ExitStack() as cleanup:
        database, header = _reach(option, cleanup)
        series = open_series(path, header, "--series")
        begin = series.samples[0].at if series.samples else CLOCK.now()
        sampler = Sampler(database, _read_declared(), series.samples)
        until = CLOCK.now() if option.once else begin + datetime.timedelta(seconds=option.period or _RECORDED_FOR)
        run(
            sampler,
            lambda sample: append(path, series, sample),
            clock=CLOCK,
            until=until,
            interval=option.interval,
        )
    print(f"{escape(str(path))}: {len(series.samples):,} samples of {show_value(header.database, plain=True)}")
    return GO


def _reach(option: Namespace, cleanup: ExitStack) -> tuple[Database, Header]:
    """The database, and which it is.

    Raises:
        CannotJudge: it is not named, cannot be reached, or would have something else taken for PostgreSQL's own.
    """
    snapshot = open_snapshot(option, cleanup, options.choose_target(option), "--db-url", option.schema)
    this = server(snapshot)
    snapshot.close()
    # A server that is started again is the same one.
    return snapshot.database, Header(this.label, this.identity[:2])


def _read_declared() -> Sequence[Metric]:
    """The metrics that the project in the working directory declares."""
    return project(Path.cwd())[0].metrics if is_project(Path.cwd()) else ()
