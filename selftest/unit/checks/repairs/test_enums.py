"""The labels of an enumeration get the order of before, with all that uses the type, or a person has to decide."""

import pytest

from postmigration.checks.repairs.enums import restore_labels
from postmigration.postgres.schema_objects import ObjectName, Objects, objects
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE SCHEMA shop;
    CREATE TYPE shop.state AS ENUM ('done', 'draft', 'open', 'extra');
    COMMENT ON TYPE shop.state IS 'where it stands';
    GRANT USAGE ON TYPE shop.state TO pg_monitor;
    CREATE TABLE shop.task (
        id int, s shop.state NOT NULL DEFAULT 'open', past shop.state[] DEFAULT '{draft}', PRIMARY KEY (s, id),
        CHECK (s <> 'draft' OR id > 0), note text DEFAULT ('open'::shop.state)::text);
    CREATE UNIQUE INDEX one_open ON shop.task (id) WHERE s = 'open';
    CREATE INDEX by_s ON shop.task (s);
    CREATE TABLE shop.step (task_s shop.state, task int, FOREIGN KEY (task_s, task) REFERENCES shop.task);
    ALTER TABLE shop.task ENABLE ROW LEVEL SECURITY;
    CREATE POLICY open_only ON shop.task FOR SELECT TO pg_monitor USING (s = 'open');
    CREATE FUNCTION shop.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER watch BEFORE UPDATE OF s ON shop.task FOR EACH ROW WHEN (new.s = 'done')
        EXECUTE FUNCTION shop.t();
    ALTER TABLE shop.task DISABLE TRIGGER watch;
    CREATE VIEW shop.open_task WITH (security_barrier) AS SELECT id, s FROM shop.task WHERE s = 'open';
    GRANT SELECT ON shop.open_task TO pg_monitor;
    COMMENT ON VIEW shop.open_task IS 'x';
    CREATE VIEW shop.all_open AS SELECT count(*) FROM shop.open_task;
    CREATE TABLE shop.part (id int, k int, s shop.state DEFAULT 'draft', CHECK (s > 'draft')) PARTITION BY LIST (k);
    CREATE TABLE shop.part1 PARTITION OF shop.part FOR VALUES IN (1);
    CREATE INDEX part_s ON shop.part (id) WHERE s = 'open';
    CREATE STATISTICS shop.together ON id, s FROM shop.task;
    INSERT INTO shop.task SELECT g, (enum_range(NULL::shop.state))[1+g%3] FROM generate_series(1,30) g;
    INSERT INTO shop.part VALUES (1,1,'open');
"""
STATE = ObjectName("type shop.state", "type", "shop", "state")
WAS, NOW = '["draft", "open", "done"]', '["done", "draft", "open", "extra"]'


def _list_others(all_of_it: Objects) -> dict[str, dict[str, str]]:
    """The objects but the type: what they are, without what tells where they lie."""
    return {
        name: {key: value for key, value in facts.items() if not key.startswith("~")}
        for name, facts in all_of_it.items()
        if name != STATE
    }


def test_a_type_is_exchanged_with_all_that_uses_it(was: Fill, now: Fill) -> None:
    before = now(WORLD)
    repair = restore_labels(before, STATE, WAS, NOW)
    said = repair.replace("\n-- ", " ")
    assert (
        "1 foreign key, 2 views, 1 policy, 1 trigger, 2 constraints, 2 indexes, 1 statistics object, 5 defaults" in said
    )
    assert "shop.part, shop.step, shop.task are rewritten under an ACCESS EXCLUSIVE lock" in said
    after = was(WORLD, repair.replace("BEGIN;\n", "").replace("COMMIT;", ""))
    labels = "SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = :type::regtype"
    assert after.scalar(labels, type="shop.state") == "draft open extra done"
    sorted_ = "SELECT string_agg(s::text, ' ' ORDER BY s) FROM shop.task WHERE id < 5"
    assert after.scalar(sorted_) == "draft draft open done"
    assert _list_others(objects(after)) == _list_others(objects(before))


@pytest.mark.parametrize(
    ("used", "named"),
    [
        ("FUNCTION shop.f(shop.state) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function shop.f(shop.state)"),
        ("MATERIALIZED VIEW shop.m AS SELECT s FROM shop.task", "materialized view shop.m would"),
        ("TABLE shop.l (s shop.state) PARTITION BY LIST (s)", "the partition key of shop.l"),
        ("DOMAIN shop.d AS shop.state", "type shop.d"),
        ("TABLE shop.w (t shop.task)", "table shop.w"),
        ("RULE r AS ON DELETE TO shop.task WHERE old.s = 'open' DO NOTHING", "rule r on table shop.task"),
        (
            "TABLE shop.g (s shop.state, b boolean GENERATED ALWAYS AS (s > 'open') STORED)",
            "value for column b of table",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_for_a_person(used: str, named: str, now: Fill) -> None:
    repair = restore_labels(now(WORLD, f"CREATE {used}"), STATE, WAS, NOW)
    assert all(line.startswith("-- ") for line in repair.splitlines())
    assert named in repair.replace("\n-- ", " ")


def test_a_label_that_is_gone_is_added_where_it_stood(now: Fill) -> None:
    after = now()
    assert restore_labels(after, STATE, '["a", "b", "c", "d"]', '["a", "d"]').splitlines() == [
        "ALTER TYPE shop.state ADD VALUE 'c' BEFORE 'd';",
        "ALTER TYPE shop.state ADD VALUE 'b' BEFORE 'c';",
    ]
    assert restore_labels(after, STATE, '["a", "b"]', '["a"]') == "ALTER TYPE shop.state ADD VALUE 'b';"
    assert restore_labels(after, STATE, '["a", "b", "c"]', '["b", "a", "x"]') == ""
    assert restore_labels(after, STATE, '["a", "b\\n"]', '["b\\n", "a"]') == ""
    assert restore_labels(after, STATE, "none", "3") == ""
