"""Each sees what they need, and nobody what is not theirs (rule R6): as the people themselves, not as a superuser."""

import pytest

from fixtures import MIGRATION
from fixtures.people import MAY_SEE, MUST_SEE
from postmigration import NotJudged, Target
from postmigration.access import expect_new, expect_seen, expect_seen_as_before
from postmigration.actors import require_roles
from postmigration.leftovers import leftovers
from postmigration.parity import Kind
from postmigration.surface import WAYS, open_ways


@pytest.mark.parametrize("table", MAY_SEE)
def test_everybody_sees_what_is_theirs(target: Target, table: str) -> None:
    """Staff see their operator's projects, contacts, contact points and customers; nobody sees another's.

    Every project shows "No Customer", though all data is right; or everybody reads the addresses of all customers.
    Compare the policies of the table with the rules, as the person who is named.
    """
    for actor in target.population.actors:
        expect_seen(target, actor, table, may=MAY_SEE[table], must=MUST_SEE[table])
    target.note(f"seen as {', '.join(actor.name for actor in target.population.actors)}")
    if target.population.absent:
        raise NotJudged("; ".join(target.population.absent))


# Staff, and portal users of the operator, may see what the migration adds to these; the audit trail grows.
_GROWS = ("organizations", "contacts", "activity_log")
_MORE: tuple[Kind, ...] = ("extra",)
_LESS: tuple[Kind, ...] = ("missing",)


@pytest.mark.parametrize("table", MIGRATION.legacy_tables)
def test_everybody_sees_what_they_saw(target: Target, table: str) -> None:
    """Staff see every row that they saw before the migration, and outsiders see no row more.

    Pages that the migration did not touch lose rows for those who work with them, or show them to others.
    """
    before = target.before.tables()[table]
    there = {row.id for row in target.before.rows().rows("SELECT id::text FROM users")}
    for actor in target.population.actors:
        if actor.tenant is not None and actor.id not in there:
            target.note(f"{actor.name} was not there before")
            continue
        grows = table in _GROWS and actor.kind != "outsider"
        ignore = (_MORE if grows else ()) + (() if actor.kind == "internal" else _LESS)
        expect_seen_as_before(target, actor, before, ignore=ignore)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_bypasses_the_policies(target: Target, way: str) -> None:
    """No table, policy, view, function or privilege lets anybody around row-level security who could not before.

    A copy of a table that was made for safety lets everybody read and delete what the policies of the table guard.
    """
    require_roles(target.snapshot)
    if way == "privileges":
        # The platform hands out its usual ones; only new ones say something, and row-level security may still guard.
        target.before.rows()
    now = open_ways(target.snapshot, way)
    expect_new(
        target,
        {sentence: sentence for sentence in now},
        lambda before: open_ways(before, way),
        always={sentence for sentence, name in now.items() if way == "tables" and name in MIGRATION.tables},
        examined=way,
        severity="warning" if way == "privileges" else "blocker",
    )


def test_everything_still_runs(target: Target) -> None:
    """Every view can be read, and every function that only reads can be called, as far as it could before.

    Something names a column that was dropped, and fails when somebody clicks on it.
    """
    used, broken = leftovers(target.snapshot, milliseconds=5_000)
    target.note(f"{used} views and functions used")
    expect_new(
        target,
        {problem: f"{problem[0]} does not run: {said}" for problem, said in broken.items()},
        lambda before: leftovers(before, milliseconds=5_000)[1],
        examined="views and functions",
    )
