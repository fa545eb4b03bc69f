"""The command `postmigration dashboards`: rules for Prometheus and a dashboard for Grafana."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postmigration.gate.project import read_project
from postmigration.model.evidence import escape
from postmigration.model.verdict import GO
from postmigration.watch.dashboards import make_files, write_files
from postmigration.watch.ranges import choose_metrics


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "dashboards",
        help="write rules for Prometheus and a dashboard for Grafana, for postmigration watch --listen",
        description="Writes a configuration and alerting rules for Prometheus, and a dashboard with its provisioning "
        "files for Grafana, by the ranges that postmigration watch judges by. Nothing is overwritten.",
        epilog="exit status: 0 written, 4 could not be written",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="where to write them")
    parser.add_argument(
        "--listen", default="localhost:9187", metavar="HOST:PORT", help="where the watch listens (%(default)s)"
    )
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    metrics = choose_metrics(read_project(Path.cwd()).metrics)
    for path in write_files(make_files(metrics, option.listen), option.directory):
        print(escape(str(path)))
    return GO
