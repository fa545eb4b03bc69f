import json
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.dashboards import make_dashboard, make_files, make_rules, write_files
from postmigration.watch.names import express
from postmigration.watch.ranges import choose_metrics

ERRORS = Metric(name="errors", sql="SELECT count(*) FROM error_log", counter=True, max=5, interval=60, fix="read it")


def test_each_range_is_an_alert_and_each_metric_a_panel() -> None:
    metrics = choose_metrics([ERRORS])
    rules = {rule["labels"].get("metric") for rule in make_rules(metrics)}
    assert rules == {None, *(one.name for one in metrics if one.min is not None or one.max is not None)}
    names = [rule["alert"] for rule in make_rules(metrics)]
    assert len(set(names)) == len(names)
    dashboard = make_dashboard(metrics)
    assert [panel["title"] for panel in dashboard["panels"]] == [metric.name for metric in metrics]
    assert len({tuple(panel["gridPos"].values()) for panel in dashboard["panels"]}) == len(metrics)


def test_an_alert_waits_as_long_as_the_watch_does() -> None:
    high, missing = make_rules([ERRORS])
    assert (high["alert"], high["expr"], high["for"]) == ("ErrorsHigh", f"{express(ERRORS)} > 5", "120s")
    assert high["labels"] == {"severity": "critical", "metric": "errors"}
    assert high["annotations"]["description"] == "read it"
    assert missing["expr"] == "absent(postmigration_server_reachable)"
    (low, _) = make_rules([Metric(name="server.reachable", min=1, failures=1, critical=False)])
    assert (low["alert"], low["labels"]["severity"]) == ("ServerReachableLow", "warning")
    assert "for" not in low


def test_a_panel_shows_where_the_range_ends() -> None:
    metrics = [Metric(name="server.reachable", min=1), ERRORS, Metric(name="connections.clients")]
    panels = make_dashboard(metrics)["panels"]
    steps = [[step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]] for panel in panels]
    assert steps == [["red", "green"], ["green", "red"], ["green"]]
    assert [panel["targets"][0]["expr"] for panel in panels] == [express(metric) for metric in metrics]
    assert panels[1]["description"].endswith("; read it")


def test_files_are_written_once(tmp_path: Path) -> None:
    files = make_files([ERRORS], "db:9187")
    assert json.loads(files["prometheus.yml"])["scrape_configs"][0]["static_configs"] == [{"targets": ["db:9187"]}]
    directory = tmp_path / "monitoring"
    paths = write_files(files, directory)
    assert [str(path.relative_to(directory)) for path in paths] == list(files)
    assert {path.read_text() for path in paths} == set(files.values())
    with pytest.raises(CannotJudge, match=r"monitoring/prometheus\.yml is there already: name another directory"):
        write_files(files, directory)
    with pytest.raises(CannotJudge, match=r"prometheus\.yml cannot be written to: "):
        write_files(files, paths[0])
