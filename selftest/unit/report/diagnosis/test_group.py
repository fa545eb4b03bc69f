"""Findings of one cause are one group, and what is known to follow from it stands in it."""

from typing import Any

from postmigration.model.evidence import Finding, Reference, Subject
from postmigration.report.diagnosis.group import Found, Group, group_findings
from selftest.unit.results import make_result

RESULT = make_result("failed")
KEY = Reference(("id",), "public", "orders", ("id",))


def _find(code: str, wrong: int = 1, **about: Any) -> Found:
    subject = Subject(**{"kind": "table", "schema": "public", "name": "orders", "table": "orders", **about})
    return Found(Finding(f"{code}!", wrong, 10, code=code, subject=subject), RESULT)


def _rows(code: str, wrong: int, rows: tuple[tuple[str, ...], ...], **about: Any) -> Found:
    subject = Subject.of_table("public", "orders", rows=KEY, **about)
    return Found(Finding(f"{code}!", wrong, 10, ("id", "note"), rows, code=code, subject=subject), RESULT)


def _show(groups: list[Group]) -> list[tuple[list[str], list[Any]]]:
    return [([found.finding.code for found in group.members], _show(group.follows)) for group in groups]


def test_the_worst_comes_first() -> None:
    index = _find("index_lost", kind="index", name="i")
    found = [
        index,
        _find("changed_values", 1),
        _find("changed_values", 5, table="items"),
        _find("table_lost", table="t"),
    ]
    assert [group.main for group in group_findings(found)] == [found[3], found[2], found[1], index]
    assert group_findings([]) == []


def test_the_same_rows_are_one_cause() -> None:
    wrong = (("1", "a"), ("2", "b"))
    first, second, other = (
        _rows("wrong_rows", 2, wrong),
        _rows("changed_values", 2, wrong),
        _rows("wrong_rows", 1, (("3", "c"),)),
    )
    assert _show(group_findings([first, second, other])) == [
        (["wrong_rows", "changed_values"], []),
        (["wrong_rows"], []),
    ]


def test_some_of_the_wrong_rows_follow_from_all_of_them() -> None:
    whole, part = _rows("missing_rows", 2, (("1", "a"), ("2", "b"))), _rows("wrong_rows", 1, (("1", "a"),))
    assert _show(group_findings([part, whole])) == [(["missing_rows"], [(["wrong_rows"], [])])]


def test_rows_that_are_not_all_shown_or_are_masked_are_not_known() -> None:
    assert _rows("wrong_rows", 1, (("1", "a"),)).rows is not None
    assert _rows("wrong_rows", 2, (("1", "a"),)).rows is None
    assert _rows("wrong_rows", 1, (("‹A›", "a"),)).rows is None


def test_a_lost_table_brings_about_all_else_of_it() -> None:
    found = [_find("index_lost", kind="index", name="i"), _find("table_lost"), _find("missing_rows", table="items")]
    assert _show(group_findings(found)) == [
        (["table_lost"], [(["index_lost"], [])]),
        (["missing_rows"], []),
    ]


def test_what_people_see_follows_from_the_policy() -> None:
    policy = _find("policy_lost", kind="policy", name="p")
    hidden = [_find("rows_hidden", who=who) for who in ("ann", "bob")]
    (group,) = group_findings([*hidden, policy])
    assert _show([group]) == [(["policy_lost"], [(["rows_hidden", "rows_hidden"], [])])]
    assert group.codes == {"policy_lost"}
    assert group.kinds == {"policy"}
    assert group.every() == [policy, *hidden]
    # It is as bad as what it brings about.
    assert group.gravity[0] == hidden[0].gravity[0]


def test_rows_that_name_missing_rows_follow_from_these() -> None:
    names = Reference(("note",), "public", "items", ("id",))
    dangling = Found(
        Finding(
            "orders lead nowhere",
            1,
            10,
            ("id", "note"),
            (("1", "7"),),
            code="dangling_references",
            subject=Subject.of_table("public", "orders", refers=(names,)),
        ),
        RESULT,
    )
    lost = Finding(
        "rows are missing",
        1,
        10,
        ("id", "difference"),
        (("7", "missing"),),
        code="missing_rows",
        subject=Subject.of_table("public", "items", rows=Reference(("id",), "public", "items", ("id",))),
    )
    assert _show(group_findings([dangling, Found(lost, RESULT)])) == [
        (["missing_rows"], [(["dangling_references"], [])])
    ]


def test_the_same_of_several_objects_of_a_table_is_one_cause() -> None:
    found = [_find("index_lost", kind="index", name=name) for name in ("b", "a")]
    (group,) = group_findings(found)
    assert (group.main.finding.subject.name, len(group.members)) == ("a", 2)


def test_what_shows_rows_past_the_policies_is_one_cause_whatever_kind_each_check_takes_it_for() -> None:
    found = [
        _find("way_around_policies", kind="view", name="mailing", table=""),
        _find("way_around_policies", kind="table", name="mailing", table="mailing"),
        _find("way_around_policies", kind="function", name="mailing(uuid)", table=""),
    ]
    assert [len(group.members) for group in group_findings(found)] == [2, 1]


def test_a_column_that_had_a_lost_type_follows_from_that() -> None:
    lost = _find("type_lost", kind="type", name="mail", table="")
    had, other = Reference((), "public", "mail", ()), Reference((), "sales", "mail", ())
    column = _find("column_type_changed", kind="column", name="m", refers=(had,))
    assert _show(group_findings([column, lost])) == [(["type_lost"], [(["column_type_changed"], [])])]
    column = _find("column_type_changed", kind="column", name="m", refers=(other,))
    assert len(group_findings([column, lost])) == 2
