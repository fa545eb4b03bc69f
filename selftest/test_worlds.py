"""Worlds before and after the migration, on every kind of server."""

import pytest

from fixtures import MIGRATION
from postmigration.model.verdict import verdict
from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge
from selftest.judging import Judges
from selftest.servers import VERSIONS


@pytest.mark.full
def test_the_world_before_is_no_go(server: embedded.Server, judges: Judges) -> None:
    come_to = verdict(judges.judge(server.conninfo("legacy")), plan_checks=MIGRATION.plan_checks, subject="")
    assert (come_to.word, come_to.status) == ("NO-GO", 1)


@pytest.mark.parametrize("server", [min(VERSIONS)], indirect=True, ids=lambda version: f"pg{version}")
def test_the_plan_is_met_on_the_oldest_server(server: embedded.Server, judges: Judges) -> None:
    plan = [str(number) for number in range(1, MIGRATION.plan_checks + 1)]
    results = judges.judge(server.conninfo("migrated"), first=plan, only=True)
    assert {result.outcome for result in results} == {"passed"}
    assert {result.check for result in results} == {*plan}


# On the newest, whole runs of other selftests come to it: test_sound.py, test_safety.py.
@pytest.mark.full
@pytest.mark.every_server
@pytest.mark.parametrize("server", VERSIONS[1:], indirect=True, ids=lambda version: f"pg{version}")
def test_the_migrated_world_comes_to_go(server: embedded.Server, judges: Judges) -> None:
    results = judges.judge(server.conninfo("migrated"), server.conninfo("legacy"))
    come_to = verdict(results, plan_checks=MIGRATION.plan_checks, subject="")
    assert come_to.line.startswith("GO: 29 of 29 plan checks passed"), come_to.line
    assert {result.outcome for result in results} == {"passed", "not applicable"}


@pytest.mark.full
def test_the_migrated_world_is_go(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert judged.status == 0


@pytest.mark.full
@pytest.mark.every_server
def test_the_migrated_world_is_go_against_its_baseline(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert {result.outcome for result in judged.results} == {"passed", "not applicable"}


@pytest.mark.full
def test_how_many_projects_functions_are_asked_for_is_told(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "INSERT INTO projects (organization_id, project_id, title) SELECT o.id, format('many-%s', n), 'x' FROM "
            "(SELECT organization_id AS id FROM users WHERE role = 'sales' LIMIT 1) o, generate_series(1, 500) AS g(n)"
        )
    judged = judge(f"--db-url={server.conninfo(name)}", "--allow-partial", "-k", "functions_show_what_tables_show")
    notes = [note for result in judged.results for note in result.evidence.notes]
    assert {result.outcome for result in judged.results} == {"passed"}
    assert sum("each is asked for the 500 whose ids have the least hashes" in note for note in notes) == 2
