from collections.abc import Sequence

import pytest

from postmigration.diff.objects.privileges import read_state
from postmigration.diff.objects.roles import (
    compare_owners,
    compare_roles,
    compare_settings,
    find_involved,
    find_stored_replication_role,
)
from postmigration.postgres.schema_objects import ObjectName
from selftest.unit.diff.objects.made import Made, first, grant, part, relation, role


def compare(before: Made, after: Made, involved: Sequence[str] = ("staff",)) -> list[tuple[str, str, str]]:
    sides = read_state(before, ["anon"]), read_state(after, ["anon"])
    return [(one.level, one.statement, one.repair) for one in compare_roles(*sides, involved)]


def setting(text: str, name: str = "", **facts: str) -> Made:
    return {ObjectName(text, "setting", "", name): {"~for": "DATABASE shop", **facts}}


def test_what_went_from_one_owner_to_another_is_told_as_one() -> None:
    before = relation("stay") | relation("room") | relation("log", {"owner": "other"})
    after = (
        relation("stay", {"owner": "new"}) | relation("room", {"owner": "new"}) | relation("log", {"owner": "other"})
    )
    (found,) = compare_owners(before, after)
    assert found.statement == "the owner was keeper, is new: of table public.room, table public.stay"
    assert found.repair == "ALTER TABLE public.room OWNER TO keeper;\nALTER TABLE public.stay OWNER TO keeper;"
    # To this role PostgreSQL 15 gives the schema public.
    assert list(compare_owners(before, {first(relation("stay"))[0]: {"owner": "pg_database_owner"}})) == []


def test_roles_that_own_or_hold_something_are_involved() -> None:
    world = (
        relation("stay")
        | grant("SELECT", "TABLE public.stay", "staff")
        | grant("SELECT", "TABLE public.stay", "PUBLIC")
        | part("policy", "mine", "stay", {"roles": "guest"})
        | role("intern", {"member of": "staff"})
        | role("staff", {"member of": "house"})
        | role("house")
        | role("stranger")
    )
    assert find_involved(world, read_state(world, [])) == {"keeper", "staff", "guest", "intern", "house"}


@pytest.mark.parametrize(
    ("attribute", "name", "lost", "gained"),
    [
        ("rolbypassrls", "BYPASSRLS", "blocker", "warning"),
        ("rolinherit", "INHERIT", "blocker", "warning"),
        ("rolsuper", "SUPERUSER", "warning", "warning"),
        ("rolcanlogin", "LOGIN", "warning", "warning"),
    ],
)
def test_what_a_role_is_no_longer_and_is_now_is_found(attribute: str, name: str, lost: str, gained: str) -> None:
    was, now = role("staff", {attribute: "True"}), role("staff", {attribute: "False"})
    assert compare(was, now) == [(lost, f"the role staff is no longer {name}", f"ALTER ROLE staff {name};")]
    assert compare(now, was) == [(gained, f"the role staff is {name}, and was not", f"ALTER ROLE staff NO{name};")]
    assert compare(was, now, involved=["other"]) == []


def test_a_stranger_who_passes_by_row_level_security_blocks() -> None:
    ((level, _, _),) = compare(
        role("anon", {"rolbypassrls": "False"}), role("anon", {"rolbypassrls": "True"}), ["anon"]
    )
    assert level == "blocker"


def test_memberships_are_compared_with_what_they_let_a_role_do() -> None:
    alone, member = role("staff"), role("staff", {"member of": "house"})
    assert compare(member, alone) == [
        ("blocker", "the role staff is no longer a member of house", "GRANT house TO staff;")
    ]
    assert compare(alone, member) == [
        ("warning", "the role staff is a member of house, and was not", "REVOKE house FROM staff;")
    ]
    mighty = role("house", {"rolsuper": "True"})
    ((level, _, _),) = compare(role("anon"), role("anon", {"member of": "house"}) | mighty, ["anon"])
    assert level == "blocker"
    sides = [role("staff", {"member of": "house", "~options": "known", "~inherit": text}) for text in ("house", "")]
    assert compare(sides[0], sides[1]) == [
        (
            "blocker",
            "the role staff is a member of house without INHERIT, and had it",
            "GRANT house TO staff WITH INHERIT TRUE;",
        )
    ]
    admin = [role("staff", {"member of": "house", "~options": "known", "~admin": text}) for text in ("", "house")]
    ((level, words, repair),) = compare(admin[0], admin[1])
    assert (level, repair) == ("warning", "REVOKE ADMIN OPTION FOR house FROM staff;")
    assert words.endswith("with ADMIN, and was without")


@pytest.mark.parametrize(
    ("was", "now", "level", "words", "repair"),
    [
        (
            {"search_path": "sales"},
            {},
            "blocker",
            "search_path was sales, is not set",
            "ALTER DATABASE shop SET search_path = sales;",
        ),
        ({}, {"work_mem": "4MB"}, "warning", "work_mem was not set, is 4MB", "ALTER DATABASE shop RESET work_mem;"),
        (
            {"lc_time": "it's"},
            {"lc_time": "C"},
            "warning",
            "lc_time was it's, is C",
            "ALTER DATABASE shop SET lc_time = 'it''s';",
        ),
        # Of what is an application's own, nobody knows whether it is a password.
        (
            {"app.key": "one"},
            {"app.key": "two"},
            "warning",
            "app.key was another value, is another value",
            "ALTER DATABASE shop SET app.key = …; -- as the baseline has it",
        ),
    ],
)
def test_settings_of_a_database_are_compared(
    was: dict[str, str], now: dict[str, str], level: str, words: str, repair: str
) -> None:
    name = "settings of the database"
    (found,) = compare_settings(setting(name, **was), setting(name, **now), [], "shop")
    assert (found.level, found.statement, found.repair) == (level, f"{name}: {words}", repair)


def test_settings_of_roles_are_compared_where_they_are_involved() -> None:
    was, now = setting("settings of staff", "staff", work_mem="4MB"), setting("settings of staff", "staff")
    (found,) = compare_settings(was, now, ["staff"], "shop")
    assert found.repair == "ALTER ROLE staff SET work_mem = '4MB';"
    assert list(compare_settings(was, now, ["other"], "shop")) == []
    # That a whole database is closed to writing is judged with what else closes it.
    closed = setting("settings of the database", default_transaction_read_only="on")
    assert list(compare_settings({}, closed, [], "shop")) == []


def test_a_stored_replication_role_switches_off_triggers_and_keys() -> None:
    stored = setting("settings of the database", session_replication_role="replica")
    levels = [[one.level for one in find_stored_replication_role(before, stored)] for before in (None, {}, stored)]
    assert levels == [["warning"], ["blocker"], ["warning"]]
    (found,) = find_stored_replication_role({}, stored)
    assert found.repair == "ALTER DATABASE shop RESET session_replication_role;"
    assert list(find_stored_replication_role({}, {})) == []
