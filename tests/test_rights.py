"""What policies and functions believe and run, as far as their text tells (rule R6)."""

from collections.abc import Hashable
from functools import cache

from postmigration import Target
from postmigration.access.principals import require_roles
from postmigration.access.routine_bodies import read_bodies
from postmigration.checks.access import expect_new


def test_policies_decide_by_who_asks(target: Target) -> None:
    """Policies decide by the id and the tenant of whoever asks: not by their own word, a fixed id or the login.

    Impact: Who says of themselves that they are an administrator is one; or one person finds nothing where all others
    do.

    Likely causes: A function that a policy calls reads user_metadata, which users write themselves; an exception for
    one person was written into a policy; or something asks for session_user, which is the login of the API for
    everybody, or for application_name, the client's address or the statement that runs.

    Fix: Read app_metadata or the users' table; take the id out; ask for auth.uid() or current_user.
    """
    require_roles(target.snapshot)
    read = cache(read_bodies)
    bodies = read(target.snapshot)
    expect_new(
        target,
        bodies.believes_users(),
        lambda before: read(before).believes_users(),
        examined="functions of policies that believe what users say of themselves",
    )
    expect_new(
        target,
        bodies.names_somebody(),
        lambda before: read(before).names_somebody(),
        examined="ids in policies",
        severity="warning",
    )
    expect_new(
        target,
        bodies.asks_the_login(),
        lambda before: read(before).asks_the_login(),
        examined="policies, functions, triggers and views that ask for session_user",
        severity="warning",
    )
    expect_new(
        target,
        bodies.asks_the_session(),
        lambda before: read(before).asks_the_session(),
        examined="policies, functions, triggers and views that decide by what the API's session has otherwise",
        severity="warning",
    )


def test_functions_lend_no_rights(target: Target) -> None:
    """No function with its owner's rights runs a text that it is given, or takes a value from anybody, unless it did.

    Impact: Whoever signed in runs any statement as the owner of the tables, or asks for the rows of any id.

    Likely causes: A helper of the migration was left callable by everybody, which is what a new function is; a query is
    put together from an argument.

    Fix: Withdraw EXECUTE from PUBLIC and authenticated, make the function SECURITY INVOKER, or put the argument in by
    USING and format('%I').
    """
    require_roles(target.snapshot)
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
