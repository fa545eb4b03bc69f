"""What a part of a check found: counted, worded, and passed on."""

import pytest

from postmigration.checks.contents.examination import Examination, agree, count, fold, kind_of, list_names
from postmigration.model.errors import Hindrance, NotApplicable, NotJudged
from postmigration.model.evidence import Finding
from selftest.unit.checks.targets import aim
from selftest.unit.uncommitted import Fill


def test_a_finding_of_a_fact_is_one_of_the_facts_that_were_examined() -> None:
    found = Examination(facts=7)
    found.add("a: it is gone", blocker=True, repair="CREATE a;", code="gone")
    found.add("b: it is new", blocker=False)
    found.find("c: 9 rows differ", wrong=9, examined=4)
    assert [(f.wrong, f.examined, f.severity) for f in found.findings] == [
        (1, 7, "blocker"),
        (1, 7, "warning"),
        (9, 9, "blocker"),
    ]
    assert (found.findings[0].repair, found.findings[0].code) == ("CREATE a;", "gone")


def test_it_tells_of_names_where_there_are_any() -> None:
    found = Examination()
    found.tell("left out", [])
    found.tell("not read", ["a", "b"])
    assert found.notes == ["not read: a, b"]


def test_many_findings_of_one_kind_become_one() -> None:
    alike = [Finding(f"t{i}: {i:,} rows lost", i, 2 * i, repair=f"restore t{i};") for i in range(1, 22)]
    folded = fold([*alike, Finding("u: it is new", 1, 1, severity="warning")])
    assert [finding.statement for finding in folded] == [
        "21 times: N rows lost; the first: t1: 1 rows lost",
        "u: it is new",
    ]
    assert (folded[0].wrong, folded[0].examined) == (231, 462)
    assert (folded[0].rows[0], len(folded[0].rows)) == (("t1: 1 rows lost",), 20)
    assert folded[0].repair.splitlines()[-1] == "restore t21;"


def test_few_findings_of_one_kind_are_told_one_by_one() -> None:
    alike = [Finding(f"t{i}: {i:,} rows lost", 1, 1) for i in range(20)]
    assert fold(alike) == alike
    # As many again that are less grave are another kind.
    warnings = [Finding(f"t{i}: {i:,} rows lost", 1, 1, severity="warning") for i in range(20)]
    assert fold([*alike, *warnings]) == [*alike, *warnings]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("shop.t(id): 1,234 rows (5) lost", "N rows N lost"),
        ("nothing before a colon 7", "nothing before a colon N"),
        ("t: it ends at 2b: no more", "it ends at 2b: no more"),
    ],
)
def test_the_kind_of_a_statement_has_neither_its_name_nor_its_numbers(statement: str, kind: str) -> None:
    assert kind_of(statement) == kind


def test_numbers_go_with_their_nouns_and_verbs() -> None:
    assert [count(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
    assert count(3, "index", "indexes") == "3 indexes"
    assert [agree(n, "is", "are") for n in (0, 1, 2)] == ["are", "is", "are"]


def test_of_many_names_the_first_are_listed() -> None:
    assert list_names(["a", "b"]) == "a, b"
    assert list_names(["a", "b", "c"], "; ", most=1) == "a; and 2 more"


def test_what_was_found_is_passed_to_a_check(now: Fill) -> None:
    target = aim(now())
    found = Examination(rows=7, facts=2, tables=3, schemas=1, notes=["look"], unjudged=["t: locked"])
    found.find("u: it is gone")
    found.pass_to(target)
    evidence = target.evidence
    assert (evidence.examined, evidence.facts, evidence.compared) == (7, 2, {"tables": 3, "schemas": 1})
    assert [finding.statement for finding in evidence.findings] == ["u: it is gone"]
    assert evidence.notes == ["look", "not judged: 1 object could not be examined: t: locked"]
    assert evidence.unjudged == ["1 object could not be examined: t: locked"]


def test_what_was_found_before_a_connection_was_lost_stays_found(now: Fill) -> None:
    target, found = aim(now()), Examination()
    with found.keep_going("t"):
        raise NotJudged("the connection was lost", Hindrance.CONNECTION)
    with pytest.raises(NotJudged, match=r"^1 object could not be examined: t: the connection was lost$") as raised:
        found.pass_to(target)
    assert raised.value.by is Hindrance.CONNECTION
    found.find("u: it is gone")
    found.pass_to(target)
    assert [finding.statement for finding in target.evidence.findings] == ["u: it is gone"]


def test_what_could_not_be_examined_is_no_success(now: Fill) -> None:
    target = aim(now())
    with pytest.raises(NotJudged, match=r"^2 objects could not be examined: t: locked; u: no privilege$"):
        Examination(unjudged=["t: locked", "u: no privilege"]).pass_to(target)
    with pytest.raises(NotApplicable, match=r"^there is no sequence$"):
        Examination(inapplicable="there is no sequence").pass_to(target)
