"""Takes one sample: what the server tells at one time, in one short read-only transaction."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from msgspec.structs import replace

from postmigration.model.errors import CannotJudge, NotJudged, UnsafeToJudge
from postmigration.model.migration import Metric
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.refusals import describe_refusal, is_lost
from postmigration.watch.families import FAMILIES
from postmigration.watch.families.family import Family
from postmigration.watch.prometheus import Prometheus
from postmigration.watch.rows.rechecks import CHECKS, TOLD, WRONG, Rechecks
from postmigration.watch.series import Sample

# The family of the metrics that a project declares.
DECLARED = "declared"
# A metric of the project's own may count the rows of a large table: it is read so often in each of its intervals.
_OFTENER = 1 / 4
_SLACK = 0.5
_LISTED = 5
_SEES_SESSIONS = "SELECT pg_has_role('pg_read_all_stats', 'USAGE')"
_EXTENSION = """
    SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = :name
"""


class Sampler:
    """Takes samples of a database.

    Args:
        database: what to read; nothing is kept open between samples.
        declared: the metrics that the project declares; a family is read as often as the interval of one asks.
        earlier: samples that were taken before, by which it is known what is due.
        rechecks: the checks that are made again; None for none.
        prometheus: whom metrics with `promql` are asked of; None for nobody.
    """

    def __init__(
        self,
        database: Database,
        declared: Sequence[Metric] = (),
        earlier: Iterable[Sample] = (),
        rechecks: Rechecks | None = None,
        prometheus: Prometheus | None = None,
    ) -> None:
        self._database = database
        self._declared = [metric for metric in declared if metric.sql]
        self._elsewhere = [metric for metric in declared if metric.promql]
        self._prometheus = prometheus
        self._asked: dict[str, float] = {}
        for metric in declared:
            if not metric.own and metric.interval:
                family = metric.name.partition(".")[0]
                self._asked[family] = min(metric.interval, self._asked.get(family, math.inf))
        self._rechecks = rechecks
        # What the checks found first.
        self._first: Mapping[str, float] | None = None
        self._read: dict[str, datetime.datetime] = {}
        for sample in earlier:
            own = (f"{DECLARED}.{name}" for name in sample.values.get(DECLARED, {}).get("", {}))
            self._read.update(dict.fromkeys((*sample.values, *sample.unseen, *own), sample.at))
            if self._first is None and CHECKS in sample.values:
                self._first = {name: max(row.values()) for name, row in sample.values[CHECKS].items() if name}

    def take(self, at: datetime.datetime) -> Sample:
        """Takes a sample; what cannot be read is said in it.

        Args:
            at: the time it is now.

        Raises:
            UnsafeToJudge: something of the database would be taken for PostgreSQL's own.
        """
        sample = self._take(at)
        if self._prometheus is None or not self._elsewhere:
            return sample
        # Now that no snapshot is open, which vacuum would have to wait for.
        values, unseen = self._prometheus.read(self._elsewhere)
        own = {**sample.values.get(DECLARED, {}).get("", {}), **values}
        return replace(
            sample,
            values={**sample.values, **({DECLARED: {"": own}} if own else {})},
            unseen={**sample.unseen, **{f"{DECLARED}.{name}": reason for name, reason in unseen.items()}},
        )

    def _take(self, at: datetime.datetime) -> Sample:
        begun = time.perf_counter()
        try:
            snapshot = Snapshot(self._database)
        except UnsafeToJudge:
            raise
        except (CannotJudge, NotJudged) as error:
            return self._lose(at, str(error))
        except sa.exc.DBAPIError as error:
            return self._lose(at, describe_refusal(error))
        try:
            reading = _Reading(snapshot)
            for family in FAMILIES:
                if self._is_due(family, at):
                    reading.read(family)
            due = [
                metric for metric in self._declared if self._has_passed(_name(metric), at, metric.interval * _OFTENER)
            ]
            for metric in due:
                reading.read_declared(metric)
            if self._rechecks is not None and self._has_passed(CHECKS, at, self._rechecks.every):
                self._first = reading.read_checks(self._rechecks, self._first)
        except NotJudged as error:
            return self._lose(at, str(error))
        finally:
            snapshot.close(commit=True)
        self._read.update(dict.fromkeys((*reading.values, *reading.unseen, *map(_name, due)), at))
        reading.values["server"] = {"": {"reachable": 1.0}}
        return Sample(
            at=at,
            started=reading.started,
            values=reading.values,
            words=reading.words,
            unseen=reading.unseen,
            seconds=round(time.perf_counter() - begun, 4),
        )

    def _is_due(self, family: Family, at: datetime.datetime) -> bool:
        return self._has_passed(family.name, at, min(family.every, self._asked.get(family.name, math.inf)))

    def _has_passed(self, name: str, at: datetime.datetime, seconds: float) -> bool:
        last = self._read.get(name)
        return last is None or (at - last).total_seconds() >= seconds - _SLACK

    def _lose(self, at: datetime.datetime, reason: str) -> Sample:
        return Sample(at=at, lost=reason, values={"server": {"": {"reachable": 0.0}}})


def _name(metric: Metric) -> str:
    """What a metric of the project's own is called among what was read."""
    return f"{DECLARED}.{metric.name}"


class _Reading:
    """What one snapshot tells."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._version = int(snapshot.info.server_version) // 10_000
        self.started = str(snapshot.scalar("SELECT pg_postmaster_start_time()"))
        self._sees_sessions = bool(snapshot.scalar(_SEES_SESSIONS))
        self.values: dict[str, dict[str, dict[str, float]]] = {}
        self.words: dict[str, list[str]] = {}
        self.unseen: dict[str, str] = {}

    def read(self, family: Family) -> None:
        """Reads a family, or says why it cannot be read; one that the server does not have is left out."""
        sql = family.choose_sql(self._version)
        if sql is None:
            return
        try:
            if family.extension:
                schema = self._snapshot.scalar(_EXTENSION, name=family.extension)
                if schema is None:
                    return
                sql = sql.replace("{schema}", quoted(schema))
            if family.all_sessions and not self._sees_sessions:
                self.unseen[family.name] = "the role sees its own sessions only: grant it pg_monitor"
                return
            rows = self._snapshot.rows(sql)
            self.values[family.name] = _arrange(row._asdict() for row in rows)
            if any(row.get(family.asked, 0) > family.above for row in self.values[family.name].values()):
                self.words[family.name] = [str(row[0]) for row in self._snapshot.rows(family.words)]
        except sa.exc.DBAPIError as error:
            self._excuse(family.name, error)

    def read_declared(self, metric: Metric) -> None:
        """Reads a metric of the project's own."""
        name = _name(metric)
        try:
            rows = self._snapshot.rows(metric.sql, self._snapshot.application)
        except sa.exc.DBAPIError as error:
            self._excuse(name, error)
            return
        if len(rows) != 1 or len(rows[0]) != 1:
            self.unseen[name] = f"its query gives {len(rows):,} rows, want one row with one number"
            return
        number = _as_number(rows[0][0])
        if number is None:
            self.unseen[name] = "its query gives no number"
        else:
            self.values.setdefault(DECLARED, {}).setdefault("", {})[metric.name] = number

    def read_checks(self, rechecks: Rechecks, first: Mapping[str, float] | None) -> Mapping[str, float] | None:
        """Makes checks again.

        Args:
            first: what they found when the watch began; None where this is the first time.

        Returns:
            What they found first, as far as they could be made.
        """
        try:
            found = rechecks.read(self._snapshot)
        except sa.exc.DBAPIError as error:
            self._excuse(CHECKS, error)
            return first
        known = dict(found.wrong) if first is None else first
        self.values[CHECKS] = found.arrange(known)
        if found.words:
            self.words[CHECKS] = found.words
        if found.unseen:
            words = "; ".join(found.unseen[:_LISTED])
            more = len(found.unseen) - _LISTED
            self.unseen |= dict.fromkeys(
                (f"{CHECKS}.{WRONG}", f"{CHECKS}.{TOLD}"), words + f" and {more} more" * (more > 0)
            )
        return known

    def _excuse(self, name: str, error: sa.exc.DBAPIError) -> None:
        if is_lost(error):
            raise NotJudged(describe_refusal(error)) from None
        self.unseen[name] = describe_refusal(error)


def _arrange(rows: Iterable[dict[str, object]]) -> dict[str, dict[str, float]]:
    """The rows of a family by their subject, without what is no number."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        subject = str(row.pop("subject", "") or "")
        numbers = {name: _as_number(value) for name, value in row.items()}
        found[subject] = {name: number for name, number in numbers.items() if number is not None}
    return found


def _as_number(value: object) -> float | None:
    """A number of any of the server's types; None for what is none, and for one that is not finite."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
