"""What is wrong with an object by itself: graver when it is new, milder when it was so before or nobody knows."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.diff.objects.extensions import compare_extensions
from postmigration.diff.objects.privileges import State, compare_privileges, read_state
from postmigration.diff.objects.roles import compare_roles, compare_settings, find_stored_replication_role
from postmigration.diff.objects.spelling import same_text
from postmigration.model.platform import PLAIN, SUPABASE, Inhabitants, detect_platform
from postmigration.postgres.schema_objects import ObjectName, Objects
from selftest.check.conftest import Change
from selftest.check.judging import judge
from selftest.check.test_objects import MODULES
from selftest.tiers import few

INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"
# What is wrong, and how grave it is without a baseline and where the baseline has it too.
FLAWS = {
    INVALID.format("sales.client_mail"): ("index sales.client_mail is invalid", "warning", "warning"),
    INVALID.format("sales.invoice_note"): ("index sales.invoice_note is invalid", "warning", "told"),
    "ALTER TABLE sales.tariff ADD CONSTRAINT c CHECK (price > 0) NOT VALID": ("is NOT VALID", "warning", "told"),
    "ALTER TABLE sales.client DISABLE TRIGGER stamp_client": ("is disabled", "warning", "told"),
    "ALTER EVENT TRIGGER on_ddl DISABLE": ("event trigger on_ddl is disabled", "warning", "told"),
    "ALTER TABLE sales.invoice DISABLE TRIGGER ALL": ("that enforce constraint invoice_client", "blocker", "warning"),
}


@pytest.mark.parametrize("flaw", few(FLAWS, 0, 3))
def test_a_flaw_is_milder_where_it_is_not_new(flaw: str, changed: Change) -> None:
    words, unknown, inherited = FLAWS[flaw]
    after = changed(flaw)[1]
    alone = judge("", after, only=MODULES)
    assert any(words in said for said in alone.words(unknown)), alone
    assert alone.red() == ({"test_constraints_are_as_before"} if unknown == "blocker" else set())
    again = changed(database=str(conninfo_to_dict(after)["dbname"]))[1]
    both = judge(after, again, only=MODULES)
    assert any(words in said for said in both.words(inherited)), both
    assert not both.red()


def test_a_sound_database_has_no_flaw(changed: Change) -> None:
    alone = judge("", changed()[1], only=MODULES)
    assert not alone.red()
    assert not alone.yellow(), alone.words("warning")
    assert "test_privileges_are_as_before" in alone.unjudged


def test_objects_that_a_schema_left_out_are_told(changed: Change) -> None:
    before, after = changed("DROP SCHEMA bare")
    narrowed = judge(before, after, "--schema=sales", only=MODULES)
    assert narrowed.words("blocker") == ["schema bare is gone"]
    assert "schema tools is left out" in narrowed.words("told")


def extension(version: str = "1.5", schema: str = "public", **facts: str) -> Objects:
    name = ObjectName("extension citext", "extension", "", "citext")
    return {name: {"version": version, "schema": schema, "~id": "citext", **facts}}


CALLER: Objects = {ObjectName("function f()", "function", "public", "f"): {"body": "SELECT regexp_match(a, b)"}}
EXTENSIONS = {
    "missing and needed": (extension(**{"~used by": "column c of table t"}), {}, {}, "blocker", "is missing"),
    "missing and called": (extension(**{"~functions": "regexp_match"}), {}, CALLER, "blocker", "function f() needs it"),
    "missing and not needed": (extension(), {}, CALLER, "warning", "is missing"),
    "moved and needed": (extension(**{"~used by": "t"}), extension(schema="other"), {}, "blocker", "is in other"),
    "moved and not needed": (extension(), extension(schema="other"), {}, "warning", "was in the schema public"),
    "older": (extension("1.10"), extension("1.9"), {}, "warning", "is older than before"),
    "older than the server's": (extension(), extension(**{"~default": "1.6"}), {}, "told", "this server has 1.6"),
}


@pytest.mark.parametrize("what", EXTENSIONS)
def test_an_extension_counts_by_who_needs_it(what: str) -> None:
    before, after, application, level, words = EXTENSIONS[what]
    (found,) = compare_extensions(before, after, application=application)
    assert (found.level, words in found.statement) == (level, True), found
    assert not list(compare_extensions(before, before, application=application))


# The facts of roles, by their names.
Roles = dict[str, dict[str, str]]


def state(roles: Roles, owner: str = "") -> State:
    objects: Objects = {ObjectName(f"role {name}", "role", "", name): facts for name, facts in roles.items()}
    table: Objects = {ObjectName("table t", "table", "public", "t"): {"owner": owner, "~on": "t"}} if owner else {}
    return read_state({**objects, **table}, ("anon",))


# A role of the application and the role of an API before and afterwards, and what is said of them.
ROLES: dict[str, tuple[Roles, Roles, str, str]] = {
    "login lost": ({"app": {"rolcanlogin": "True"}}, {"app": {"rolcanlogin": "False"}}, "warning", "no longer LOGIN"),
    "bypass lost": (
        {"app": {"rolbypassrls": "True"}},
        {"app": {"rolbypassrls": "False"}},
        "blocker",
        "app is no longer BYPASSRLS",
    ),
    "bypass gained": (
        {"app": {"rolbypassrls": "False"}},
        {"app": {"rolbypassrls": "True"}},
        "warning",
        "app is BYPASSRLS, and was not",
    ),
    "bypass gained by a stranger": (
        {"anon": {"rolbypassrls": "False"}},
        {"anon": {"rolbypassrls": "True"}},
        "blocker",
        "anon is BYPASSRLS, and was not",
    ),
    "membership lost": ({"app": {"member of": "writers"}}, {"app": {}}, "blocker", "no longer a member of writers"),
    "membership gained": ({"app": {}}, {"app": {"member of": "writers"}}, "warning", "is a member of writers"),
    "membership of an owner gained by a stranger": (
        {"anon": {}},
        {"anon": {"member of": "writers"}},
        "blocker",
        "anon is a member of writers",
    ),
}


@pytest.mark.parametrize("what", ROLES)
def test_what_a_role_has_lost_or_gained_is_found(what: str) -> None:
    before, after, level, words = ROLES[what]
    was, now = (state({"writers": {}, **roles}, owner="writers") for roles in (before, after))
    (found,) = compare_roles(was, now, ["app", "anon"])
    assert (found.level, words in found.statement) == (level, True), found
    assert found.repair.startswith(("ALTER ROLE", "GRANT", "REVOKE"))
    assert not list(compare_roles(was, was, ["app", "anon"]))
    assert not list(compare_roles(was, now, []))


def test_what_is_set_for_a_role_is_compared() -> None:
    name = ObjectName("setting of role app", "setting", "", "app")
    before: Objects = {name: {"search_path": "shop", "work_mem": "8MB", "~for": "ROLE app"}}
    after: Objects = {name: {"work_mem": "4MB", "~for": "ROLE app"}}
    found = list(compare_settings(before, after, ["app"], "db"))
    assert [(one.level, one.what) for one in found] == [("blocker", "search_path"), ("warning", "work_mem")]
    assert not list(compare_settings(before, after, ["other"], "db"))


def test_a_stored_replication_role_is_milder_where_it_is_not_new() -> None:
    name = ObjectName("setting of the database", "setting")
    after: Objects = {name: {"session_replication_role": "replica", "~for": "DATABASE db"}}
    befores: dict[str, Objects | None] = {"new": {}, "unknown": None, "inherited": after}
    found = {what: next(find_stored_replication_role(before, after)) for what, before in befores.items()}
    assert {what: one.level for what, one in found.items()} == {
        "new": "blocker",
        "unknown": "warning",
        "inherited": "warning",
    }
    assert found["inherited"].statement.endswith("it was so before")
    assert not list(find_stored_replication_role(after, {name: {"session_replication_role": "origin"}}))


def test_a_platform_is_told_by_who_owns_its_schemas_and_not_by_their_names() -> None:
    assert detect_platform(Inhabitants({"auth": "supabase_auth_admin"}, ())) is SUPABASE
    others = {"auth": "postgres", "storage": "postgres", "public": "supabase_admin"}
    assert detect_platform(Inhabitants(others, ())) is PLAIN
    # A copy that was restored without owners.
    copied = {(table.schema, table.table) for table in SUPABASE.tables}
    assert detect_platform(Inhabitants({"auth": "me"}, copied)) is SUPABASE
    # What else stands in such schemas.
    own = {("cron", "job"), ("auth", "mfa_factors"), ("vault", "secrets"), ("realtime", "messages_2026_11_29")}
    assert detect_platform(Inhabitants({"auth": "me"}, {*copied, *own})) is SUPABASE


def test_a_schema_that_is_called_like_the_platforms_and_holds_other_tables_is_the_applications() -> None:
    hosted = Inhabitants({"auth": "supabase_auth_admin", "net": "supabase_admin", "vault": "me"}, {("net", "x")})
    mine = Inhabitants({"vault": "me"}, {("vault", "gold"), ("vault", "secrets")})
    assert detect_platform(hosted) is SUPABASE
    assert SUPABASE.schemas - detect_platform(hosted, mine).schemas == {"vault"}
    assert detect_platform(mine) is PLAIN


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("((a)::text = 'x'::text)", "(a = 'x')"),
        ("(a = ANY ((ARRAY['x'::character varying])::text[]))", "(a = ANY (ARRAY[('x'::character varying)::text]))"),
    ],
)
def test_an_expression_is_the_same_however_it_came_to_be_written(was: str, now: str) -> None:
    assert same_text(was, now)


@pytest.mark.parametrize(
    ("was", "now"), [("((a OR b) AND c)", "(a OR (b AND c))"), ("a = 'x'", "a = 'X'"), ("f(a)", "fa"), ("a", "b")]
)
def test_an_expression_that_says_something_else_is_another_one(was: str, now: str) -> None:
    assert not same_text(was, now)


def granted_on_setting(*roles: str) -> Objects:
    """Who may set a parameter that only a superuser may otherwise."""
    facts = {"of": "parameter log_statement", "~what": "parameter", "~on": "PARAMETER log_statement"}
    return {
        ObjectName(f"grant to {role}", "grant", "", "log_statement"): {
            **facts,
            "~role": role,
            "~privilege": "SET",
            "~option": "False",
        }
        for role in roles
    } | {
        ObjectName("grant on the database", "grant"): {
            **{"of": "the database", "~what": "database", "~on": "DATABASE app", "~owner": "o"},
            **{"~role": "PUBLIC", "~privilege": "CONNECT", "~option": "False"},
        }
    }


def test_a_privilege_on_a_parameter_is_compared() -> None:
    none, some = (read_state(granted_on_setting(*roles), ()) for roles in ((), ("app",)))
    (lost,) = compare_privileges(some, none)
    assert (lost.level, lost.statement) == ("blocker", "app no longer has SET on parameter log_statement")
    assert lost.repair == "GRANT SET ON PARAMETER log_statement TO app;"
    (gained,) = compare_privileges(none, some)
    assert (gained.level, gained.statement) == ("warning", "app now has SET on parameter log_statement")
    assert not list(compare_privileges(some, some))


def test_what_an_older_fingerprint_does_not_hold_is_not_taken_for_new() -> None:
    older = read_state({}, ())
    assert not list(compare_privileges(older, read_state(granted_on_setting("app"), ())))


MEMBER = {"~options": "known", "member of": "staff", "rolinherit": "True"}


@pytest.mark.parametrize(
    ("was", "now", "level", "words"),
    [
        ({"~inherit": "staff"}, {}, "blocker", "the role app is a member of staff without INHERIT, and had it"),
        ({"~set": "staff"}, {}, "warning", "the role app is a member of staff without SET, and had it"),
        ({}, {"~admin": "staff"}, "warning", "the role app is a member of staff with ADMIN, and was without"),
        ({"~options": ""}, {"~admin": "staff"}, "", ""),
    ],
)
def test_options_of_memberships_are_compared(was: dict[str, str], now: dict[str, str], level: str, words: str) -> None:
    name = ObjectName("role app", "role", "", "app")
    before, after = (read_state({name: {**MEMBER, **facts}}, ()) for facts in (was, now))
    found = [(one.level, one.statement) for one in compare_roles(before, after, ["app"])]
    assert found == ([(level, words)] if level else [])
    assert not list(compare_roles(before, before, ["app"]))
