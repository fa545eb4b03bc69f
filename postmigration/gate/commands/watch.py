"""The command `postmigration watch`: samples what a server tells of its work, and judges it."""

from __future__ import annotations

import datetime
import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from postmigration.deployment.subject import identify
from postmigration.gate import options
from postmigration.gate.commands.sides import open_snapshot
from postmigration.gate.project import read_project
from postmigration.gate.running.durations import read_seconds, read_timestamp
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.evidence import escape, show_value
from postmigration.model.migration import Conventions, Metric
from postmigration.model.verdict import CANNOT_JUDGE, GO, Verdict
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.identity import Server, server
from postmigration.postgres.refusals import describe_refusal
from postmigration.report.ending import conclude
from postmigration.watch.comparison import compare, require_scipy
from postmigration.watch.exposition import Exposition, serve
from postmigration.watch.judging import Incident, Judgement, find_lasting, judge
from postmigration.watch.page import Report, describe_facts, describe_unfinished, write
from postmigration.watch.points import FARTHEST
from postmigration.watch.prometheus import Prometheus
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.rows.rechecks import CHECKS, Rechecks
from postmigration.watch.rows.written import count_written, describe_lost
from postmigration.watch.running import Clock, run
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Header, Sample, Series, append, open_series, read_series
from postmigration.watch.telling import conclude_watch, describe_all, describe_incident, name_incident, show_time

_SERIES = Path("reports/watch.jsonl")
_RECORDED = Path("metrics.jsonl")
_RECORDED_FOR = 7 * 86_400.0
_WATCHED_FOR = 48 * 3_600.0
_LONGEST = 366 * 86_400.0
# From which share of unseen time on a person must sign what a watch proves.
_UNSEEN = 0.05
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
    parser.add_argument(
        "--checks-every",
        help="how often cheap checks are made again: references of rows that were written since, sequences, indexes, "
        "triggers (10m; default: never)",
        **duration,
    )
    parser.add_argument(
        "--cutover",
        metavar="TIMESTAMP",
        help="when the migrated application went live: what was written since is looked at, and would be lost by a "
        "rollback (default: when the watch began)",
    )
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="the Prometheus server that metrics with promql are asked of (or $POSTMIGRATION_PROMETHEUS)",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help="let Prometheus scrape what is seen, at /metrics")
    html = Path("reports/watch.html")
    parser.add_argument("--html", type=Path, default=html, metavar="FILE", help="the report (%(default)s)")
    options.declare_record(parser.add_argument)
    parser.set_defaults(run=_run)


def read_duration(text: str) -> float:
    """The seconds of a duration as a user writes it.

    Raises:
        ArgumentTypeError: it is none.
    """
    seconds = read_seconds(text)
    if seconds is None:
        raise ArgumentTypeError(f"{text!r} is no time: want one like 90s, 30m, 48h or 7d")
    if not 0 < seconds <= _LONGEST:
        raise ArgumentTypeError(f"{text!r}: want more than nothing, and a year at most")
    return seconds


def _run(option: Namespace) -> int:
    recording = option.recording = options.begin_record(option, "watch", Path.cwd(), option.html)
    # What only records, or looks once, has not watched for long enough to prove anything.
    recording.wanted = recording.wanted and not (option.record or option.once)
    path = option.series or (_RECORDED if option.record else _SERIES)
    period = datetime.timedelta(seconds=option.period or (_RECORDED_FOR if option.record else _WATCHED_FOR))
    project = read_project(Path.cwd())
    metrics = choose_metrics(project.metrics)
    cutover = None if option.cutover is None else read_timestamp(option.cutover)
    if option.checks_every:
        metrics = [replace(m, must_have_data=True) if m.name.startswith(f"{CHECKS}.") else m for m in metrics]
    before = _read_before(option)
    prometheus = _choose_prometheus(option, project.metrics)
    if option.interval > FARTHEST.total_seconds() and not option.once:
        raise CannotJudge(
            f"--interval: want {FARTHEST.total_seconds() / 60:g}m or less: nothing is known of what is between"
        )
    with ExitStack() as cleanup:
        database, this = _reach(option, cleanup)
        # A server that is started again is the same one.
        header = Header(this.label, this.identity[:2])
        recording.database = identify(this)
        if recording.wanted and project.name:
            recording.bind(project)
        series = open_series(path, header, "--series")
        since = cutover or (series.samples[0].at if series.samples else CLOCK.now()).isoformat(timespec="seconds")
        rechecks = None
        if option.checks_every:
            rechecks = Rechecks(option.checks_every, project.references, project.conventions, since)
        sampler = Sampler(database, project.metrics, series.samples, rechecks, prometheus)
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
        finally:
            # A watch that goes on where it was interrupted is one watch.
            recording.started = min([recording.started, *(sample.at for sample in series.samples[:1])])
        if not option.once:
            watch.notes = _tell_of_rollback(database, project.conventions, since)
        judgement, verdict = watch.write(finished=True)
    recording.conclude(verdict.line)
    if judgement is not None:
        recording.facts |= describe_facts(header.database, judgement)
        if judgement.unseen_share > _UNSEEN:
            recording.weakened = [f"not seeing {judgement.unseen_share:.0%} of the time"]
    recording.facts["rollback"] = "; ".join(watch.notes)
    for line in describe_all(judgement) if judgement else ():
        print(line)
    conclude(verdict, ())
    return verdict.status


def _choose_prometheus(option: Namespace, metrics: Sequence[Metric]) -> Prometheus | None:
    """Whom metrics are asked of that are not the database's.

    Raises:
        CannotJudge: nobody is named and a metric is to be asked of somebody, or what is named is no address.
    """
    url = option.prometheus if option.prometheus is not None else os.environ.get("POSTMIGRATION_PROMETHEUS")
    asked = [metric.name for metric in metrics if metric.promql]
    if url is None and asked:
        raise CannotJudge(
            f"[[metric]] {asked[0]} has promql: name the server that is asked with --prometheus=URL (or "
            "$POSTMIGRATION_PROMETHEUS)"
        )
    return None if url is None else Prometheus(url)


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
        # What is said at the end besides.
        self.notes: list[str] = []

    def keep(self, sample: Sample) -> None:
        """Keeps a sample."""
        append(self._path, self._series, sample)
        lasting = {(one.metric.name, one.subject): one for one in find_lasting(self._series.samples, self._metrics)}
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
        # Whoever looks now and then knows how often.
        farthest = None if self._option.once else FARTHEST
        judgement = judge(samples, self._metrics, farthest) if samples else None
        if judgement is not None and self._before:
            compare(judgement, samples, self._before)
        if judgement is not None:
            judgement.notes += self.notes
        verdict = Verdict("PARTIAL", f"nothing was sampled, {subject}", CANNOT_JUDGE, subject)
        facts = {"database": subject}
        if judgement is not None:
            verdict = conclude_watch(judgement, subject, lasting=self._option.once)
            facts = describe_facts(subject, judgement)
        told = verdict if finished else describe_unfinished(verdict)
        write(Report(judgement, told, finished, facts), self._option.html)
        return judgement, verdict


def _reach(option: Namespace, cleanup: ExitStack) -> tuple[Database, Server]:
    """The database, and which it is.

    Raises:
        CannotJudge: it is not named, cannot be reached, or would have something else taken for PostgreSQL's own.
    """
    snapshot = open_snapshot(option, cleanup, options.choose_target(option), "--db-url", option.schema)
    this = server(snapshot)
    snapshot.close()
    return snapshot.database, this


def _tell_of_rollback(database: Database, conventions: Conventions, since: str) -> list[str]:
    """What a rollback would lose now."""
    try:
        snapshot = Snapshot(database)
        try:
            return describe_lost(count_written(snapshot, conventions, since))
        finally:
            snapshot.close(commit=True)
    except sa.exc.DBAPIError as error:
        reason = describe_refusal(error)
    except (CannotJudge, NotJudged) as error:
        reason = str(error)
    return [f"what a rollback would lose is not known: {reason}"]


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
