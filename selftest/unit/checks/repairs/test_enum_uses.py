"""All that uses an enumeration is found, by what can be done about it."""

from postmigration.checks.repairs.enum_uses import Use, read_type, read_uses, read_view
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE SCHEMA shop;
    CREATE TYPE shop.state AS ENUM ('open', 'done');
    REVOKE USAGE ON TYPE shop.state FROM PUBLIC;
    GRANT USAGE ON TYPE shop.state TO pg_monitor;
    CREATE TABLE shop.task (id int PRIMARY KEY, s shop.state DEFAULT 'open', past shop.state[]);
    CREATE TABLE shop.child () INHERITS (shop.task);
    CREATE INDEX one_open ON shop.task (id) WHERE s = 'open';
    CREATE VIEW shop.open_task AS SELECT id, s FROM shop.task;
    COMMENT ON COLUMN shop.open_task.s IS 'where it stands';
    GRANT SELECT ON shop.open_task TO pg_monitor;
    CREATE VIEW shop.all_open AS SELECT count(*) FROM shop.open_task;
    CREATE MATERIALIZED VIEW shop.kept AS SELECT id FROM shop.task WHERE s = 'open';
"""


def test_what_uses_a_type_is_found_by_what_it_is(now: Fill) -> None:
    found = read_uses(now(WORLD), "shop.state")
    assert [(use.on, use.id, use.definition) for use in found["column"]] == [
        ("shop.task", "past", "[]"),
        ("shop.task", "s", ""),
    ]
    assert {use.on for use in found["inherited"]} == {"shop.child"}
    assert [str(use) for use in found["index"]] == ["index shop.one_open on shop.task"]
    assert [(use.on, use.depth) for use in found["view"]] == [("shop.open_task", 1), ("shop.all_open", 2)]
    assert {(use.on, use.definition) for use in found["default"]} == {
        (table, "'open'::shop.state") for table in ("shop.task", "shop.child")
    }
    assert [use.id for use in found["other"]] == ["materialized view shop.kept"]
    assert str(Use("view", 1, "shop.open_task", "", "", None)) == "view shop.open_task"


def test_a_type_and_a_view_get_back_what_was_granted(now: Fill) -> None:
    side = now(WORLD)
    type_ = read_type(side, "shop.state")
    assert (type_.name, type_.aside, type_.said) == ("state", "state_wrong_order", None)
    assert type_.revoked == "REVOKE ALL ON TYPE shop.state FROM PUBLIC;"
    assert type_.granted == "GRANT USAGE ON TYPE shop.state TO pg_monitor;"
    view = read_view(side, "shop.open_task")
    assert view.granted == "GRANT SELECT ON shop.open_task TO pg_monitor;"
    assert view.columns == [["s", "where it stands"]]
