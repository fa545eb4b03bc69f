"""What it costs to count and to show the rows that a check finds wrong: at once, beside one statement for each.

Run it with `python -m benchmarks.wrong_rows [--contacts=15000]`. The statements are those of checks 17 to 19, 28 and
29, on a sound world, and again once tables that inherit show rows twice. The peer counts first, and asks for some if
there are any. Both take turns, and the least of nine runs counts, as other work makes runs slower only.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from fixtures import MIGRATION
from postmigration.model.settings import Options
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot

_CHECKS = {
    "test_services": {19: "test_customer_organizations_are_listed"},
    "test_performance": {
        17: "test_project_lists",
        18: "test_organizations_with_contacts",
        28: "test_organization_overview",
        29: "test_project_overview",
    },
}
_DAMAGE = """
    CREATE TABLE archived_contacts () INHERITS (contacts);
    INSERT INTO archived_contacts SELECT * FROM contacts WHERE type = 'customer' LIMIT 3000;
    CREATE TABLE archived_projects () INHERITS (projects);
    INSERT INTO archived_projects SELECT * FROM projects LIMIT 3000;
"""
_RUNS = 9
_LIMIT = Options().listed_rows


class _Asked:
    """Takes what a check states, and asks no database."""

    def __init__(self) -> None:
        self.sql = ""

    def expect_none(self, sql: str, **_: Any) -> None:
        self.sql = sql

    def expect_fast(self, *_: Any, **__: Any) -> None:
        """Times nothing."""

    def value(self, *_: Any) -> None:
        """Gives nothing to go on from."""


def main() -> None:
    """Builds a world, migrates it, measures, damages it, and measures again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=15_000)
    options = parser.parse_args()
    server = embedded.Server()
    try:
        server.create("world")
        with server.connect("world") as connection:
            for script in MIGRATION.legacy_scripts:
                embedded.run_script(connection, script)
            MIGRATION.load(connection, seed=1, size=options.contacts)
            for script in MIGRATION.scripts:
                embedded.run_script(connection, script)
            connection.execute("VACUUM ANALYZE")
        print("| check | world | wrong rows | one for each, ms | at once, ms | ratio |")
        print("| --- | --- | --- | --- | --- | --- |")
        _measure(server, "sound")
        with server.connect("world") as connection:
            connection.execute(_DAMAGE)
            connection.execute("ANALYZE")
        _measure(server, "damaged")
    finally:
        server.stop()


def _measure(server: embedded.Server, world: str) -> None:
    database = Database(server.conninfo("world"), option="world")
    snapshot = Snapshot(database)

    def ask(sql: str) -> float:
        started = time.perf_counter()
        snapshot.rows(sql, snapshot.application)
        return (time.perf_counter() - started) * 1_000

    for module, checks in _CHECKS.items():
        for number, name in checks.items():
            asked = _Asked()
            getattr(_load(module), name)(asked)
            count = f"SELECT count(*) FROM ({asked.sql}) AS wrong"
            show = f"SELECT * FROM ({asked.sql}) AS wrong ORDER BY 1 LIMIT {_LIMIT}"
            once = (
                f"WITH wrong AS (SELECT * FROM ({asked.sql}) AS found) SELECT wrong.*, (SELECT count(*) FROM wrong) "
                f"FROM wrong ORDER BY 1 LIMIT {_LIMIT}"
            )
            wrong = snapshot.count(count, snapshot.application)
            runs = [(ask(count) + (ask(show) if wrong else 0), ask(once)) for _ in range(_RUNS)]
            each, both = (min(taken) for taken in zip(*runs, strict=True))
            print(f"| {number} | {world} | {wrong:,} | {each:.0f} | {both:.0f} | {both / each:.2f} |", flush=True)
    snapshot.close()
    database.close()


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "tests" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
