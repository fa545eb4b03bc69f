"""The statements of the application can be planned and run as before."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.health import broken, planner_statistics, replica_identities
from postmigration.checks.object_checks import expect_sides
from postmigration.checks.server.reading import live_baseline
from postmigration.checks.workload import collect, comparison, file

pytestmark = pytest.mark.secondary


def test_the_planner_knows_its_tables(target: Target) -> None:
    """Every table of many rows was analyzed as it is now, and its extended statistics are built.

    Impact: The planner guesses: queries that took milliseconds take minutes from the first request on.

    Likely causes: pg_upgrade before version 18, pg_restore and logical replication carry no statistics, no tool before
    version 19 carries extended ones; or a bulk change was not followed by ANALYZE, and autovacuum has not come to the
    table yet or is switched off.

    Fix: Run ANALYZE, or vacuumdb --all --analyze-in-stages, before the first request.
    """
    before = None if target.before.scratch is not None else target.baseline
    planner_statistics.examine(target.snapshot, before, target.schemas).pass_to(target)


def test_views_and_functions_can_run(target: Target) -> None:
    """Every view and every function, parsed and not run, finds what it names (PL/pgSQL as far as plpgsql_check tells).

    Impact: Pages, jobs and triggers that use them fail from the first request on.

    Likely causes: A table, a column or an extension is in another schema now, or was left out; the search_path that
    the functions rely on was set for a role or a database and was not carried.

    Fix: Bring back what each finding names, or give the function a search_path of its own: ALTER FUNCTION … SET
    search_path.
    """
    live = target.before.scratch is None
    broken.examine(target.snapshot, target.baseline, target.schemas, settings=live).pass_to(target)


def test_published_tables_can_be_updated(target: Target) -> None:
    """Every table whose updates are published has a replica identity.

    Impact: The server refuses every UPDATE and DELETE of it.

    Likely causes: The primary key was not carried, or a publication for all tables was created for the move and left.

    Fix: Add the primary key, or set the replica identity that each finding names; drop a publication that nobody needs.
    """
    before, after = expect_sides(target)
    live = target.before.scratch is None
    replica_identities.examine(before, after, target.schemas, holds_publications=live).pass_to(target)


def test_what_the_application_sends_still_runs(target: Target) -> None:
    """Every statement that was sent to the state before can be parsed, permitted and planned as it could there.

    Impact: Requests of the application fail, read other columns than it expects, or take minutes.

    Likely causes: A column was renamed, a function dropped, a grant or an index not carried, a type changed on one side
    of a join, or no table analyzed.

    Fix: Bring back what the server misses, at the place of the statement that is marked >>>, or deploy the code that
    no longer sends it.
    """
    before, named, held = live_baseline(target), target.options.workload, target.before.fingerprint
    if named is not None:
        sent = file.read(named)
        if before is not None:
            sent = collect.try_again(before, sent, target.schemas)
    elif before is not None:
        sent = collect.collect(before, target.schemas)
    elif held is not None and held.workload is not None and held.workload.statements is not None:
        sent = file.take_from_fingerprint(held.workload)
    else:
        why = f" ({held.workload.reason})" if held is not None and held.workload is not None else ""
        target.not_applicable(
            f"what the application sends is not known{why}: name it with --workload, or a running state before",
            not_held="statements of the application" if target.baseline is not None else "",
        )
    if not sent.statements:
        target.not_applicable("there is no statement of the application in what was sent to the state before")
    budget = target.options.plan_budget
    comparison.examine(target.snapshot, sent, target.schemas, target.migration.changes, budget).pass_to(target)
