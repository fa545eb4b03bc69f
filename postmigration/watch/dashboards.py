"""Rules for Prometheus and a dashboard for Grafana, of what a watch exposes and by the ranges that it judges by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.judging import Judged
from postmigration.watch.names import express

# How often a watch samples, and so how often it is worth scraping.
_SCRAPE = 15
_COLUMNS, _HEIGHT, _WIDTH = 2, 8, 12
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def make_files(metrics: Sequence[Metric], address: str) -> dict[str, str]:
    """The text of each file, by its name.

    Args:
        metrics: what is judged.
        address: where the watch listens.
    """
    return {
        "prometheus.yml": _write(
            {
                "global": {"scrape_interval": f"{_SCRAPE}s", "evaluation_interval": f"{_SCRAPE}s"},
                "rule_files": ["postmigration.rules.yml"],
                "scrape_configs": [{"job_name": "postmigration", "static_configs": [{"targets": [address]}]}],
            }
        ),
        "postmigration.rules.yml": _write({"groups": [{"name": "postmigration", "rules": make_rules(metrics)}]}),
        "grafana/dashboards/postmigration.json": _write(make_dashboard(metrics)),
        "grafana/provisioning/dashboards/postmigration.yml": _write(
            {
                "apiVersion": 1,
                "providers": [
                    {
                        "name": "postmigration",
                        "type": "file",
                        "options": {"path": "/etc/grafana/dashboards/postmigration.json"},
                    }
                ],
            }
        ),
        "grafana/provisioning/datasources/postmigration.yml": _write(
            {
                "apiVersion": 1,
                "datasources": [
                    {"name": "Prometheus", "type": "prometheus", "url": "http://localhost:9090", "access": "proxy"}
                ],
            }
        ),
    }


def write_files(files: Mapping[str, str], directory: Path) -> list[Path]:
    """Writes the files into a directory; none is overwritten.

    Raises:
        CannotJudge: one is there already, or cannot be written.
    """
    paths = {directory / name: text for name, text in files.items()}
    if there := [path for path in paths if path.exists()]:
        raise CannotJudge(f"{there[0]} is there already: name another directory")
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotJudge(f"{directory} cannot be written to: {error.strerror}") from None
    return list(paths)


def make_rules(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """An alert for each end of a range, and one for a watch that is not there."""
    rules: list[dict[str, Any]] = []
    for metric in metrics:
        for sign, limit, word in (("<", metric.min, "min"), (">", metric.max, "max")):
            if limit is None:
                continue
            lasting = round((metric.failures - 1) * max(metric.interval, _SCRAPE))
            rules.append(
                {
                    "alert": f"{_camel(metric.name)}{'Low' if sign == '<' else 'High'}",
                    "expr": f"{express(metric)} {sign} {limit:g}",
                    **({"for": f"{lasting}s"} if lasting else {}),
                    "labels": {"severity": "critical" if metric.critical else "warning", "metric": metric.name},
                    "annotations": {
                        "summary": f"{metric.name} is {{{{ $value | humanize }}}}, {word} {limit:g}: {_title(metric)}",
                        "description": metric.fix or "see docs/watch.md",
                    },
                }
            )
    rules.append(
        {
            "alert": "WatchMissing",
            "expr": "absent(postmigration_server_reachable)",
            "for": "2m",
            "labels": {"severity": "critical"},
            "annotations": {
                "summary": "nobody watches the database: no data is not a pass",
                "description": "start postmigration watch --listen again",
            },
        }
    )
    return rules


def make_dashboard(metrics: Sequence[Metric]) -> dict[str, Any]:
    """A dashboard with a panel for each metric."""
    return {
        "uid": "postmigration",
        "title": "postmigration watch",
        "tags": ["postgresql", "migration"],
        "schemaVersion": 36,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "annotations": {"list": []},
        "panels": [_panel(number, metric) for number, metric in enumerate(metrics)],
    }


def _panel(number: int, metric: Metric) -> dict[str, Any]:
    # The value of a threshold is where its colour begins; the first one begins anywhere.
    steps: list[dict[str, Any]] = [{"color": "red" if metric.min is not None else "green", "value": None}]
    if metric.min is not None:
        steps.append({"color": "green", "value": metric.min})
    if metric.max is not None:
        steps.append({"color": "red", "value": metric.max})
    ranged = len(steps) > 1
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.name,
        "description": _title(metric) + (f"; {metric.fix}" if metric.fix else ""),
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "targets": [
            {"refId": "A", "datasource": _SOURCE, "expr": express(metric), "legendFormat": "{{subject}}{{name}}"}
        ],
        "fieldConfig": {
            "defaults": {
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if ranged else "off"}},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }


def _title(metric: Metric) -> str:
    return Judged(metric, {}).title


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W+|_", name))


def _write(content: dict[str, Any]) -> str:
    """JSON, which is YAML too."""
    return json.dumps(content, indent=2) + "\n"
