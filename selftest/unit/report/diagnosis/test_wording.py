"""What a cause is, in a sentence that names the table, the number and the first thing to look at."""

from typing import Any

import pytest

from postmigration.model.evidence import Finding, Reference, Subject
from postmigration.report.diagnosis.group import Found, Group
from postmigration.report.diagnosis.wording import describe, find_effect, name_some, show_example
from selftest.unit.results import make_result

KEY = Reference(("id",), "public", "orders", ("id",))


def _group(*findings: Finding) -> Group:
    return Group([Found(finding, make_result("failed")) for finding in findings])


def _find(code: str, wrong: int = 2, statement: str = "orders are wrong", **about: Any) -> Finding:
    shown = (("7",),) if wrong == 1 else ()
    subject = Subject.of_table("public", "orders", **about)
    return Finding(statement, wrong, 10, ("id",), shown, code=code, subject=subject)


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (_find("missing_rows"), "2 of 10 rows of orders are missing."),
        (_find("missing_rows", 1, rows=KEY), "1 of 10 rows of orders is missing (id 7)."),
        (_find("missing_rows", 10), "All 10 rows of orders are missing."),
        (_find("empty_table", 10), "orders is empty: all 10 rows that it held are lost."),
        (_find("extra_rows", 1), "1 row of orders was not there before."),
        (
            _find("changed_values", changed=(("note", ""), ("sum", "is NULL")), traits=("as_before",)),
            "2 of 10 rows of orders have other values in note, sum is NULL.",
        ),
        (_find("wrong_rows", remarks=("x",)), "2 of 10 orders are wrong."),
        (_find("index_lost", statement="index a of orders is gone"), "Index a of orders is gone."),
        (_find("", statement="orders has no key"), "orders has no key."),
    ],
    ids=lambda case: case.code if isinstance(case, Finding) else None,
)
def test_a_cause_is_a_sentence(finding: Finding, words: str) -> None:
    assert describe(_group(finding)) == words


def test_people_are_counted_and_some_named() -> None:
    hidden = [_find("rows_hidden", who=who) for who in ("ann", "bob", "cid", "dan")]
    assert describe(_group(*hidden)) == (
        "4 people (ann, bob and 2 more) do not see the same 2 rows of orders that they must see."
    )
    assert describe(_group(_find("rows_open", 1, who="ann"))) == "ann sees 1 row of orders that they may not see."


def test_what_people_see_is_told_with_the_policy() -> None:
    gone = "the SELECT policy own of before is gone"
    hidden = [_find("rows_hidden", who=who, remarks=(gone,)) for who in ("ann", "bob")]
    assert describe(_group(*hidden)) == (
        f"2 people (ann and bob) do not see the same 2 rows of orders that they must see; {gone}."
    )
    subject = Subject("policy", "public", "own", "orders")
    policy = Finding("policy own on public.orders is gone", 1, 9, code="policy_lost", subject=subject)
    group = Group([Found(policy, make_result("failed"))], [_group(_find("rows_hidden", who="ann"))])
    assert describe(group) == (
        "ann does not see 2 rows of orders that they must see: policy own on public.orders is gone."
    )
    assert find_effect(group) is group.follows[0]
    assert find_effect(_group(policy)) is None


def test_what_several_people_cannot_do_is_said_once() -> None:
    subjects = [Subject("operation", "public", "save", who=who) for who in ("ann", "bob")]
    findings = [
        Finding(f"as {subject.who}: saving fails", 1, 1, code="operation_fails", subject=subject)
        for subject in subjects
    ]
    assert describe(_group(*findings)) == "As ann and bob: saving fails."


def test_other_objects_of_the_same_kind_are_named() -> None:
    names = ("i", "j", "k")
    findings = [
        Finding(f"index {name} is gone", 1, 1, code="index_lost", subject=Subject("index", "public", name, "orders"))
        for name in names
    ]
    assert describe(_group(*findings)) == "Index i is gone; so are j and k."


def test_roles_keep_their_names() -> None:
    subject = Subject("grant", "public", "orders", "orders")
    findings = [
        Finding(f"{role} may DELETE from orders: granted to PUBLIC", 1, 1, code="gained", subject=subject)
        for role in ("anon", "web")
    ]
    assert describe(_group(*findings)) == (
        "anon may DELETE from orders and web may DELETE from orders; granted to PUBLIC."
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b and c"), (["a", "b", "c", "d"], "a, b and 2 more")],
    ids=str,
)
def test_the_first_names_are_listed(names: list[str], words: str) -> None:
    assert name_some(names) == words


def test_a_row_shows_what_it_holds_and_must_hold() -> None:
    columns = ("id", "difference", "column", "want", "have")
    shown = Finding("x", 1, 10, columns, (("7", "changed", "note", "a", "b"),))
    masked = Finding("x", 1, 10, ("id", "want_note", "have_note"), (("7", "‹A›", "‹B›"),))
    many = Finding("x", 4, 10, columns, (("1", "changed", "note", "a", "b"),))
    assert show_example(_group(masked, shown, many)) == "id 7: note is b, must be a"
    assert show_example(_group(masked)) == "id 7: note is ‹B›, must be ‹A›"
    assert show_example(_group(many)) == ""
    # What is as it must be says nothing of why the row is wrong.
    alike = Finding("x", 1, 10, ("id", "want_owner", "have_owner"), (("7", "8", "8"),))
    assert show_example(_group(alike)) == ""
