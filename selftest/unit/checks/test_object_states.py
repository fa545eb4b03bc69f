"""Two states of the objects of a database, judged whoever asks for it."""

from postmigration.checks.object_states import detect, holds_grants, in_a_dump, judge_states, list_undeclared
from postmigration.model.changes import RenamedColumn
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
