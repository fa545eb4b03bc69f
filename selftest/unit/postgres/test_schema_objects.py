"""Every object of a database, and what tells two states apart."""

from postmigration.postgres.schema_objects import ObjectDifference, ObjectName, Objects, differing, objects
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE item (id int PRIMARY KEY, name text DEFAULT 'x');
    CREATE FUNCTION call() RETURNS text LANGUAGE sql AS $$ SELECT 'Bearer abcdefgh12345' $$;
    CREATE SCHEMA other; CREATE VIEW other.ids AS SELECT id FROM item;
"""


def test_the_objects_of_all_schemas_are_read_without_secrets(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot(SCRIPT)
    found = objects(snapshot)
    names = {str(name): name for name in found}
    assert names.keys() >= {"table public.item", "column public.item.name", "view other.ids", "function public.call()"}
    column = names["column public.item.name"]
    assert (column.kind, column.schema, column.name, column.table) == ("column", "public", "name", "item")
    assert found[column]["default"] == "'x'::text"
    body = found[names["function public.call()"]]["body"]
    assert body.startswith(" SELECT 'Bearer ‹secret ")
    # What a snapshot tells is read once.
    assert objects(snapshot) is found


def test_what_differs_is_lost_left_or_changed() -> None:
    before: Objects = {
        ObjectName("table a"): {"owner": "x"},
        ObjectName("column a.id"): {"of": "table a"},
        ObjectName("view b"): {"text": "1", "~id": "7"},
        ObjectName("view c"): {"text": "1", "~id": "7"},
    }
    after: Objects = {
        ObjectName("view b"): {"text": "2", "~id": "7", "owner": "y"},
        ObjectName("view c"): {"text": "1", "~id": "8"},
        ObjectName("view d"): {},
    }
    # A column goes with its table, and how an object is found is no difference.
    assert differing(before, after) == [
        ObjectDifference(ObjectName("table a"), "lost"),
        ObjectDifference(ObjectName("view b"), "changed", (("owner", "none", "y"), ("text", "1", "2"))),
        ObjectDifference(ObjectName("view d"), "left"),
    ]
    assert [str(difference) for difference in differing(before, after)] == [
        "table a is lost",
        "view b is changed (owner, text)",
        "view d is left",
    ]
