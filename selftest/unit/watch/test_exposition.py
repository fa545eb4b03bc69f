import datetime
import urllib.request

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.exposition import Exposition, serve
from postmigration.watch.judging import judge
from postmigration.watch.series import Sample
from selftest.servers import free_port

LIVE = 'a "b" \\ c\nd'


def at(minute: float) -> datetime.datetime:
    return datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC) + datetime.timedelta(minutes=minute)


def scrape(exposition: Exposition) -> dict[tuple[str, ...], float]:
    """What a scrape gives, by the name and the values of the labels."""
    parser = pytest.importorskip("prometheus_client.openmetrics.parser", reason="the extra [watch] is not installed")
    address = f"127.0.0.1:{free_port()}"
    with serve(exposition, address):
        request = urllib.request.Request(
            f"http://{address}/metrics", headers={"Accept": "application/openmetrics-text"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = str(answer.read().decode())
    assert text.endswith("# EOF\n")
    families = parser.text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@pytest.mark.full
def test_a_scrape_shows_the_last_that_was_read() -> None:
    exposition = Exposition()
    assert scrape(exposition) == {}
    tables = {"tables": {LIVE: {"whole_reads": 3.0, "dead_share": 0.5}}}
    waiting = {"locks": {"": {"waiting": 9.0}}, "server": {"": {"reachable": 1.0}}, "declared": {"": {"errors": 2.0}}}
    samples = [Sample(at=at(n), values={**waiting, **(tables if n == 0 else {})}, seconds=0.25) for n in range(3)]
    for sample in samples:
        exposition.show(sample, judge(samples, [Metric(name="locks.waiting", max=5)]).incidents)
    expected = {
        ("postmigration_tables_whole_reads_total", LIVE): 3.0,
        ("postmigration_tables_dead_share", LIVE): 0.5,
        ("postmigration_locks_waiting", ""): 9.0,
        ("postmigration_server_reachable", ""): 1.0,
        ("postmigration_declared", "errors"): 2.0,
        ("postmigration_finding", "locks.waiting", "critical", ""): 1.0,
        ("postmigration_sample_seconds",): 0.25,
    }
    assert scrape(exposition) == expected
    exposition.show(Sample(at=at(4), lost="gone", values={"server": {"": {"reachable": 0.0}}}), [])
    assert scrape(exposition) == {
        ("postmigration_server_reachable", ""): 0.0,
        ("postmigration_sample_seconds",): 0.0,
    }


@pytest.mark.parametrize("address", ["9187", ":9187", "localhost:", "localhost:0", "localhost:99999", "x:y"])
def test_an_address_that_cannot_be_meant_is_refused(address: str) -> None:
    with pytest.raises(CannotJudge, match="want HOST:PORT"), serve(Exposition(), address):
        pass


def test_an_address_that_is_taken_is_refused() -> None:
    pytest.importorskip("prometheus_client", reason="the extra [watch] is not installed")
    address = f"127.0.0.1:{free_port()}"
    with serve(Exposition(), address), pytest.raises(CannotJudge, match="Address already in use"):  # noqa: SIM117
        with serve(Exposition(), address):
            pass


def test_what_is_read_seldom_is_shown_until_it_is_stale_and_what_was_not_seen_is_told() -> None:
    exposition = Exposition()
    exposition.show(Sample(at=at(0), values={"tables": {"": {"dead_share": 0.5}}}), [])
    shown = []
    for minute in (10, 12):
        exposition.show(Sample(at=at(minute), unseen={"locks": "why"}), [])
        found = {one.name: one for family in exposition.collect() for one in family.samples}
        assert found["postmigration_unseen"].labels == {"family": "locks"}
        shown.append("postmigration_tables_dead_share" in found)
    assert shown == [True, False]
