"""Metrics that Prometheus is asked for: what it answers, what it does not, and that nobody else is asked."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.postgres.connection import Database
from postmigration.watch import prometheus
from postmigration.watch.prometheus import Prometheus, Unanswered
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.sampling import Sampler
from selftest.servers import free_port
from selftest.watch.conftest import BEGIN, Watched
from selftest.watch.test_command import here

__all__ = ["here"]

PASSWORD = "geheim-1"


def vector(*numbers: str) -> bytes:
    """What Prometheus answers to a query for some series."""
    result = [{"metric": {"job": str(n)}, "value": [1.0, number]} for n, number in enumerate(numbers)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


# The status and the body that a query is answered with.
ANSWERS: Mapping[str, tuple[int, bytes]] = {
    "one": (200, vector("0.25")),
    "scalar": (200, b'{"status":"success","data":{"resultType":"scalar","result":[1.5,"7"]}}'),
    "none": (200, vector()),
    "two": (200, vector("1", "2")),
    "nan": (200, vector("NaN")),
    "matrix": (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}'),
    "bad(": (400, b'{"status":"error","errorType":"bad_data","error":"parse error at char 5"}'),
    "secret": (401, b"no"),
    "page": (200, b"<html>"),
    "text": (200, b'{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"many"]}]}}'),
    "failed": (200, b'{"status":"error","error":"out of memory"}'),
    "away": (302, b""),
    "endless": (200, b" " * (2 << 20)),
}
REFUSED = {
    "none": r"its query gives 0 series, want one: put it into sum\(\) or max\(\)",
    "two": "its query gives 2 series, want one",
    "nan": "its query gives nan, as after a division by nothing",
    "matrix": "its query gives a matrix, want one number now",
    "bad(": "Prometheus answers with HTTP 400: parse error at char 5",
    "secret": "Prometheus answers with HTTP 401$",
    "page": "what answers is no Prometheus server",
    "text": "what answers is no Prometheus server",
    "failed": "Prometheus could not answer: out of memory",
    "away": "Prometheus answers with HTTP 302: it leads elsewhere, where nobody is asked",
    "endless": "answers with more than a megabyte",
}


class Answering(ThreadingHTTPServer):
    """A server that answers as Prometheus does, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = urllib.parse.parse_qs(query)["query"][0]
        self.server.asked.append((f"{path} {asked}", self.headers["Authorization"]))
        status, body = ANSWERS[asked]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"{self.server.url}/api/v1/query?query=one")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


@pytest.fixture
def answering() -> Iterator[Answering]:
    with Answering() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_number_that_a_query_gives(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    asked = Prometheus(answering.url)
    assert (asked.ask("one"), asked.ask("scalar")) == (0.25, 7)
    assert answering.asked == [("/api/v1/query one", None), ("/api/v1/query scalar", None)]


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_number_is_no_data(answering: Answering, query: str) -> None:
    with pytest.raises(Unanswered, match=REFUSED[query]):
        Prometheus(answering.url).ask(query)
    # Nobody was led elsewhere.
    assert [what for what, _ in answering.asked] == [f"/api/v1/query {query}"]


def test_a_server_that_never_ends_is_left(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_WHOLE", -1.0)
    with pytest.raises(Unanswered, match="Prometheus has not answered within") as reason:
        Prometheus(answering.url).ask("one")
    assert reason.value.silent


def test_credentials_are_sent_and_never_shown(answering: Answering) -> None:
    url = answering.url.replace("://", f"://me%40home:{PASSWORD}@")
    asked = Prometheus(f"{url}/prefix/")
    assert asked.ask("one") == 0.25
    # In base64: me@home:geheim-1.
    assert answering.asked == [("/prefix/api/v1/query one", "Basic bWVAaG9tZTpnZWhlaW0tMQ==")]
    silent = Prometheus(f"http://me:{PASSWORD}@127.0.0.1:{free_port()}")
    values, unseen = silent.read([Metric(name="a", promql="one"), Metric(name="b", promql="one")])
    assert values == {}
    assert unseen["a"] == unseen["b"]
    assert "Prometheus cannot be reached: " in unseen["a"]
    assert PASSWORD not in unseen["a"]


@pytest.mark.parametrize(
    "url",
    ["", "localhost:9090", "ftp://h", "http://", "http://h:x", f"http://u:{PASSWORD}@h/?a=1", "file:///etc/passwd"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(CannotJudge, match=r"--prometheus is no address of a Prometheus server") as refused:
        Prometheus(url)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("url", ["http://prometheus..example", "http://127.0.0.1/präfix"])
def test_what_cannot_be_an_address_is_no_data(url: str) -> None:
    with pytest.raises(Unanswered, match="Prometheus cannot be reached: ") as reason:
        Prometheus(url).ask("one")
    assert reason.value.silent


def test_what_is_declared_twice_is_refused() -> None:
    with pytest.raises(CannotJudge, match="a: it has sql and promql: want one of them"):
        choose_metrics([Metric(name="a", sql="SELECT 1", promql="one")])
    with pytest.raises(CannotJudge, match=r"locks\.waiting: there is a built-in metric of this name: leave out promql"):
        choose_metrics([Metric(name="locks.waiting", promql="one")])


def test_a_sample_holds_what_it_answers_also_without_the_database(answering: Answering) -> None:
    database = Database("host=127.0.0.1 port=1 dbname=x", option="--db-url")
    declared = [Metric(name="rate.of errors", promql="one"), Metric(name="gone", promql="none")]
    sample = Sampler(database, declared, prometheus=Prometheus(answering.url)).take(BEGIN)
    database.close()
    assert sample.values == {"server": {"": {"reachable": 0.0}}, "declared": {"": {"rate.of errors": 0.25}}}
    assert sample.unseen["declared.gone"].startswith("its query gives 0 series")


DECLARED = """
name = "x"
[[metric]]
name = "http.errors"
promql = "one"
max = 0.1
fix = "read the log"
"""


def test_the_command_judges_what_prometheus_answers(
    here: Watched, answering: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("migration.toml").write_text(DECLARED)
    asked = ["watch", f"--db-url={here.conninfo}", "--interval=60s", "--for=6m"]
    assert cli.main(asked) == 4
    assert capsys.readouterr().err == (
        "ERROR: [[metric]] http.errors has promql: name the server that is asked with --prometheus=URL (or "
        "$POSTMIGRATION_PROMETHEUS)\n"
    )
    assert cli.main([*asked, f"--prometheus={answering.url}"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("✘ http.errors: 0.25 (max 0.1), since 2026-11-02 12:00:00\n    fix: read the log\n")
    # One that cannot be reached is no pass.
    monkeypatch.setenv("POSTMIGRATION_PROMETHEUS", f"http://me:{PASSWORD}@127.0.0.1:{free_port()}")
    assert cli.main([*asked, "--series=other.jsonl"]) == 4
    left = capsys.readouterr()
    assert "○ http.errors was not judged: Prometheus cannot be reached: " in left.out
    kept = [left.out, left.err, *(path.read_text() for path in Path().rglob("*") if path.is_file())]
    assert not [text for text in kept if PASSWORD in text]
