"""What Prometheus scrapes, the rules that it evaluates and the dashboard that asks it; with Debian's prometheus."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from postmigration.gate.commands import cli
from postmigration.model.migration import Metric
from postmigration.watch.dashboards import make_dashboard, make_files, make_rules, write_files
from postmigration.watch.names import exposed_name, express
from postmigration.watch.points import COUNTERS
from postmigration.watch.prometheus import Prometheus
from postmigration.watch.ranges import choose_metrics
from selftest.servers import free_port
from selftest.watch.conftest import Watched

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="no prometheus and promtool here (apt-get install prometheus)"
)
# In seconds; what works answers within two.
_PATIENCE = 60
ERRORS = Metric(name="errors", sql="SELECT count(*) FROM error_log", counter=True, max=5, interval=60, fix="read it")


def get(url: str, accept: str = "*/*") -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=10) as answer:
        return str(answer.read().decode())


def test_an_expression_asks_for_what_is_judged() -> None:
    assert express(Metric(name="locks.waiting")) == "postmigration_locks_waiting"
    assert express(ERRORS) == 'rate(postmigration_declared{name="errors"}[120s]) * 60'
    assert express(Metric(name="database.deadlocks")) == "rate(postmigration_database_deadlocks_total[120s]) * 60"
    assert express(Metric(name="sizes.bytes", growth=True)) == "deriv(postmigration_sizes_bytes[600s]) * 60"
    assert express(Metric(name="x", sql="SELECT 1")) == 'postmigration_declared{name="x"}'
    assert exposed_name("database.deadlocks", total=False) == "postmigration_database_deadlocks"
    assert "database.deadlocks" in COUNTERS


def test_the_command_writes_files_and_overwrites_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["dashboards", "monitoring", "--listen=db:9999"]) == 0
    files = capsys.readouterr().out.splitlines()
    assert len(files) == 5
    assert all(json.loads(Path(file).read_text()) for file in files)
    assert json.loads(Path("monitoring/prometheus.yml").read_text())["scrape_configs"][0]["static_configs"] == [
        {"targets": ["db:9999"]}
    ]
    assert cli.main(["dashboards", "monitoring"]) == 4
    assert "monitoring/prometheus.yml is there already: name another directory" in capsys.readouterr().err


# What happens on a server, and the alerts that must fire 10 minutes after it began: as `promtool test rules` takes it.
INCIDENTS: Mapping[str, tuple[dict[str, str], set[str]]] = {
    "nothing": ({}, set()),
    "a lock pile-up": (
        {
            'postmigration_locks_waiting{subject=""}': "9x60",
            'postmigration_locks_longest_seconds{subject=""}': "0+15x60",
        },
        {"LocksWaitingHigh", "LocksLongestSecondsHigh"},
    ),
    "a connection leak": ({'postmigration_connections_share{subject=""}': "0.2+0.1x60"}, {"ConnectionsShareHigh"}),
    "errors": ({'postmigration_declared{name="errors"}': "0+10x60"}, {"ErrorsHigh"}),
    "an index that was dropped": (
        {
            'postmigration_tables_whole_reads_total{subject="public.parcels"}': "0+5x60",
            'postmigration_tables_index_reads_total{subject="public.parcels"}': "0x60",
            'postmigration_statements_calls_total{subject="1 SELECT"}': "0+20x60",
            'postmigration_statements_ms_total{subject="1 SELECT"}': "0+90000x60",
        },
        {"TablesWholeReadsHigh", "StatementsMeanMsHigh"},
    ),
    "deadlocks": ({'postmigration_database_deadlocks_total{subject=""}': "0+2x60"}, {"DatabaseDeadlocksHigh"}),
    "a server that is gone": ({'postmigration_server_reachable{subject=""}': "0x60"}, {"ServerReachableLow"}),
}
QUIET = {
    'postmigration_server_reachable{subject=""}': "1x60",
    'postmigration_locks_waiting{subject=""}': "0x60",
    'postmigration_connections_share{subject=""}': "0.2x60",
    'postmigration_database_deadlocks_total{subject=""}': "7x60",
    'postmigration_declared{name="errors"}': "0+1x60",
}


def promtool(*arguments: str) -> None:
    """Has promtool look at files; what it finds wrong fails the selftest."""
    done = subprocess.run([PROMTOOL or "", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
@pytest.mark.full
@pytest.mark.parametrize("incident", INCIDENTS)
def test_promtool_finds_the_incidents_by_the_rules(tmp_path: Path, incident: str) -> None:
    happens, alerts = INCIDENTS[incident]
    metrics = choose_metrics([ERRORS])
    write_files(make_files(metrics, "localhost:9187"), tmp_path)
    promtool("check", "rules", str(tmp_path / "postmigration.rules.yml"))
    promtool("check", "config", str(tmp_path / "prometheus.yml"))
    series = [{"series": name, "values": values} for name, values in {**QUIET, **happens}.items()]
    # An expression that counts the alerts that fire says each by its name, without its labels and words.
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(alerts)]
    query = {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "10m", "exp_samples": expected}
    tests = {
        "rule_files": [str(tmp_path / "postmigration.rules.yml")],
        "evaluation_interval": "15s",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [query]}],
    }
    (tmp_path / "tests.yml").write_text(json.dumps(tests))
    promtool("test", "rules", str(tmp_path / "tests.yml"))


@contextmanager
def running(*command: str, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended with the block."""
    with (directory / f"{Path(command[0]).name}.log").open("w+") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def wait_for(process: subprocess.Popen[str], happened: Callable[[], Any]) -> Any:
    """Waits until something is there, as long as a program runs."""
    last = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < last:
        try:
            if found := happened():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"nothing came: status {process.returncode}")


# Of what this server has nothing: receivers, and statements that are counted.
EMPTY = {"replication.lag_seconds", "replication.lag_bytes", "statements.mean_ms"}


@needs_prometheus
@pytest.mark.full
def test_prometheus_scrapes_a_watch_and_answers_the_dashboard(watched: Watched, tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="the extra [watch] is not installed")
    watch, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(2))
    (tmp_path / "pyproject.toml").write_text(
        '[tool.postmigration]\nmigration = "migration.toml"\nchecks = "."\n',
    )
    (tmp_path / "migration.toml").write_text(
        'name = "x"\n[[metric]]\nname = "errors"\nsql = "SELECT count(*) FROM error_log"\ncounter = true\nmax = 5\n'
    )
    metrics = choose_metrics([ERRORS])
    write_files(make_files(metrics, watch), tmp_path)
    config = tmp_path / "prometheus.yml"
    config.write_text(config.read_text().replace('"15s"', '"1s"'))
    watched.execute("SELECT pg_create_physical_replication_slot('scraped', true)")
    asked = ["watch", f"--db-url={watched.conninfo}", "--interval=1s", "--checks-every=1m", f"--listen={watch}"]
    served = [PROMETHEUS or "", "--config.file=prometheus.yml", f"--web.listen-address={prometheus}"]
    served += ["--storage.tsdb.path=data", "--log.level=error"]

    def ask(expression: str) -> Any:
        found = json.loads(get(f"http://{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
        assert found["status"] == "success"
        return found["data"]["result"]

    try:
        with (
            running(sys.executable, "-m", "postmigration", *asked, directory=tmp_path) as watching,
            running(*served, directory=tmp_path) as serving,
        ):
            wait_for(watching, lambda: get(f"http://{watch}/metrics"))
            for panel in make_dashboard(metrics)["panels"]:
                expression = panel["targets"][0]["expr"].replace("[120s]", "[5s]").replace("[600s]", "[5s]")
                # Where nearly nothing happens, a share of it is nothing: it need not be asked for so much.
                expression = expression.replace(">= 10000", ">= 0").replace(">= 100", ">= 0").replace(">= 5", ">= 0")
                if panel["title"] in EMPTY:
                    assert ask(expression) == []
                else:
                    assert wait_for(serving, partial(ask, expression)), panel["title"]
            (reachable,) = ask("postmigration_server_reachable")
            assert reachable["value"][1] == "1"
            assert Prometheus(f"http://{prometheus}/").ask("max(postmigration_server_reachable)") == 1
            rules = json.loads(get(f"http://{prometheus}/api/v1/rules"))["data"]["groups"][0]["rules"]
            assert {rule["name"] for rule in rules} == {rule["alert"] for rule in make_rules(metrics)}
    finally:
        watched.execute("SELECT pg_drop_replication_slot('scraped')")
    assert watching.returncode == 2
