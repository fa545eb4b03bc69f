from collections.abc import Sequence

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.jobs import Job, examine
from selftest.unit.uncommitted import Fill

JOBS = """
    CREATE SCHEMA cron;
    CREATE TABLE cron.job (jobid bigint, schedule text, command text, database text, username text, active boolean,
                           jobname text);
    INSERT INTO cron.job VALUES (1, '0 3 * * *', 'SELECT 1', current_database(), 'postgres', true, 'nightly'),
                                (2, '0 4 * * *', 'SELECT 2', current_database(), 'postgres', true, NULL)
"""


def said(found: Examination) -> Sequence[tuple[str, str]]:
    return [(finding.code, finding.statement) for finding in found.findings]


def test_the_same_jobs_are_no_finding(was: Fill, now: Fill) -> None:
    found = examine(now(JOBS), was(JOBS), ["public"])
    assert (said(found), found.notes, found.facts) == ([], [], 4)


@pytest.mark.parametrize(
    ("change", "code", "words", "repair"),
    [
        (
            "DELETE FROM cron.job WHERE jobid = 1",
            "job_lost",
            "job nightly (0 3 * * *) is gone",
            "FROM cron.job WHERE jobid IN (1)",
        ),
        (
            "DELETE FROM cron.job",
            "jobs_lost",
            "all jobs of pg_cron are gone: job nightly (0 3 * * *), job 2 (0 4 * * *)",
            "jobid IN (1, 2)",
        ),
        (
            "UPDATE cron.job SET active = false WHERE jobid = 2",
            "job_disabled",
            "job 2 (0 4 * * *) is switched off, and was active",
            "SELECT cron.alter_job(2, active := true);",
        ),
        (
            "UPDATE cron.job SET schedule = '0 5 * * *' WHERE jobid = 1",
            "job_changed",
            "job nightly (0 3 * * *) has another schedule than before",
            "SELECT cron.alter_job(1, schedule := '0 3 * * *');",
        ),
        (
            "UPDATE cron.job SET command = 'SELECT 7' WHERE jobid = 1",
            "job_changed",
            "job nightly (0 3 * * *) has another command than before",
            "",
        ),
        (
            "UPDATE cron.job SET database = 'elsewhere' WHERE jobid = 1",
            "job_elsewhere",
            "job nightly (0 3 * * *) runs in elsewhere, and not where it ran",
            "SELECT cron.alter_job(1, database := current_database());",
        ),
        (
            "INSERT INTO cron.job SELECT 3, schedule, command, database, username, active, jobname FROM cron.job "
            "WHERE jobid = 2",
            "job_doubled",
            "job 2 (0 4 * * *) stands there 2 times, and runs as often",
            "SELECT cron.unschedule(2);",
        ),
    ],
)
def test_a_job_that_is_another_one_now_is_found(
    was: Fill, now: Fill, change: str, code: str, words: str, repair: str
) -> None:
    found = examine(now(JOBS, change), was(JOBS), ["public"])
    assert said(found) == [(code, words)]
    assert repair in found.findings[0].repair
    # What a job does may hold a password.
    assert not [command for command in ("SELECT 1", "SELECT 2", "SELECT 7") if command in str(found)]


def test_what_was_so_before_and_what_is_new_is_told(was: Fill, now: Fill) -> None:
    double = "INSERT INTO cron.job SELECT 3, schedule, command, database, username, active, jobname FROM cron.job"
    found = examine(now(JOBS, f"{double} WHERE jobid = 2"), was(JOBS, f"{double} WHERE jobid = 2"), ["public"])
    assert said(found) == []
    assert found.notes == ["job 2 (0 4 * * *) stands there 2 times, and runs as often; it was so before"]
    renamed = "UPDATE cron.job SET jobname = 'hourly' WHERE jobid = 1"
    assert examine(now(JOBS, renamed), was(JOBS), ["public"]).notes == ["new jobs of pg_cron: job hourly (0 3 * * *)"]


def test_a_table_of_the_application_is_not_taken_for_that_of_pg_cron(was: Fill, now: Fill) -> None:
    found = examine(now(JOBS), was(JOBS), ["public", "cron"])
    assert found.inapplicable == "there is no job of pg_cron on either side"
    assert examine(now(), None, ["public"]).inapplicable


def test_an_older_table_has_fewer_columns(now: Fill) -> None:
    older = f"{JOBS}; ALTER TABLE cron.job DROP jobname, DROP active, DROP database"
    assert examine(now(older), None, ["public"]).facts == 2


def test_a_job_is_the_same_by_its_name_or_by_what_it_does() -> None:
    named, unnamed = (Job(7, name, "* * * * *", "SELECT 1", True, "") for name in ("often", ""))
    assert (named.key, unnamed.key) == (("often",), ("* * * * *", "SELECT 1"))
    assert (named.subject.name, unnamed.subject.name) == ("often", "7")
    assert unnamed.title == "job 7 (* * * * *)"
    assert named.alter("active := true") == "SELECT cron.alter_job(7, active := true);"
