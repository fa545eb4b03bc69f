"""What keeps a whole database, or the roles of its API, from working."""

import pytest

from postmigration.checks.restrictions import find_lowered_limit, restrictions, split_path
from selftest.unit.uncommitted import Fill

ROLES = """
    DO $$ BEGIN
        IF to_regrole('anon') IS NULL THEN CREATE ROLE anon; END IF;
        IF to_regrole('authenticated') IS NULL THEN CREATE ROLE authenticated; END IF;
    END $$
"""
# Beside those of other selftests on the same server.
LOGIN = "CREATE ROLE unit_login LOGIN; GRANT anon, authenticated TO unit_login"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("shop, Public", ["shop", "public"]),
        ('"$user","Odd, one"', ["$user", "Odd, one"]),
        ('"a""b"', ['a"b']),
        ("", []),
    ],
)
def test_a_path_is_split_into_its_names(value: str, names: list[str]) -> None:
    assert split_path(value) == names


def test_settings_of_the_database_and_of_roles_are_found(now: Fill) -> None:
    found, others = restrictions(
        now(
            ROLES,
            LOGIN,
            "ALTER DATABASE unit_after SET default_transaction_read_only = on",
            "ALTER ROLE unit_login SET search_path = elsewhere",
            "ALTER ROLE anon SET row_security = on",
            "CREATE ROLE unit_other; ALTER ROLE unit_other SET work_mem = '1MB'",
        )
    )
    said = {one.statement for one in found if one.subject in ("the database", "role unit_login")}
    assert said == {
        "the database has default_transaction_read_only = on: ALTER DATABASE … RESET default_transaction_read_only",
        "role unit_login has search_path = elsewhere: ALTER ROLE … RESET search_path",
    }
    assert {one.severity for one in found if one.statement in said} == {"blocker"}
    assert not any("work_mem" in words for words in others)


def test_what_keeps_the_api_from_connecting_is_found(now: Fill) -> None:
    found, _ = restrictions(
        now(
            ROLES,
            LOGIN,
            "ALTER DATABASE unit_after CONNECTION LIMIT 1",
            "ALTER ROLE unit_login CONNECTION LIMIT 0 VALID UNTIL '2001-01-01'",
        )
    )
    said = {(one.subject, one.what, one.value) for one in found if one.subject in ("the database", "role unit_login")}
    assert said == {
        ("the database", "connection limit", "1"),
        ("role unit_login", "connection limit", "0"),
        ("role unit_login", "valid until", "expired"),
    }


def test_a_privilege_to_connect_may_be_revoked(now: Fill) -> None:
    revoked = "REVOKE CONNECT ON DATABASE unit_after FROM PUBLIC"
    found, _ = restrictions(now(ROLES, LOGIN, revoked))
    assert [(one.subject, one.value) for one in found if one.what == "CONNECT"] == [("the API", "revoked")]


def test_a_limit_that_is_lower_than_before_is_found(was: Fill, now: Fill) -> None:
    before = was("ALTER DATABASE unit_before CONNECTION LIMIT 90")
    lowered = find_lowered_limit(before, now("ALTER DATABASE unit_after CONNECTION LIMIT 40"))
    assert lowered is not None
    assert lowered.statement == (
        "the database lets in 40 connections at a time, and let in 90 before: ALTER DATABASE … CONNECTION LIMIT"
    )
    assert find_lowered_limit(before, before) is None
