"""The evidence of a check, gathered while it states what must hold."""

import datetime

import pytest

from postmigration.checks.baseline import Before
from postmigration.model.errors import NotApplicable, NotJudged
from postmigration.model.evidence import Finding, Subject, Violation
from postmigration.model.migration import Migration
from postmigration.model.waivers import Waiver
from selftest.unit.checks.targets import aim
from selftest.unit.uncommitted import Fill

WRONG = Finding("rows that are lost", 2, 9)


def test_a_check_passes_that_stated_something_which_holds(now: Fill) -> None:
    target = aim(now())
    target.state(examined=3, facts=2)
    target.report([], rows=4, facts=1, tables=5)
    target.report([], tables=1)
    target.note("look here")
    target.note_inherited("the same is wrong", 1_200)
    target.conclude()
    evidence = target.evidence
    assert (evidence.examined, evidence.facts, evidence.compared) == (7, 3, {"tables": 6})
    told = "inherited, 1,200 before the migration too: the same is wrong"
    assert (evidence.notes, evidence.inherited) == (["look here", told], [told])


def test_a_check_fails_for_what_it_found(now: Fill) -> None:
    target = aim(now())
    target.report([WRONG])
    with pytest.raises(Violation, match=r"^rows that are lost$"):
        target.conclude()


def test_a_check_that_stated_nothing_is_not_judged(now: Fill) -> None:
    with pytest.raises(NotJudged, match=r"^it stated nothing$"):
        aim(now()).conclude()


def test_a_statement_without_rows_is_not_judged_unless_that_is_allowed(now: Fill) -> None:
    after = now()
    for allowed in (False, True):
        target = aim(after, allow_empty=allowed)
        target.state()
        target.evidence.unexamined.append("orders without a client")
        if allowed:
            target.conclude()
            assert target.evidence.notes == ["there was nothing to examine, which --allow-empty permits"]
        else:
            with pytest.raises(NotJudged, match="there are no rows to examine: orders without a client"):
                target.conclude()


def test_a_waiver_accepts_what_its_check_found(now: Fill) -> None:
    waiver = Waiver("known", "references", "", "item", "", "it is known", "QA", datetime.date(9999, 1, 1))
    target = aim(now(), waivers=[waiver])
    target.report([WRONG])
    with pytest.raises(Violation, match=r"^rows that are lost$"):
        target.conclude(["rows"])
    target.conclude(["references"])
    assert [finding.severity for finding in target.evidence.findings] == ["waived"]


def test_what_neither_side_has_is_not_applicable(now: Fill) -> None:
    with pytest.raises(NotApplicable, match=r"^there is no sequence$"):
        aim(now()).not_applicable("there is no sequence")


def test_the_baseline_is_the_database_of_before(was: Fill, now: Fill) -> None:
    before = was()
    after = now()
    assert aim(after, Before(before)).baseline is before
    assert aim(after).baseline is None


def test_definitions_are_repaired_beside_the_first_finding_without_a_repair(was: Fill, now: Fill) -> None:
    world = "CREATE TABLE item (id int); ALTER TABLE item ENABLE ROW LEVEL SECURITY"
    after = now(world, "ALTER TABLE item DISABLE ROW LEVEL SECURITY")
    target = aim(after, Before(was(world)), Migration("unit", tables=["item"]))
    target.report([Finding("a", 1, 1, repair="SELECT 1;"), Finding("b", 1, 1), Finding("c", 1, 1)])
    target.repair_by_definitions()
    repairs = [finding.repair for finding in target.evidence.findings]
    assert (repairs[0], repairs[2]) == ("SELECT 1;", "")
    assert "ALTER TABLE public.item ENABLE ROW LEVEL SECURITY;" in repairs[1]


def test_definitions_are_repaired_of_the_tables_of_what_was_found_alone(was: Fill, now: Fill) -> None:
    world = "".join(
        f"CREATE TABLE {table} (id int); ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;" for table in ("item", "other")
    )
    after = now(world, "ALTER TABLE item DISABLE ROW LEVEL SECURITY; ALTER TABLE other DISABLE ROW LEVEL SECURITY")
    before = Before(was(world))
    known = Finding("a", 1, 1, subject=Subject.of_table("public", "item"))
    operation = Finding("b", 1, 1, subject=Subject("operation", "public", "add", "item"))

    def repair(*findings: Finding) -> str:
        target = aim(after, before, Migration("unit", tables=["item", "other"]))
        target.report(findings)
        target.repair_by_definitions()
        return target.evidence.findings[0].repair

    assert "public.item ENABLE" in repair(known)
    assert "public.other ENABLE" not in repair(known)
    # What people do concerns more than one table, and of what has no subject nothing is known.
    assert "public.other ENABLE" in repair(known, operation)
    assert "public.other ENABLE" in repair(known, Finding("c", 1, 1))


def test_a_view_that_nobody_had_is_closed_and_no_table_is_touched(was: Fill, now: Fill) -> None:
    world = "CREATE TABLE item (id int); ALTER TABLE item ENABLE ROW LEVEL SECURITY;"
    after = now(world, "CREATE VIEW open AS TABLE item; ALTER TABLE item DISABLE ROW LEVEL SECURITY")
    target = aim(after, Before(was(world)), Migration("unit", tables=["item"]))
    target.report([Finding("open shows all", 1, 1, subject=Subject("view", "public", "open"))])
    target.repair_by_definitions()
    (finding,) = target.evidence.findings
    assert "REVOKE ALL ON TABLE public.open" in finding.repair
    assert "public.item" not in finding.repair


def test_what_people_see_is_said_with_the_policy_that_differs(was: Fill, now: Fill) -> None:
    world = "CREATE TABLE item (id int); ALTER TABLE item ENABLE ROW LEVEL SECURITY;"
    policy = "CREATE POLICY own ON item FOR SELECT USING (true);"
    after, before = now(world), Before(was(world, policy))
    subject = Subject.of_table("public", "item", who="ann")

    def say(*declared: str) -> Finding:
        target = aim(after, before, Migration("unit", tables=["item"], objects=declared))
        target.report([Finding("rows that ann must see and does not", 1, 1, code="rows_hidden", subject=subject)])
        target.repair_by_definitions()
        return target.evidence.findings[0]

    assert say().statement == "rows that ann must see and does not; the SELECT policy own on item of before is gone"
    assert say().subject.remarks == ("the SELECT policy own on item of before is gone",)
    assert say("policy own on public.item").subject.remarks == ()
