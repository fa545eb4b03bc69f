"""What a schema leaves open around row-level security: as facts that compare, and in words."""

import pytest

from postmigration.access.rls_bypass import WAYS, Opening, Problem, describe, name_sql, open_ways, rename_tables
from postmigration.model.evidence import Subject
from postmigration.postgres.connection import Snapshot
from selftest.unit.access.conftest import ROLES
from selftest.unit.conftest import OpenSnapshot

SCRIPT = f"""
    {ROLES}
    GRANT USAGE ON SCHEMA public TO anon, authenticated;
    CREATE SCHEMA "Other";
    GRANT USAGE ON SCHEMA "Other" TO authenticated;
    CREATE TABLE bare (id int);
    GRANT SELECT ON bare TO authenticated;
    CREATE TABLE "Other".shut (id int);
    ALTER TABLE "Other".shut ENABLE ROW LEVEL SECURITY;
    CREATE POLICY everybody ON "Other".shut FOR SELECT USING (true);
    CREATE POLICY "By word" ON "Other".shut AS RESTRICTIVE FOR DELETE TO authenticated
        USING (current_setting('request.jwt.claims')::json -> 'user_metadata' IS NOT NULL);
    CREATE VIEW all_of_it AS SELECT * FROM "Other".shut;
    CREATE VIEW own WITH (security_invoker = true) AS SELECT * FROM "Other".shut;
    GRANT SELECT ON all_of_it, own TO authenticated;
    CREATE FUNCTION lends(n int) RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT n';
    CREATE FUNCTION borrows() RETURNS int LANGUAGE sql AS 'SELECT 1';
    GRANT INSERT ON "Other".shut TO anon;
"""


@pytest.fixture(scope="module")
def open_(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


@pytest.mark.parametrize(
    ("way", "facts"),
    [
        ("tables", {("bare", "unprotected", "authenticated", "SELECT")}),
        (
            "policies",
            {
                ('"Other".shut', "always true", role, "SELECT") for role in ("PUBLIC", "anon", "authenticated")
            } | {('"Other".shut', "believes users", "authenticated", "DELETE")},
        ),
        ("views", {("all_of_it", "shows all", "authenticated", "SELECT")}),
        ("functions", {("lends(integer)", "unpinned", "", ""), ("lends(integer)", "callable", "anon", "EXECUTE")}),
        ("privileges", {('"Other".shut', "granted", "anon", "INSERT")}),
    ],
)  # fmt: skip
def test_each_way_is_found(open_: Snapshot, way: str, facts: set[tuple[str, str, str, str]]) -> None:
    assert {(o.object, o.problem, o.role, o.action) for o in open_ways(open_, way)} == facts


def test_each_way_is_told_in_words(open_: Snapshot) -> None:
    assert sorted(words for way in WAYS for words, _ in describe(open_ways(open_, way))) == [
        '"Other".shut grants anon INSERT',
        '"Other".shut has a policy for SELECT that lets everybody pass (PUBLIC)',
        '"Other".shut has the policy "By word", which believes what users say of themselves (user_metadata)',
        "all_of_it shows what its owner sees, and authenticated may read it",
        "bare has no row-level security, and authenticated may use it for SELECT",
        "lends(n integer) runs with the rights of its owner, and without a search_path of its own, "
        "and anon may call it",
    ]


def test_many_objects_of_which_the_same_is_open_are_told_of_together() -> None:
    many = [Opening(f"t{n:02}", Problem.GRANTED, "anon", "SELECT", f"t{n:02}", "") for n in range(21)]
    assert describe(many) == [("each of t00, t01, t02 and 18 more grants anon SELECT", 21)]
    assert describe(many[:2]) == [("t00 grants anon SELECT", 1), ("t01 grants anon SELECT", 1)]


def test_what_was_open_of_a_renamed_table_is_compared_under_its_new_name() -> None:
    was = [
        Opening(name, Problem.GRANTED, "anon", "SELECT", name, "") for name in ("old", '"Other".shut', "old(integer)")
    ]
    renamed = rename_tables(
        was, {("public", "old"): ("public", "new"), ("Other", "shut"): ("public", "moved")}, "public"
    )
    assert {opening.object for opening in renamed} == {"new", "moved", "old(integer)"}


def test_an_object_is_named_without_the_schema_of_the_tables(open_: Snapshot) -> None:
    named = name_sql("relnamespace", "relname")
    query = f"SELECT {named} FROM pg_class WHERE relname IN ('bare', 'shut') ORDER BY 1"
    assert [row[0] for row in open_.rows(query, schema="public")] == ['"Other".shut', "bare"]


@pytest.mark.parametrize(
    ("called", "problem", "subject"),
    [
        ("a", Problem.SHOWS_ALL, Subject("view", "app", "a")),
        ("api.a", Problem.UNPROTECTED, Subject.of_table("api", "a")),
        ('"Other"."a ""b"".c"', Problem.UNPROTECTED, Subject.of_table("Other", 'a "b".c')),
        ('api."Of it"(uuid, "Other".kind)', Problem.CALLABLE, Subject("function", "api", 'Of it(uuid, "Other".kind)')),
        ("of(uuid)", Problem.CALLABLE, Subject("function", "app", "of(uuid)")),
    ],
)
def test_what_is_open_is_located(called: str, problem: Problem, subject: Subject) -> None:
    assert Opening(called, problem, "anon", "SELECT", called, "").locate("app") == subject
