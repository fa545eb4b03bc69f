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
        CONSTRAINT ids CHECK (s <> 'draft' OR id > 0), note text DEFAULT ('open'::shop.state)::text,
        EXCLUDE USING btree (id WITH =, past WITH =) WITH (fillfactor = 70));
    CREATE UNIQUE INDEX one_open ON shop.task (id) WHERE s = 'open';
    CREATE INDEX by_s ON shop.task (s);
    COMMENT ON INDEX shop.one_open IS 'one';
    COMMENT ON INDEX shop.by_s IS 'of a column alone';
    COMMENT ON CONSTRAINT ids ON shop.task IS 'no''s';
    CREATE TABLE shop.step (task_s shop.state, task int, FOREIGN KEY (task_s, task) REFERENCES shop.task);
    ALTER TABLE shop.task ENABLE ROW LEVEL SECURITY;
    CREATE POLICY open_only ON shop.task FOR SELECT TO pg_monitor USING (s = 'open');
    COMMENT ON POLICY open_only ON shop.task IS 'why';
    CREATE FUNCTION shop.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER watch BEFORE UPDATE OF s ON shop.task FOR EACH ROW WHEN (new.s = 'done')
        EXECUTE FUNCTION shop.t();
    ALTER TABLE shop.task DISABLE TRIGGER watch;
    COMMENT ON TRIGGER watch ON shop.task IS 'off';
    CREATE VIEW shop.open_task WITH (security_barrier) AS SELECT id, s FROM shop.task WHERE s = 'open';
    GRANT SELECT ON shop.open_task TO pg_monitor;
    COMMENT ON VIEW shop.open_task IS 'x';
    COMMENT ON COLUMN shop.open_task.s IS 'y';
    CREATE VIEW shop.all_open AS SELECT count(*) FROM shop.open_task;
    ALTER VIEW shop.all_open OWNER TO pg_read_all_stats;
    CREATE TABLE shop.log (id int, CHECK ('open'::shop.state IS NOT NULL));
    CREATE POLICY of_view ON shop.log USING (id IN (SELECT id FROM shop.open_task));
    CREATE TABLE shop.part (id int, k int, s shop.state DEFAULT 'draft', CHECK (s > 'draft')) PARTITION BY LIST (k);
    CREATE TABLE shop.part1 PARTITION OF shop.part FOR VALUES IN (1);
    CREATE INDEX part_s ON shop.part (id) WHERE s = 'open';
    CREATE STATISTICS shop.together ON id, s FROM shop.task;
    COMMENT ON STATISTICS shop.together IS 'z';
    INSERT INTO shop.task SELECT g, (enum_range(NULL::shop.state))[1+g%3] FROM generate_series(1,30) g;
    INSERT INTO shop.part VALUES (1,1,'open');
"""
# What would open all that is created again to others.
DEFAULTS = """
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO pg_monitor, pg_read_all_stats, PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT ALL ON TABLES TO pg_signal_backend;
    ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO pg_signal_backend;
"""
KEY = "sb_secret_0123456789abcdef"
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
    before = now(WORLD, DEFAULTS)
    repair = restore_labels(before, STATE, WAS, NOW)
    said = repair.replace("\n-- ", " ")
    assert (
        "1 foreign key, 2 policies, 2 views, 1 trigger, 3 constraints, 2 indexes, 1 statistics object, 5 defaults"
        in said
    )
    assert "shop.part, shop.step, shop.task are rewritten under an ACCESS EXCLUSIVE lock" in said
    assert "shop.all_open, shop.log, shop.open_task are locked until then too" in said
    after = was(WORLD, DEFAULTS, repair.replace("BEGIN;\n", "").replace("COMMIT;", ""))
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
            "MATERIALIZED VIEW shop.m AS SELECT id FROM shop.open_task;"
            "CREATE MATERIALIZED VIEW shop.n AS SELECT id FROM shop.log WHERE 'open'::shop.state IS NOT NULL;"
            "CREATE TEMPORARY VIEW mine AS SELECT s FROM shop.task; CREATE TEMPORARY TABLE w (s shop.state)",
            "materialized view shop.m, materialized view shop.n, table w, view mine would",
        ),
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


def test_what_holds_a_secret_is_told_nobody_and_made_by_nobody(now: Fill) -> None:
    after = now(
        WORLD,
        f"CREATE POLICY p ON shop.log USING ('{KEY}' = 'open'::shop.state::text)",
        f"CREATE VIEW shop.v AS SELECT s, '{KEY}' AS key FROM shop.task",
        f"""CREATE TRIGGER t BEFORE UPDATE ON shop.task FOR EACH ROW WHEN (new.s = 'open')
            EXECUTE FUNCTION shop.t('{KEY}')""",
        f"ALTER TABLE shop.log ADD key text DEFAULT '{KEY}' || 'open'::shop.state",
        f"COMMENT ON INDEX shop.one_open IS '{KEY}'",
        f"COMMENT ON TYPE shop.state IS '{KEY}'",
    )
    repair = restore_labels(after, STATE, WAS, NOW)
    assert all(line.startswith("-- ") for line in repair.splitlines())
    assert KEY not in repair
    assert (
        "default key on shop.log (it holds a secret), index shop.one_open on shop.task (it holds a secret), "
        "policy p on shop.log (it holds a secret), trigger t on shop.task (it holds a secret), "
        "type shop.state (it holds a secret), view shop.v (it holds a secret) would"
    ) in repair.replace("\n-- ", " ")


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            """
            CREATE INDEX i ON shop.task ((s > 'open'));
            CLUSTER shop.task USING i;
            CREATE INDEX j ON shop.task ((s > 'open'));
            ALTER INDEX shop.j ALTER 1 SET STATISTICS 9;
            -- A transaction makes no tablespace; this is the number of the one where the index lies anyway.
            UPDATE pg_class SET reltablespace = 1663 WHERE oid = 'shop.one_open'::regclass;
            COMMENT ON INDEX shop.part1_id_idx IS 'x';
            """,
            "index shop.i, index shop.j, index shop.one_open, index shop.part1_id_idx would",
        ),
        (
            """
            COMMENT ON CONSTRAINT part_s_check ON shop.part1 IS 'x';
            ALTER TABLE shop.step DISABLE TRIGGER ALL;
            ALTER STATISTICS shop.together SET STATISTICS 9;
            ALTER TRIGGER watch ON shop.task DEPENDS ON EXTENSION plpgsql;
            GRANT SELECT (id) ON shop.open_task TO PUBLIC;
            """,
            "constraint part_s_check on table shop.part1, constraint step_task_s_task_fkey on table shop.step, "
            "statistics object shop.together, trigger watch on table shop.task, view shop.open_task would",
        ),
    ],
    ids=["indexes", "others"],
)
def test_what_would_come_back_otherwise_is_for_a_person(made: str, named: str, now: Fill) -> None:
    repair = restore_labels(now(WORLD, made), STATE, WAS, NOW)
    assert all(line.startswith("-- ") for line in repair.splitlines())
    assert named in repair.replace("\n-- ", " ")


def test_what_is_locked_is_named_though_no_table_has_such_a_column(now: Fill) -> None:
    after = now(
        "CREATE SCHEMA shop; CREATE TYPE shop.state AS ENUM ('b', 'a')",
        "CREATE TABLE shop.log (id int, CHECK ('a'::shop.state IS NOT NULL))",
        "CREATE TYPE shop.unused AS ENUM ('b', 'a')",
    )
    said = restore_labels(after, STATE, '["a", "b"]', '["b", "a"]').replace("\n-- ", " ")
    assert "Risk: shop.log is locked under an ACCESS EXCLUSIVE lock until COMMIT" in said
    unused = ObjectName("type shop.unused", "type", "shop", "unused")
    said = restore_labels(after, unused, '["a", "b"]', '["b", "a"]').replace("\n-- ", " ")
    assert "Risk: none, nothing uses it" in said


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
    assert restore_labels(after, STATE, '["a", "‹secret 0123abcd›"]', '["a"]') == ""
