"""Views and functions are parsed, and none is run."""

import pytest

from postmigration.checks.health.runnable import try_everything
from selftest.unit.uncommitted import Fill, add

UNCHECKED = "SET LOCAL check_function_bodies = off"


def test_what_names_what_is_not_there_cannot_run(now: Fill) -> None:
    after = now(
        UNCHECKED,
        "CREATE FUNCTION sound() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT id FROM nothing'",
        "CREATE FUNCTION wrong(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETRUN n; END'",
        "CREATE FUNCTION stored() RETURNS int RETURN 1",
        "CREATE VIEW shown AS SELECT 1 AS one",
    )
    tried = try_everything(after, ["public"])
    assert tried.broken == {
        "function gone()": 'relation "nothing" does not exist',
        "function wrong(integer)": 'syntax error at or near "RETRUN"',
    }
    # One that is stored parsed cannot break.
    assert tried.sound == {"function sound()", "view shown"}
    assert tried.unknown == []


def test_nothing_is_run(now: Fill) -> None:
    after = now(
        "CREATE FUNCTION fail() RETURNS int LANGUAGE sql AS 'SELECT 1 / 0'", "CREATE VIEW failing AS SELECT fail()"
    )
    assert try_everything(after, ["public"]).broken == {}


def test_a_function_is_parsed_under_its_own_path_or_any_of_the_application(now: Fill) -> None:
    after = now(
        UNCHECKED,
        "CREATE SCHEMA far; CREATE TABLE far.thing (id int)",
        "CREATE FUNCTION own() RETURNS int SET search_path = far LANGUAGE sql AS 'SELECT id FROM thing'",
        "CREATE FUNCTION lost() RETURNS int SET search_path = public LANGUAGE sql AS 'SELECT id FROM thing'",
        "CREATE FUNCTION far.beside() RETURNS int LANGUAGE sql AS 'SELECT id FROM thing'",
        "CREATE FUNCTION application() RETURNS int LANGUAGE sql AS 'SELECT id FROM thing'",
    )
    assert {*try_everything(after, ["far", "public"]).broken} == {"function lost()", "function application()"}
    add(after, "ALTER DATABASE unit_after SET search_path = public, far")
    assert {*try_everything(after, ["far", "public"]).broken} == {"function lost()"}


def test_what_a_role_may_not_use_is_not_judged(now: Fill) -> None:
    after = now(
        UNCHECKED,
        "CREATE SCHEMA closed; CREATE VIEW closed.shown AS SELECT 1",
        "CREATE FUNCTION closed.gone() RETURNS int LANGUAGE sql AS 'SELECT id FROM nothing'",
        "CREATE ROLE unit_stranger; SET LOCAL ROLE unit_stranger",
    )
    tried = try_everything(after, ["closed"])
    assert (tried.broken, tried.sound) == ({}, set())
    assert tried.unknown == [
        "view closed.shown: GRANT USAGE ON its schema to the role that judges",
        "function closed.gone(): GRANT EXECUTE ON it to the role that judges",
    ]


def test_statements_of_functions_are_looked_at_where_plpgsql_check_is_installed(extended: Fill) -> None:
    after = extended(
        "CREATE FUNCTION gone() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(id) FROM nothing); END'",
        "CREATE FUNCTION sound() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    )
    without = try_everything(after, ["public"])
    assert (without.linted, without.broken) == (False, {})
    if not after.rows("SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'"):
        pytest.skip(reason="no plpgsql_check on this server")
    add(after, "CREATE SCHEMA tools; CREATE EXTENSION plpgsql_check SCHEMA tools")
    tried = try_everything(after, ["public"])
    assert (tried.linted, tried.by_lint) == (True, {"function gone()"})
    assert tried.broken == {"function gone()": 'relation "nothing" does not exist'}
    assert "function sound()" in tried.sound
    # Planning may run code of others: as a superuser it is not done.
    add(after, "CREATE ROLE unit_other; CREATE FUNCTION folded() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'")
    add(after, "ALTER FUNCTION folded OWNER TO unit_other")
    assert (
        "function gone(): plpgsql_check would plan code of others as a superuser"
        in try_everything(after, ["public"]).unknown
    )
