"""Nothing gets around row-level security, and what policies, views and functions do can be trusted."""

from collections.abc import Callable, Hashable, Mapping
from functools import cache

import pytest

from postmigration import Target
from postmigration.access.broken_objects import use_everything
from postmigration.access.principals import require_roles
from postmigration.access.rls_bypass import WAYS, Problem, describe, open_ways, rename_tables
from postmigration.access.routine_bodies import Bodies, read_bodies
from postmigration.checks.new_facts import expect_new, expect_no_new_facts
from postmigration.checks.object_checks import find_renames


def _require_api(target: Target) -> None:
    """Ends a check of what people may do through an API where there is none.

    Raises:
        NotApplicable: the roles of an API are not there.
        NotJudged: nobody can act as them.
    """
    if not target.value("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated')"):
        target.not_applicable("no API lets people in: there are no roles anon and authenticated")
    require_roles(target.snapshot)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_bypasses_the_policies(target: Target, way: str) -> None:
    """No table, policy, view, function or privilege lets anybody around row-level security who could not before.

    Impact: Whoever is let in reads, and perhaps changes and deletes, rows that the policies of a table keep from them.

    Likely causes: A backup table was left behind, a view belongs to a role that bypasses, or a helper runs with its
    owner's rights for everybody.

    Fix: Drop what was left behind; make the view security_invoker; withdraw EXECUTE from anon and pin the function's
    search_path.
    """
    _require_api(target)
    if way == "privileges":
        # The platform hands out its usual ones; only new ones say something, and row-level security may still guard.
        target.before.rows()
    now = open_ways(target.snapshot, way)
    renames = find_renames(target)
    tables = {} if renames is None else renames.tables
    expect_no_new_facts(
        target,
        now,
        lambda before: rename_tables(open_ways(before, way), tables, before.database.schema),
        describe,
        always={fact for fact in now if fact.problem is Problem.UNPROTECTED and fact.object in target.migration.tables},
        examined=way,
        severity="warning" if way == "privileges" else "blocker",
        code="way_around_policies",
        locate=lambda opening: opening.locate(target.snapshot.database.schema),
    )


def test_policies_decide_by_who_asks(target: Target) -> None:
    """Policies decide by the id and the tenant of whoever asks: not by their own word, a fixed id or the login.

    Impact: Who says of themselves that they are an administrator is one; or one person finds nothing where all others
    do.

    Likely causes: A function that a policy calls reads user_metadata, which users write themselves; an exception for
    one person was written into a policy; or something asks for session_user, which is the login of the API for
    everybody, or for application_name, the client's address or the statement that runs.

    Fix: Read app_metadata or the users' table; take the id out; ask for auth.uid() or current_user.
    """
    _require_api(target)
    read = cache(read_bodies)
    bodies = read(target.snapshot)
    expect_new(
        target,
        bodies.believes_users(),
        lambda before: read(before).believes_users(),
        examined="functions of policies that believe what users say of themselves",
    )

    def warn_of_new(find: Callable[[Bodies], Mapping[Hashable, str]], examined: str) -> None:
        expect_new(target, find(bodies), lambda before: find(read(before)), examined=examined, severity="warning")

    asking = "policies, functions, triggers and views that"
    warn_of_new(Bodies.names_somebody, "ids in policies")
    warn_of_new(Bodies.asks_the_login, f"{asking} ask for session_user")
    warn_of_new(Bodies.asks_the_session, f"{asking} decide by what the API's session has otherwise")


def test_functions_lend_no_rights(target: Target) -> None:
    """No function with its owner's rights runs a text that it is given, or takes a value from anybody, unless it did.

    Impact: Whoever signed in runs any statement as the owner of the tables, or asks for the rows of any id.

    Likely causes: A helper of the migration was left callable by everybody, which is what a new function is; a query is
    put together from an argument.

    Fix: Withdraw EXECUTE from PUBLIC and authenticated, make the function SECURITY INVOKER, or put the argument in by
    USING and format('%I').
    """
    _require_api(target)
    read = cache(read_bodies)
    bodies = read(target.snapshot)
    lent = "runs with the rights of its owner, and whoever signed in may call it"
    runs: dict[Hashable, str] = {name: f"{name} {lent}: it runs a text that it is given" for name in bodies.runs}
    expect_new(
        target,
        runs,
        lambda before: read(before).runs,
        examined="functions that run a text that they are given",
        always=runs,
    )
    expect_new(
        target,
        {name: f"{name} {lent} with a value of their own" for name in bodies.open if name not in bodies.runs},
        lambda before: read(before).open,
        examined="functions with their owner's rights that take a value and that no policy needs",
        severity="warning",
    )


def test_everything_still_runs(target: Target) -> None:
    """Every view can be read, and every function that only reads can be called, as far as it could before.

    Impact: Something names a column that was dropped, and fails when somebody clicks on it.

    Likely causes: A function or view names a column that was dropped or renamed; PostgreSQL tells only when it is used.

    Fix: Replace the function or view that is named, or drop it when nobody calls it.
    """
    used = use_everything(target.snapshot, milliseconds=5_000)
    target.note(used.describe())
    expect_new(
        target,
        {problem: f"{problem[0]} does not run as {role}: {said}" for problem, (role, said) in used.broken.items()},
        lambda before: use_everything(before, milliseconds=5_000).find_common(used.broken),
        examined="views and functions",
        code="does_not_run",
    )
