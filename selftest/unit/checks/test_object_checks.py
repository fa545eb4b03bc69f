"""What the built-in checks of objects state, by family."""

import datetime

import pytest

from postmigration.checks.assertions import Target
from postmigration.checks.baseline import Before
from postmigration.checks.object_checks import (
    expect_sides,
    find_renames,
    holds_privileges,
    list_unused,
    match_sequences,
    read_sides,
    report_objects,
)
from postmigration.model.changes import Change, ChangedObject, NewColumn, RenamedTable
from postmigration.model.errors import NeedsBaseline, NotApplicable
from postmigration.model.migration import Migration
from postmigration.model.waivers import Waiver
from postmigration.postgres.schema_objects import objects
from selftest.unit.checks.targets import aim, make_fingerprint
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id serial PRIMARY KEY, name text);
    CREATE INDEX by_name ON item (name);
    CREATE VIEW shown AS SELECT id FROM item;
"""
WHY = {"reason": "it was agreed"}


def said(target: Target, *families: str) -> list[tuple[str, str]]:
    report_objects(target, *families)
    return [(finding.code, finding.severity) for finding in target.evidence.findings]


def test_what_became_of_the_objects_of_a_family_is_reported(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "DROP VIEW shown; DROP INDEX by_name; ALTER TABLE item ADD note text")
    assert said(aim(after, Before(before)), "views") == [("view_lost", "blocker")]
    target = aim(after, Before(before))
    assert said(target, "indexes") == [("index_lost", "blocker")]
    assert target.evidence.findings[0].subject.table == "item"
    assert target.evidence.compared == {"objects": 1}
    columns = aim(after, Before(before))
    assert said(columns, "columns") == []
    assert columns.evidence.notes == ["column public.item.note is new"]


def test_a_key_that_is_lost_is_known_by_its_columns(was: Fill, now: Fill) -> None:
    world = """
        CREATE TABLE part (id int, name text, CONSTRAINT named UNIQUE (name, id));
        CREATE UNIQUE INDEX once ON part (id);
        CREATE UNIQUE INDEX few ON part (id) WHERE id > 3;
    """
    target = aim(now(world, "ALTER TABLE part DROP CONSTRAINT named; DROP INDEX once, few"), Before(was(world)))
    report_objects(target, "constraints", "indexes")
    found = {one.subject.name: [reference.key for reference in one.subject.refers] for one in target.evidence.findings}
    assert found == {"named": [("name", "id")], "once": [("id",)], "few": []}


def test_what_a_policy_and_a_column_were_is_known_by_the_catalogs(was: Fill, now: Fill) -> None:
    world = """
        CREATE TABLE sum (net int, gross int GENERATED ALWAYS AS (net * 2) STORED, plain int);
        ALTER TABLE sum ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON sum FOR SELECT USING (net > 0);
        CREATE POLICY few ON sum AS RESTRICTIVE USING (net < 9);
    """
    changes = """
        DROP POLICY own ON sum;
        DROP POLICY few ON sum;
        ALTER TABLE sum ALTER gross DROP EXPRESSION;
        ALTER TABLE sum DROP plain, ADD plain int GENERATED ALWAYS AS (net * 3) STORED;
    """
    target = aim(now(world, changes), Before(was(world)))
    report_objects(target, "row_security", "columns")
    found = {one.subject.name: one.subject.traits for one in target.evidence.findings}
    assert found == {"own": ("for_select",), "few": ("restrictive",), "gross": ("computed",), "plain": ()}


def test_without_a_state_before_only_some_families_can_be_judged(now: Fill) -> None:
    target = aim(now(WORLD))
    with pytest.raises(NeedsBaseline, match=r"^it compares with the state before: name it with --baseline$"):
        report_objects(target, "views")
    report_objects(target, "indexes")
    assert target.evidence.findings == []
    with pytest.raises(NeedsBaseline, match="the fingerprint holds no objects: an older version took it"):
        report_objects(aim(target.snapshot, Before(fingerprint=make_fingerprint())), "views")


def test_what_neither_side_has_is_not_applicable(was: Fill, now: Fill) -> None:
    with pytest.raises(NotApplicable, match=r"^there are none: views$"):
        report_objects(aim(now(), Before(was())), "views")


def test_what_is_declared_or_accepted_is_no_finding(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "DROP VIEW shown; DROP INDEX by_name")
    changes: list[Change] = [ChangedObject(object="view public.shown", gone=True, reason=WHY["reason"])]
    target = aim(after, Before(before), Migration("unit", changes=changes))
    assert said(target, "views") == []
    assert target.evidence.notes == ["1 difference is declared"]
    waiver = Waiver("known", "", "", "index public.by_name", "", "it is", "QA", datetime.date(9999, 1, 1))
    assert said(aim(after, Before(before), waivers=[waiver]), "indexes") == [("", "waived")]


def test_an_object_that_may_be_another_may_not_be_lost(was: Fill, now: Fill) -> None:
    rule = "ALTER TABLE item DROP CONSTRAINT item_pkey"
    before, keyless = was(WORLD), f"{rule}; DROP VIEW shown"
    declared = [
        ChangedObject(object=one, gone=gone, reason="it was agreed")
        for one, gone in (("constraint item_pkey on public.item", False), ("view public.*", True))
    ]
    allows = "its changed_object allows a change and no loss: gone = true, if it is meant"
    lost = aim(now(WORLD, keyless), Before(before), Migration("unit", changes=declared))
    assert said(lost, "constraints", "views") == [("constraint_lost", "blocker")]
    (found,) = lost.evidence.findings
    assert found.statement == f"constraint item_pkey on public.item is gone: PRIMARY KEY (id); {allows}"
    assert found.repair


@pytest.mark.parametrize("form", ["ALTER TABLE item ADD CONSTRAINT item_pkey PRIMARY KEY (id, name)", "SELECT 1"])
def test_an_object_that_is_another_is_declared_without_being_gone(form: str, was: Fill, now: Fill) -> None:
    before = was(WORLD)
    after = now(WORLD, "ALTER TABLE item ALTER name SET NOT NULL, DROP CONSTRAINT item_pkey", form)
    declared = [ChangedObject(object="constraint item_pkey on public.item", reason=WHY["reason"])]
    target = aim(after, Before(before), Migration("unit", changes=declared))
    found = [code for code, _ in said(target, "constraints") if code == "constraint_lost"]
    assert found == (["constraint_lost"] if form == "SELECT 1" else [])


def test_a_unique_rule_in_the_form_of_an_index_is_not_lost(was: Fill, now: Fill) -> None:
    unique = "ALTER TABLE item ADD CONSTRAINT once UNIQUE (name)"
    index = "CREATE UNIQUE INDEX once ON item (name)"
    changes: list[Change] = [ChangedObject(object="constraint once on public.item", reason=WHY["reason"])]
    target = aim(now(WORLD, index), Before(was(WORLD, unique)), Migration("unit", changes=changes))
    assert said(target, "constraints") == []


def test_what_is_new_and_was_not_declared_is_a_warning(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "ALTER TABLE item ADD note text, ADD size int")
    changes: list[Change] = [NewColumn(table="item", column="note", **WHY)]
    target = aim(after, Before(before), Migration("unit", changes=changes))
    report_objects(target, "columns")
    assert [(finding.statement, finding.severity) for finding in target.evidence.findings] == [
        ("column public.item.size is new, and nobody declared it", "warning")
    ]


def test_patterns_that_nothing_used_are_listed(was: Fill, now: Fill) -> None:
    used, unused = "view public.shown", "view public.other*"
    changes: list[Change] = [ChangedObject(object=one, reason=WHY["reason"]) for one in (used, unused)]
    target = aim(now(WORLD, "DROP VIEW shown"), Before(was(WORLD)), Migration("unit", changes=changes))
    assert list_unused(target) == [unused]


def test_the_state_before_is_read_as_declared_changes_leave_it(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "ALTER TABLE item RENAME TO thing; ALTER SEQUENCE item_id_seq RENAME TO ids")
    changes: list[Change] = [RenamedTable(table="item", to="thing", **WHY)]
    target = aim(after, Before(before), Migration("unit", changes=changes))
    assert read_sides(target) == (objects(before), objects(after))
    expected, _ = expect_sides(target)
    assert expected is not None
    assert "table public.thing" in expected
    assert "table public.item" not in expected
    renames = find_renames(target)
    assert renames is not None
    assert match_sequences(target) == {("public", "item_id_seq"): ("public", "ids")}
    assert find_renames(aim(after, Before(before))) is None


def test_a_state_before_may_tell_of_privileges(was: Fill, now: Fill) -> None:
    after = now()
    assert holds_privileges(aim(after, Before(was())))
    assert not holds_privileges(aim(after))
    held = make_fingerprint(objects={})
    assert holds_privileges(aim(after, Before(fingerprint=held)))
    assert not holds_privileges(aim(after, Before(fingerprint=make_fingerprint())))
