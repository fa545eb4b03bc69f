"""Views and functions that fail only when they are used, as the least of the roles that may use them."""

import pytest

from postmigration.access.broken_objects import Used, use_everything
from postmigration.postgres.connection import Snapshot
from selftest.unit.access.conftest import ROLES
from selftest.unit.conftest import OpenSnapshot

SCRIPT = f"""
    {ROLES}
    SET check_function_bodies = off;
    GRANT USAGE ON SCHEMA public TO anon, authenticated;
    REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
    CREATE TABLE item (id int);
    CREATE VIEW sound AS SELECT id FROM item;
    GRANT SELECT ON sound TO authenticated;
    CREATE VIEW hidden AS SELECT id FROM item;
    CREATE FUNCTION broken(n int) RETURNS int STABLE LANGUAGE sql AS 'SELECT n + amount FROM public.gone';
    CREATE FUNCTION composed(t text) RETURNS int STABLE LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'SELECT count(*) FROM public.g' || 'one_' || t; RETURN 1; END $$;
    CREATE FUNCTION changes() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT amount FROM public.gone';
    CREATE FUNCTION divides(n int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1 / (n - n)';
"""


@pytest.fixture(scope="module")
def used(open_snapshot: OpenSnapshot) -> Used:
    snapshot: Snapshot = open_snapshot(SCRIPT)
    return use_everything(snapshot, milliseconds=5_000)


def test_each_is_used_as_the_least_of_the_roles_that_may(used: Used) -> None:
    assert (used.ourselves, used.superuser) == ("postgres", True)
    # A function is used as the role that gets furthest, and a volatile one not at all.
    assert used.roles == {
        "view sound": "authenticated",
        "view hidden": "postgres",
        "function broken(n integer)": "service_role",
        "function composed(t text)": "service_role",
        "function divides(n integer)": "authenticated",
    }


def test_what_names_something_that_is_not_there_is_broken(used: Used) -> None:
    assert used.broken == {
        ("function broken(n integer)", "42P01"): (
            "authenticated",
            'relation "public.gone" does not exist (SQLSTATE 42P01)',
        ),
        ("function composed(t text)", "42P01"): (
            "authenticated",
            "a statement that it has composed names what is not there (SQLSTATE 42P01)",
        ),
    }
    assert ("function broken(n integer)", "42P01", "anon") in used.failures


def test_what_failed_before_for_the_same_role_or_for_everybody_is_common() -> None:
    now = Used("postgres", superuser=True)
    now.broken = {("view a", "42P01"): ("anon", "gone")}
    now.failures = {("view b", "42P01", "authenticated")}
    before = {
        ("view a", "42P01"): ("authenticated", "gone"),
        ("view b", "42P01"): ("authenticated", "gone"),
        ("view c", "42P01"): ("authenticated", "gone"),
    }
    assert list(now.find_common(before)) == [("view a", "42P01"), ("view b", "42P01")]


def test_it_tells_how_many_were_used_as_whom_and_which_were_not() -> None:
    used = Used("postgres", superuser=True)
    used.roles = {
        "view a": "anon",
        "view b": "anon",
        "view c": "postgres",
        **{f"view not {n}": None for n in range(7)},
    }
    assert used.describe() == (
        "3 views and functions used: 2 as anon, 1 as postgres; as the superuser postgres, since nobody else may: "
        "view c; not used, since nobody that can be acted as may: "
        "view not 0, view not 1, view not 2, view not 3, view not 4 and 2 more"
    )
