"""Worlds before and after the migration, on every kind of server."""

from postmigration.postgres import embedded
from selftest.conftest import Judge


def test_the_migrated_world_is_go(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert judged.status == 0


def test_the_migrated_world_is_go_against_its_baseline(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert all(result.outcome == "passed" for result in judged.results)
