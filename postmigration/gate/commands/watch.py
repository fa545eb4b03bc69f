"""The command `postmigration watch`: samples what a server tells of its work, and judges it."""

from __future__ import annotations

import datetime
import re
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from postmigration.gate import options
from postmigration.gate.commands.sides import open_snapshot
from postmigration.gate.project import read_metrics
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape, show_value
from postmigration.model.migration import Metric
from postmigration.model.verdict import CANNOT_JUDGE, GO, Verdict
from postmigration.postgres.connection import Database
from postmigration.postgres.identity import server
from postmigration.report.ending import conclude
from postmigration.watch.comparison import compare, require_scipy
from postmigration.watch.exposition import Exposition, serve
from postmigration.watch.judging import Incident, Judgement, judge
from postmigration.watch.page import Report, describe_facts, describe_unfinished, write
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.running import Clock, run
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Header, Sample, Series, append, open_series, read_series
from postmigration.watch.telling import conclude_watch, describe_all, describe_incident, name_incident, show_time

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SERIES = Path("reports/watch.jsonl")
_RECORDED = Path("metrics.jsonl")
_RECORDED_FOR = 7 * 86_400.0
_WATCHED_FOR = 48 * 3_600.0
# What has begun or ended is told by the samples of so long.
_RECENT = datetime.timedelta(minutes=20)
_LONGEST = 366 * 86_400.0
# How often the page of a watch that goes on is written anew.
_REWRITE = datetime.timedelta(minutes=30)
CLOCK = Clock()


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "watch",
        help="watch a server at its work after the migration",
        description="Samples connections, locks, transactions, replication, checkpoints, tables, indexes, sizes and "
        "statements in short read-only transactions, keeps the samples in a file, and says when something left its "
        "range, and at the end GO or NO-GO.",
        epilog="exit status: 0 GO or recorded, 1 NO-GO, 2 interrupted, 4 could not be judged",
    )
    options.declare_database(parser.add_argument)
    parser.set_defaults(statement_timeout=5, lock_timeout=1)
    duration = {"type": read_duration, "metavar": "TIME"}
    parser.add_argument("--record", action="store_true", help="only record, the week before the migration")
    parser.add_argument(
        "--for", dest="period", help="for how long: 90s, 30m, 48h, 7d (48h; with --record 7d)", **duration
    )
    parser.add_argument("--interval", default=15.0, help="from one sample to the next (15s)", **duration)
    parser.add_argument("--once", action="store_true", help="take one sample more and judge what is so now, for cron")
    parser.add_argument(
        "--series",
        type=Path,
        metavar="FILE",
        help=f"where the samples are kept, also from one start to the next ({_SERIES}; with --record {_RECORDED})",
    )
    parser.add_argument("--before", type=Path, metavar="FILE", help="compare with this series, which --record made")
    parser.add_argument("--listen", metavar="HOST:PORT", help="let Prometheus scrape what is seen, at /metrics")
    html = Path("reports/watch.html")
    parser.add_argument("--html", type=Path, default=html, metavar="FILE", help="the report (%(default)s)")
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
    path = option.series or (_RECORDED if option.record else _SERIES)
    period = datetime.timedelta(seconds=option.period or (_RECORDED_FOR if option.record else _WATCHED_FOR))
    declared = read_metrics(Path.cwd())
    metrics = choose_metrics(declared)
    before = _read_before(option)
    with ExitStack() as cleanup:
        database, header = _reach(option, cleanup)
        series = open_series(path, header, "--series")
        sampler = Sampler(database, declared, series.samples)
        until = CLOCK.now() if option.once else _find_end(series, path, period)
        if option.record:
            run(sampler, partial(append, path, series), clock=CLOCK, until=until, interval=option.interval)
            database_name = show_value(header.database, plain=True)
            print(f"{escape(str(path))}: {len(series.samples):,} samples of {database_name}")
            return GO
        exposition = Exposition()
        if option.listen:
            cleanup.enter_context(serve(exposition, option.listen))
        watch = _Watch(series, path, metrics, before, option, period, exposition)
        watch.write(finished=False)
        try:
            run(sampler, watch.keep, clock=CLOCK, until=until, interval=option.interval)
        except KeyboardInterrupt:
            watch.write(finished=False)
            raise
    judgement, verdict = watch.write(finished=True)
    for line in describe_all(judgement) if judgement else ():
        print(line)
    conclude(verdict, ())
    return verdict.status


def _find_end(series: Series, path: Path, period: datetime.timedelta) -> datetime.datetime:
    """When a watch ends that begins now, or goes on.

    Raises:
        CannotJudge: the file holds one that came to its end: its samples would be judged once more, and nothing new.
    """
    if not series.samples:
        return CLOCK.now() + period
    until, last = series.samples[0].at + period, series.samples[-1].at
    if last >= until:
        raise CannotJudge(
            f"--series={path} holds a watch that came to its end at {show_time(last)}: name another file, or go on for "
            "longer with --for"
        )
    return until


class _Watch:
    """Keeps each sample, says at once what has begun or ended with it, and writes the page.

    Args:
        metrics: what is judged.
        before: with what it is compared; empty for nothing.
        option: what the user chose.
        period: of how long before now the samples count with `--once`.
        exposition: shows each sample to Prometheus.
    """

    def __init__(
        self,
        series: Series,
        path: Path,
        metrics: Sequence[Metric],
        before: Sequence[Sample],
        option: Namespace,
        period: datetime.timedelta,
        exposition: Exposition,
    ) -> None:
        self._series = series
        self._path = path
        self._metrics = metrics
        self._before = before
        self._option = option
        self._period = period
        self._exposition = exposition
        self._open: dict[tuple[str, str], Incident] = {}
        self._written: datetime.datetime | None = None

    def keep(self, sample: Sample) -> None:
        """Keeps a sample."""
        append(self._path, self._series, sample)
        recent = [known for known in self._series.samples if known.at > sample.at - _RECENT]
        found = judge(recent, self._metrics).incidents
        lasting = {(one.metric.name, one.subject): one for one in found if one.ended is None}
        self._exposition.show(sample, lasting.values())
        now = show_time(sample.at)
        for key, incident in lasting.items():
            if key not in self._open:
                print(f"{now} begun: {describe_incident(incident)[0]}", file=sys.stderr, flush=True)
        for key, incident in self._open.items():
            if key not in lasting:
                print(f"{now} ended: {name_incident(incident)}", file=sys.stderr, flush=True)
        self._open = lasting
        if self._written is None or sample.at - self._written >= _REWRITE:
            self._written = sample.at
            self.write(finished=False)

    def write(self, *, finished: bool) -> tuple[Judgement | None, Verdict]:
        """Writes the page of what was seen so far, and gives what that comes to."""
        subject = show_value(self._series.header.database, plain=True)
        samples = self._series.samples
        if self._option.once and samples:
            samples = [sample for sample in samples if sample.at > samples[-1].at - self._period]
        judgement = judge(samples, self._metrics) if samples else None
        if judgement is not None and self._before:
            compare(judgement, samples, self._before)
        verdict = Verdict("PARTIAL", f"nothing was sampled, {subject}", CANNOT_JUDGE, subject)
        facts = {"database": subject}
        if judgement is not None:
            verdict = conclude_watch(judgement, subject, lasting=self._option.once)
            facts = describe_facts(subject, judgement)
        told = verdict if finished else describe_unfinished(verdict)
        write(Report(judgement, told, finished, facts), self._option.html)
        return judgement, verdict


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


def _read_before(option: Namespace) -> Sequence[Sample]:
    """The series that was recorded before; empty where none is named."""
    if option.before is None:
        return ()
    if option.record:
        raise CannotJudge("--record compares with nothing: leave out --before")
    require_scipy()
    samples = read_series(option.before, "--before").samples
    if not samples:
        raise CannotJudge(f"--before={option.before} holds no samples: want a file that --record has written")
    return samples
