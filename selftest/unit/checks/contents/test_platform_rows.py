"""The rows of an application in the tables of its platform."""

from postmigration.checks.contents.platform_rows import examine
from selftest.unit.uncommitted import Fill

# A copy of what Supabase hosts, by whose tables it is told; the application has put one of its own beside them.
WORLD = """
    CREATE SCHEMA auth; CREATE SCHEMA storage;
    CREATE TABLE auth.users (id int PRIMARY KEY, email text);
    CREATE TABLE auth.identities (id int PRIMARY KEY);
    CREATE TABLE storage.buckets (id int PRIMARY KEY);
    CREATE TABLE storage.objects (id int PRIMARY KEY, size int);
    CREATE TABLE auth.invitation (id int);
    INSERT INTO auth.users SELECT g, 'u' || g FROM generate_series(1, 5) g;
    INSERT INTO auth.identities VALUES (1), (2);
    INSERT INTO storage.objects VALUES (1, 10), (2, 20);
    INSERT INTO auth.invitation VALUES (1), (2), (3);
"""


def test_rows_that_are_lost_are_found_and_others_told(was: Fill, now: Fill) -> None:
    after = now(
        WORLD,
        "DELETE FROM auth.users WHERE id > 3",
        "DROP TABLE auth.identities",
        "UPDATE storage.objects SET size = 0; INSERT INTO storage.buckets VALUES (7)",
        "DELETE FROM auth.invitation WHERE id = 1",
    )
    found = examine(was(WORLD), after, ["public"])
    assert [(finding.statement, finding.severity, finding.code) for finding in found.findings] == [
        ("auth.users: 2 rows of 5 lost", "blocker", "missing_rows"),
        ("auth.identities: the table is gone, and held 2 rows", "blocker", "table_lost"),
        (
            "auth.invitation has 2 rows of 3, in a schema of the platform, which is not known to have such a table",
            "warning",
            "",
        ),
    ]
    assert found.notes == ["storage.buckets: 1 new row", "storage.objects: values of 2 rows are other ones"]
    assert (found.tables, found.rows) == (5, 12)


def test_a_schema_that_is_compared_whole_is_left_to_that(was: Fill, now: Fill) -> None:
    after = now(WORLD, "DELETE FROM auth.users; DELETE FROM storage.objects WHERE id = 2")
    found = examine(was(WORLD), after, ["auth", "public"])
    assert [finding.statement for finding in found.findings] == ["storage.objects: 1 row of 2 lost"]


def test_a_server_without_a_platform_has_no_such_rows(was: Fill, now: Fill) -> None:
    reason = "no platform is known here that holds rows of the application"
    assert examine(was(), now(), ["public"]).inapplicable == reason
