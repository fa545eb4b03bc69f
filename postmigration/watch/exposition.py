"""What a watch sees, as OpenMetrics that Prometheus scrapes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from postmigration.model.errors import CannotJudge
from postmigration.watch.judging import Incident
from postmigration.watch.names import exposed_name
from postmigration.watch.points import COUNTERS, GAUGES
from postmigration.watch.sampling import DECLARED
from postmigration.watch.series import Sample

# What is read seldom is shown until it is due again, and somewhat longer.
_STALE = datetime.timedelta(minutes=11)


class Exposition:
    """The last that was seen of each family; prometheus-client asks it at each scrape."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[datetime.datetime, Mapping[str, Mapping[str, float]]]] = {}
        self._incidents: list[Incident] = []
        self._sample: Sample | None = None

    def show(self, sample: Sample, incidents: Iterable[Incident]) -> None:
        """Takes a new sample, and the findings that last."""
        # Of a server that cannot be reached nothing is known but that.
        read = {} if sample.lost else {k: v for k, v in self._read.items() if sample.at - v[0] <= _STALE}
        self._read = read | {family: (sample.at, rows) for family, rows in sample.values.items()}
        self._incidents = list(incidents)
        self._sample = sample

    def collect(self) -> Iterator[Any]:
        """The metrics of one scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        if self._sample is None:
            return
        read = dict(self._read)
        for titles, kind in ((GAUGES, GaugeMetricFamily), (COUNTERS, CounterMetricFamily)):
            for name, title in titles.items():
                family, _, column = name.partition(".")
                told = kind(exposed_name(name, total=False), title, labels=["subject"])
                for subject, numbers in read.get(family, (None, {}))[1].items():
                    if column in numbers:
                        told.add_metric([subject], numbers[column])
                yield told
        own = GaugeMetricFamily(exposed_name(DECLARED), "metrics of the project", labels=["name"])
        for name, number in read.get(DECLARED, (None, {}))[1].get("", {}).items():
            own.add_metric([name], number)
        yield own
        found = GaugeMetricFamily(
            "postmigration_finding", "findings that last", labels=["metric", "subject", "severity"]
        )
        for incident in self._incidents:
            severity = "critical" if incident.critical else "warning"
            found.add_metric([incident.metric.name, incident.subject, severity], 1)
        yield found
        unseen = GaugeMetricFamily("postmigration_unseen", "families that could not be read", labels=["family"])
        for family in self._sample.unseen:
            unseen.add_metric([family], 1)
        yield unseen
        yield GaugeMetricFamily("postmigration_sample_seconds", "how long a sample takes", value=self._sample.seconds)


@contextmanager
def serve(exposition: Exposition, address: str) -> Iterator[None]:
    """Serves it while the block runs.

    Args:
        address: host and port.

    Raises:
        CannotJudge: the address is none or is taken, or the library that serves is not installed.
    """
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 1 << 16):
        raise CannotJudge(f"--listen={address}: want HOST:PORT, like 127.0.0.1:9187")
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        needed = "pip install 'postmigration[watch]'"
        raise CannotJudge(f"--listen needs prometheus-client, which is not installed: {needed}") from None
    registry = CollectorRegistry()
    registry.register(exposition)
    try:
        server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=registry)
    except OSError as error:
        raise CannotJudge(f"--listen={address}: {error.strerror or error}") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
