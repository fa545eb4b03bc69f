"""Worlds before and after the migration, on every kind of server."""

import pytest

from fixtures import MIGRATION
from postmigration.model.verdict import verdict
from postmigration.postgres import embedded
from selftest.conftest import Judge
from selftest.judging import Judges


def test_the_world_before_is_no_go(server: embedded.Server, judges: Judges) -> None:
    come_to = verdict(judges.judge(server.conninfo("legacy")), plan_checks=MIGRATION.plan_checks, subject="")
    assert (come_to.word, come_to.status) == ("NO-GO", 1)


@pytest.mark.full
def test_the_migrated_world_is_go(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert judged.status == 0


@pytest.mark.every_server
def test_the_migrated_world_is_go_against_its_baseline(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert {result.outcome for result in judged.results} == {"passed", "not applicable"}
