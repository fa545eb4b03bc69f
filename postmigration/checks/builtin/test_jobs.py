"""What the database does by itself and elsewhere goes on here."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.server import jobs, old_hosts, user_mappings
from postmigration.checks.server.reading import live_baseline

pytestmark = pytest.mark.secondary


def test_jobs_run_as_before(target: Target) -> None:
    """Every job of pg_cron is there once, is active where it was, and runs in this database.

    Impact: What was cleaned, summed up or sent every night is not any more, or is sent twice.

    Likely causes: The extension was dropped and created again, which empties its tables; the jobs were copied on top
    of those that a script had made; they name the database as it was called before.

    Fix: Schedule what is missing with cron.schedule_in_database(), and cron.unschedule() what is too much.
    """
    baseline = live_baseline(target)
    if target.baseline is not None and baseline is None:
        target.not_applicable(f"the jobs of pg_cron are not read from {target.before.copied_from}", not_held="jobs")
    jobs.examine(target.snapshot, baseline, target.schemas).pass_to(target)


def test_user_mappings_keep_their_options(target: Target) -> None:
    """Every user mapping holds the options that it held: the user and the password on the other server.

    Impact: Queries of foreign tables fail, and whatever reads them.

    Likely causes: A dump that is made by anybody but a superuser holds user mappings without their options.

    Fix: ALTER USER MAPPING … OPTIONS (ADD …), with the password of the other server.
    """
    before = target.before.rows()
    if live_baseline(target) is None:
        words = f"user mappings are not read from {target.before.copied_from}"
        target.not_applicable(words, not_held="user mappings")
    user_mappings.examine(target.snapshot, before).pass_to(target)


def test_nothing_names_the_old_host(target: Target) -> None:
    """No function, foreign server or job names the host of the server of before.

    Impact: It reads and writes the old server, whose rows nobody looks at any more, or fails when that is switched off.

    Likely causes: The host stands in a call of dblink, in a URL, or in the options of a foreign server.

    Fix: Name the new host there, or better one that is moved with the server.
    """
    old_hosts.examine(target.snapshot, live_baseline(target)).pass_to(target)
