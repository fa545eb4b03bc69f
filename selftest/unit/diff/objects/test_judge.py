from dataclasses import replace

import pytest

from postmigration.diff.objects.judge import Scope, judge_objects
from postmigration.diff.objects.moved.compare import Declared
from postmigration.model.changes import GoneTable, MovedRows
from postmigration.model.platform import SUPABASE
from postmigration.postgres.schema_objects import ObjectName
from selftest.unit.diff.objects.made import Made, column, function, grant, part, relation, role, schema

WORLD = schema() | relation("stay") | column("stay", "id") | role("keeper") | role("anon") | role("authenticated")
SCOPE = Scope(["public"])


def judge(before: Made | None, after: Made, scope: Scope = SCOPE) -> dict[str, list[tuple[str, str]]]:
    found = judge_objects(before, after, scope).found
    return {check: [(one.level, one.statement) for one in those] for check, those in found.items()}


def test_differences_are_sorted_by_the_checks_that_judge_them() -> None:
    held = grant("SELECT", "TABLE public.stay", "keeper")
    after = WORLD | relation("stay", {"owner": "anon"}) | role("keeper", {"rolbypassrls": "False"})
    before = (
        WORLD
        | column("stay", "fax")
        | role("keeper", {"rolbypassrls": "True"})
        | grant("SELECT", "TABLE public.stay", "anon")
    )
    found = judge(before, after | held)
    assert found["columns"] == [("blocker", "column public.stay.fax is gone")]
    assert found["owners"] == [("warning", "the owner was keeper, is anon: of table public.stay")]
    assert found["roles"] == [("blocker", "the role keeper is no longer BYPASSRLS")]
    # Without a baseline that knows of roles they are not compared.
    assert not {"owners", "roles"} & judge(before, after, replace(SCOPE, roles=False)).keys()


def test_what_was_looked_at_is_counted() -> None:
    judgement = judge_objects(WORLD, WORLD, SCOPE)
    assert not judgement.found
    assert (judgement.objects["table"], judgement.objects["column"], judgement.objects["role"]) == (1, 1, 3)
    # The facts of both sides, without those that only tell how to find it.
    assert judgement.facts["table"] == 4


def test_schemas_that_are_not_compared_are_told() -> None:
    before, after = WORLD | schema("auth") | schema("sales"), WORLD | schema("auth") | schema("other")
    found = judge(before, after, Scope(["public"], SUPABASE))["schemas"]
    assert found == [
        ("told", "schema auth is left out: it belongs to Supabase, and not to the application"),
        ("told", "schema other is left out"),
        ("blocker", "schema sales is gone"),
    ]


@pytest.mark.parametrize(
    ("body", "level", "words"),
    [
        ("SELECT 1", "told", "function public.added() is new"),
        ("SELECT session_user", "warning", "function public.added() is new and asks for session_user"),
        (
            "SELECT '4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'",
            "warning",
            "function public.added() is new and decides by an id in its text",
        ),
        (
            "EXECUTE $1",
            "blocker",
            "function public.added() is new, runs a text that it is given, and PUBLIC may call it",
        ),
    ],
)
def test_a_new_function_is_as_grave_as_what_it_does(body: str, level: str, words: str) -> None:
    scope = replace(SCOPE, runs_text=lambda text, _: "EXECUTE" in text)
    opened = grant("USAGE", "SCHEMA public", "PUBLIC")
    may = grant("EXECUTE", "ROUTINE public.added()", "PUBLIC")
    found = judge(WORLD | opened, WORLD | opened | may | function("added", {"body": body}), scope)
    assert found["functions"] == [(level, words)]


def test_a_new_policy_that_lets_everybody_pass_blocks() -> None:
    facts = {"permissive": "True", "using": "true", "command": "SELECT", "roles": "PUBLIC"}
    found = judge(WORLD, WORLD | part("policy", "all_of_it", "stay", facts))
    words = "policy all_of_it on public.stay is new, and lets PUBLIC pass for SELECT of any row"
    assert found["row_security"] == [("blocker", words)]


def test_a_new_rule_by_which_nothing_is_written_blocks() -> None:
    facts = {"definition": "ON INSERT DO INSTEAD NOTHING;", "enabled": "O"}
    ((level, words),) = judge(WORLD, WORLD | part("rule", "silent", "stay", facts))["triggers"]
    assert (level, words.endswith("is new, and lets nothing be written without an error")) == ("blocker", True)


def test_of_a_platform_only_what_the_application_put_there_is_judged() -> None:
    scope = Scope(["public"], SUPABASE)
    table = {ObjectName("table auth.users", "table", "auth", "users"): {"~on": "auth.users", "owner": "root"}}
    trigger = {
        ObjectName(f"trigger {called} on auth.users", "trigger", "auth", called, "users"): {
            "of": "table auth.users",
            "definition": f"AFTER INSERT EXECUTE FUNCTION {called}.f()",
        }
        for called in ("public", "auth")
    }
    ((_, words),) = judge(WORLD | table | trigger, WORLD | table, scope)["triggers"]
    assert words.startswith("trigger public on auth.users is gone")
    judgement = judge_objects(WORLD | table | trigger, WORLD | table | trigger, scope)
    assert (judgement.objects["trigger"], judgement.objects["table"]) == (1, 1)


def test_rows_that_moved_are_followed_where_that_is_declared() -> None:
    before = WORLD | relation("stay", {"row-level security": "True"})
    after = schema() | relation("visit") | column("visit", "id")
    moved = Declared(before, [MovedRows(table="stay", to="visit", key={"id": "r.id"}), GoneTable(table="stay")])
    found = judge(before, after, replace(SCOPE, declared=moved))
    assert "whose rows it took over" in found["row_security"][0][1]
    assert "row_security" not in judge(before, after)


@pytest.mark.parametrize("lost", [False, True])
def test_no_definition_is_offered_that_reads_what_is_gone_as_declared(lost: bool) -> None:
    def view(table: str) -> Made:
        facts = {
            "definition": f" SELECT id FROM public.{table};",
            "refers to": f"public.{table}, public.{table}.id",
            "~sql": f"CREATE VIEW public.shown AS SELECT id FROM public.{table};",
        }
        return relation("shown", facts, "view")

    expected = WORLD | view("guest")
    after = WORLD if lost else WORLD | view("stay")
    guest = relation("guest") | column("guest", "id")

    def read_repair(before: Made, scope: Scope) -> str:
        (found,) = judge_objects(before, after, scope).found["views"]
        return found.repair

    gone = replace(SCOPE, declared=Declared(expected | guest, [GoneTable(table="guest")]))
    repair = read_repair(expected, gone)
    assert repair.startswith("-- ")
    assert "the definition of before reads public.guest, gone as declared" in " ".join(repair.split())
    assert all(line.startswith("-- ") for line in repair.splitlines())
    # Where the table is lost unasked, it comes back before the view does.
    assert "VIEW public.shown AS SELECT id FROM public.guest" in read_repair(expected | guest, SCOPE)
    assert "VIEW public.shown AS SELECT id FROM public.guest" in read_repair(expected, SCOPE)
