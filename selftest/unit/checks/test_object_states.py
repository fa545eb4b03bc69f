"""Two states of the objects of a database, judged whoever asks for it."""

from postmigration.checks.object_states import detect, holds_grants, in_a_dump, judge_states, list_undeclared
from postmigration.model.changes import Change, GoneColumn, GoneTable, NewColumn, NewTable, RenamedColumn
from postmigration.model.platform import PLAIN, SUPABASE
from postmigration.postgres.schema_objects import STANDIN, objects
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id int PRIMARY KEY, name text);
    CREATE VIEW shown AS SELECT id FROM item;
"""


def test_objects_that_are_others_are_judged(was: Fill, now: Fill) -> None:
    after = now(WORLD, "DROP VIEW shown; CREATE INDEX ON item (name)")
    found = judge_states(
        objects(was(WORLD)),
        objects(after),
        after,
        ["public"],
        platform=PLAIN,
        version=18,
        restored=False,
        privileged=False,
    )
    levels = {(str(one.name), one.level) for those in found.found.values() for one in those}
    assert ("view public.shown", "blocker") in levels
    assert ("index public.item_name_idx", "told") in levels


def test_what_hangs_on_declared_changes_is_left_out(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "ALTER TABLE item RENAME name TO title; DROP VIEW shown")
    declared = RenamedColumn(table="item", column="name", to="title", reason="it was agreed")
    assert [str(name) for name in list_undeclared(before, after, ["public"], [declared], restored=False)] == [
        "view public.shown"
    ]
    assert "column public.item.name" in list_undeclared(before, after, ["public"], [], restored=False)


def test_types_come_and_go_with_the_columns_that_have_them(was: Fill, now: Fill) -> None:
    types = """
        CREATE TYPE state AS ENUM ('open', 'shut'); CREATE TYPE other AS ENUM ('a'); CREATE TYPE kind AS ENUM ('a');
        CREATE TABLE door (id int PRIMARY KEY, state state, kinds kind[]);
        ALTER TABLE item ADD kind kind;
    """
    change = """
        DROP TABLE door; ALTER TABLE item DROP kind; DROP TYPE state, kind, other;
        CREATE TYPE shape AS ENUM ('round'); CREATE TYPE spare AS ENUM ('b'); CREATE TYPE colour AS ENUM ('red');
        CREATE TABLE gate (id int PRIMARY KEY, shapes shape[], colour colour);
        ALTER TABLE item ADD colour colour;
    """
    before, after = was(WORLD, types), now(WORLD, types, change)
    gate, gone = NewTable(table="gate"), GoneTable(table="door")
    columns: list[Change] = [GoneColumn(table="item", column="kind"), NewColumn(table="item", column="colour")]

    def name(*changes: Change) -> set[str]:
        found = list_undeclared(before, after, ["public"], changes, restored=False)
        return {text.removeprefix("type public.") for text in found if text.startswith("type ")}

    # Of a type that no column had, nobody knows who used it.
    assert name(gate, gone, *columns) == {"other", "spare"}
    assert name(gate, gone) == {"other", "spare", "kind", "colour"}
    assert name() == {"state", "kind", "other", "shape", "spare", "colour"}


def test_a_dump_holds_neither_roles_nor_stand_ins(now: Fill) -> None:
    after = objects(now(WORLD, f"CREATE TABLE stand (id int); COMMENT ON TABLE stand IS '{STANDIN}'"))
    held = in_a_dump(after)
    assert any(name.kind == "role" for name in after)
    assert {name.kind for name in held}.isdisjoint({"role", "setting", "extension", "comment"})
    assert "table public.stand" in after
    assert "table public.stand" not in held
    assert "column public.stand.id" not in held
    assert "table public.item" in held


def test_a_restored_copy_may_hold_privileges(was: Fill, now: Fill) -> None:
    assert not holds_grants(objects(was(WORLD)))
    assert holds_grants(objects(now(WORLD, "GRANT SELECT ON item TO pg_monitor")))


def test_the_platform_is_told_by_its_tables(was: Fill, now: Fill) -> None:
    tables = ("auth.users", "auth.identities", "storage.buckets", "storage.objects")
    hosted = objects(
        now("CREATE SCHEMA auth; CREATE SCHEMA storage", *(f"CREATE TABLE {name} (id int)" for name in tables))
    )
    assert (detect(objects(was())), detect(hosted, {})) == (PLAIN, SUPABASE)
