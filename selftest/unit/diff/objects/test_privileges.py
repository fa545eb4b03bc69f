from collections.abc import Sequence

import pytest

from postmigration.diff.objects.privileges import (
    PUBLIC,
    compare_defaults,
    compare_privileges,
    find_callers,
    name_target,
    read_state,
)
from postmigration.postgres.schema_objects import ObjectName
from selftest.unit.diff.objects.made import Made, column, first, function, grant, relation, role, schema

API = ("anon",)
WORLD = (
    schema()
    | grant("USAGE", "SCHEMA public", PUBLIC)
    | relation("stay", {"row-level security": "True"})
    | column("stay", "id")
    | column("stay", "note", "text")
    | relation("open")
    | relation("shown", kind="view")
    | function("secret", {"security definer": "True"})
    | role("keeper")
    | role("staff")
    | role("intern", {"member of": "staff"})
    | role("anon")
    | role("root", {"rolsuper": "True"})
)


def compare(before: Made, after: Made) -> Sequence[tuple[str, str]]:
    sides = read_state(WORLD | before, API), read_state(WORLD | after, API)
    return [(difference.level, difference.statement) for difference in compare_privileges(*sides)]


@pytest.mark.parametrize(
    ("role_", "privilege", "column_", "holds"),
    [
        ("staff", "SELECT", "", True),
        ("intern", "SELECT", "", True),  # as a member
        ("intern", "SELECT", "note", True),  # of the whole table
        ("anon", "SELECT", "", False),
        ("anon", "UPDATE", "id", True),
        ("anon", "UPDATE", "", False),  # of one column only
        ("keeper", "DELETE", "", True),  # as the owner
        ("root", "DELETE", "", True),
        (PUBLIC, "DELETE", "", False),
    ],
)
def test_a_privilege_is_held_by_whatever_way(role_: str, privilege: str, column_: str, holds: bool) -> None:
    grants = grant("SELECT", "TABLE public.stay", "staff") | grant("UPDATE", "TABLE public.stay", "anon", "id")
    state = read_state(WORLD | grants, API)
    assert state.holds(("TABLE public.stay", column_, role_, privilege)) is holds


def test_privileges_of_all_columns_are_one_of_the_table() -> None:
    parts = [grant("SELECT", "TABLE public.stay", "staff", name) for name in ("id", "note")]
    assert read_state(WORLD | parts[0] | parts[1], API).holds(("TABLE public.stay", "", "staff", "SELECT"))


def test_strangers_are_the_public_and_the_roles_of_an_api() -> None:
    state = read_state(WORLD | role("anon", {"member of": "web"}) | role("web"), API)
    assert [name for name in (PUBLIC, "anon", "web", "staff") if state.is_stranger(name)] == [PUBLIC, "anon", "web"]
    assert state.reaches("anon", "public")
    assert state.reaches(PUBLIC, "public")
    assert not state.reaches("anon", "nowhere")


@pytest.mark.parametrize(
    ("on", "privilege", "opens"),
    [
        ("TABLE public.open", "SELECT", True),
        ("TABLE public.stay", "SELECT", False),
        ("TABLE public.stay", "TRUNCATE", True),  # which row-level security does not stop
        ("TABLE public.open", "TRIGGER", False),
        ("TABLE public.shown", "SELECT", True),
        ("ROUTINE public.secret()", "EXECUTE", True),
        ("SCHEMA public", "USAGE", False),
    ],
)
def test_some_privileges_let_strangers_at_rows(on: str, privilege: str, opens: bool) -> None:
    assert read_state(WORLD, API).opens(on, privilege) is opens


def test_functions_that_strangers_may_call_are_found() -> None:
    trigger = function("fired", {"returns": "trigger"})
    grants = (
        grant("EXECUTE", "ROUTINE public.secret()", "anon")
        | grant("EXECUTE", "ROUTINE public.secret()", "staff")
        | grant("EXECUTE", "ROUTINE public.fired()", "anon")
    )
    assert find_callers(read_state(WORLD | trigger | grants, API)) == {"function public.secret()": {"anon"}}


def test_what_is_lost_blocks_and_is_granted_again() -> None:
    held = grant("SELECT", "TABLE public.stay", "staff") | grant("INSERT", "TABLE public.stay", "staff")
    before = read_state(WORLD | held, API)
    (lost,) = compare_privileges(before, read_state(WORLD, API))
    assert (lost.level, lost.statement) == ("blocker", "staff no longer has INSERT, SELECT on table public.stay")
    assert lost.repair == "GRANT INSERT, SELECT ON TABLE public.stay TO staff;"
    # It has them in another way.
    assert compare(held, held | role("staff", {"rolsuper": "True"})) == []


@pytest.mark.parametrize(
    ("gained", "level", "words"),
    [
        (grant("SELECT", "TABLE public.open", "staff"), "warning", "staff now has SELECT on table public.open"),
        (
            grant("SELECT", "TABLE public.open", "anon"),
            "blocker",
            "anon now has SELECT on table public.open: it has no row-level security, as before",
        ),
        (grant("SELECT", "TABLE public.stay", "anon"), "warning", "anon now has SELECT on table public.stay"),
        (
            grant("TRUNCATE", "TABLE public.stay", PUBLIC),
            "blocker",
            "PUBLIC now has TRUNCATE on table public.stay: row-level security does not stop TRUNCATE",
        ),
        (
            grant("EXECUTE", "ROUTINE public.secret()", "anon"),
            "blocker",
            "anon now has EXECUTE on function public.secret(): it runs with the rights of its owner",
        ),
        (
            grant("SELECT", "TABLE public.new", "staff") | relation("new"),
            "told",
            "staff now has SELECT on table public.new",
        ),
    ],
)
def test_what_is_gained_blocks_where_it_opens_rows_to_strangers(gained: Made, level: str, words: str) -> None:
    known = grant("CONNECT", "shop", PUBLIC)
    name = next(iter(known))
    database: Made = {name: {**known[name], "~what": "database", "of": "the database"}}
    assert compare(database, database | gained) == [(level, words)]


def test_roles_and_grant_options_that_are_gone_are_found() -> None:
    may = grant("SELECT", "TABLE public.stay", "staff", option="True")
    assert compare(may, grant("SELECT", "TABLE public.stay", "staff")) == [
        ("blocker", "staff may no longer grant SELECT on table public.stay to others")
    ]
    held = role("guest") | grant("SELECT", "TABLE public.stay", "guest")
    assert compare(held, {}) == [("blocker", "the role guest is not there: it held 1 privilege here")]


def test_privileges_on_objects_that_are_yet_to_be_made_are_compared() -> None:
    name = ObjectName("default privileges of keeper on tables", "default privileges", "", "tables")
    facts = {"~role": "keeper", "~kind": "tables", "~for": "ALTER DEFAULT PRIVILEGES FOR ROLE keeper"}
    staff, anon = ({**facts, "grants": f'[["{who}", "SELECT"]]'} for who in ("staff", "anon"))
    state = read_state(WORLD, API)
    lost, gained = compare_defaults({name: staff}, {name: anon}, state)
    assert (lost.level, lost.statement) == ("blocker", f"{name} no longer grant SELECT on tables to staff")
    assert lost.repair == "ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT SELECT ON TABLES TO staff;"
    assert (gained.level, gained.statement) == ("warning", f"{name} grant SELECT on tables to anon, and did not")
    assert gained.repair == "ALTER DEFAULT PRIVILEGES FOR ROLE keeper REVOKE SELECT ON TABLES FROM anon;"


def test_an_object_is_named_as_grant_does() -> None:
    assert name_target(*first(relation("shown", kind="view"))) == "TABLE public.shown"
    assert name_target(*first(function("secret"))) == "ROUTINE public.secret()"
    assert name_target(*first(schema())) == "SCHEMA public"
    server = ObjectName("foreign server Far", "foreign server", "", "Far")
    assert name_target(server, {}) == 'FOREIGN SERVER "Far"'
    assert name_target(ObjectName("collation c", "collation", "public", "c"), {}) == ""
