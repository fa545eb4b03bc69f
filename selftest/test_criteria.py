"""What the deployment plan asks for besides its checks is decided by the checks that can tell."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fixtures import MIGRATION, operations
from postmigration import Criterion
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.faults import read
from postmigration.model.verdict import Outcome, Result, Verdict
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from postmigration.report import criteria
from postmigration.report.record import Record
from selftest.conftest import Copy
from selftest.judging import Judges
from selftest.tiers import few

# What nobody would sign when staff do not see rows that they must see.
_OF_STAFF = (
    "Row-level security shows everybody what is theirs, and nobody else's.",
    "Access: no staff have lost theirs, and no stranger has gained any.",
    "Open a project of before: customer and contact points are right.",
)
_OF_CUSTOMERS = ("Staff see the right customer on every project.", "Search and filter projects by customer.")
_HIDING = {
    "everybody_sees_what_is_theirs__no_customer": (
        *(*_OF_STAFF, *_OF_CUSTOMERS),
        *("Staff enter customers, contacts, projects and contact points.",),
        *("Create a customer organization, and change it.", "Add a contact, and make it the primary one."),
    ),
    "everybody_sees_what_is_theirs__one_role_forgotten": (*_OF_STAFF, *_OF_CUSTOMERS),
    "everybody_sees_what_is_theirs__contact_points_hidden": _OF_STAFF,
    "everybody_sees_what_is_theirs__privilege_lost": _OF_STAFF,
    "everybody_sees_what_is_theirs__recursion": _OF_STAFF,
    "everybody_sees_what_is_theirs__one_person": (*_OF_STAFF, *_OF_CUSTOMERS),
    "everybody_sees_what_they_saw__documents": (*_OF_STAFF, "Older programs: what they read is there as it was."),
}


def decide(results: Sequence[Result], asked: Sequence[Criterion] = MIGRATION.criteria) -> dict[str, str]:
    """What is decided of each criterion, by its text."""
    now = datetime.datetime.now(datetime.UTC)
    migration = replace(MIGRATION, criteria=asked)
    record = Record(migration, Verdict("NO-GO", "", 1), "", {}, (), results, (), now, now)
    return {judged.text: judged.decision for judged in criteria.judge(record)}


@pytest.mark.parametrize("fault", few(_HIDING))
def test_nothing_is_met_that_staff_could_see_is_not(
    fault: str, server: embedded.Server, copy: Copy, judges: Judges
) -> None:
    broken = copy("migrated")
    script = MIGRATION.faults / f"{fault}.sql"
    with server.connect(broken) as connection:
        run_script(connection, script)
    first = sorted(read(script).red)
    results = judges.judge(server.conninfo(broken), server.conninfo("legacy"), first=first, only=True)
    decided = decide(results)
    assert {text: decided[text] for text in _HIDING[fault]} == dict.fromkeys(_HIDING[fault], "not met")


@pytest.mark.full
def test_a_function_decides_nothing_of_tables(server: embedded.Server, copy: Copy, judges: Judges) -> None:
    dropped = "Tables that were copied for safety are dropped."
    decided = {}
    for fault in ("helper_for_all", "backup_table"):
        broken = copy("migrated")
        with server.connect(broken) as connection:
            run_script(connection, MIGRATION.faults / f"nothing_bypasses_the_policies__{fault}.sql")
        names = ("nothing_bypasses_the_policies", "tables_are_as_before")
        results = judges.judge(server.conninfo(broken), server.conninfo("legacy"), first=names, only=True)
        decided[fault] = decide(results)[dropped]
    assert decided == {"helper_for_all": "met", "backup_table": "not met"}


def _result(name: str, outcome: Outcome = "passed", *, warnings: int = 0) -> Result:
    found = [Finding("odd", 1, 1, severity="warning")] * warnings
    return Result(f"t.py::test_{name}", None, "family", name, "", "", outcome, evidence=Evidence(findings=found))


def test_a_case_decides_for_itself_alone() -> None:
    asked = [Criterion("By hand", case, (f"work[{case}]",)) for case in ("add", "show", "drop")]
    results = [_result("work[add]"), _result("work[show]", "failed"), _result("work", "failed")]
    assert decide(results, asked) == {"add": "met", "show": "not met", "drop": "not judged"}


def test_what_a_check_finds_besides_decides_nothing() -> None:
    asked = [
        Criterion("", "nothing is open", ("seen",), codes=("open",)),
        Criterion("By hand", "seen", ("seen",)),
    ]
    for code, decision in (("hidden", "met"), ("open", "not met")):
        found = Evidence(findings=[Finding("rows", 1, 1, code=code)])
        results = [replace(_result("seen", "failed"), evidence=found)]
        assert decide(results, asked) == {"nothing is open": decision, "seen": "not met"}
    assert set(decide([_result("seen", "broken")], asked).values()) == {"not met"}
    assert set(decide([_result("seen", "not judged")], asked).values()) == {"not judged"}


def test_a_warning_decides_where_the_plan_says_so() -> None:
    asked = [Criterion("Afterwards", str(count), ("a",), by_warnings=count) for count in (False, True)]
    assert decide([_result("a", warnings=1)], asked) == {"False": "met", "True": "not met"}
    assert decide([_result("a")], asked) == {"False": "met", "True": "met"}


def test_the_plan_names_cases_that_there_are() -> None:
    named = {
        name.partition("[")[2].rstrip("]")
        for criterion in MIGRATION.criteria
        for name in criterion.decided_by
        if isinstance(name, str) and name.startswith("staff_can_do_their_work[")
    }
    assert named <= {operation.__name__ for operation in (*operations.MANAGING, *operations.WORKING)}
    assert len(named) > 5


@pytest.mark.full
def test_who_can_do_what_is_wrong_where_staff_cannot_do_their_work(
    server: embedded.Server, copy: Copy, judges: Judges
) -> None:
    wrong = {}
    for fault in ("", "everybody_sees_what_is_theirs__no_customer"):
        judged = copy("migrated")
        if fault:
            with server.connect(judged) as connection:
                run_script(connection, MIGRATION.faults / f"{fault}.sql")
        first = ("nobody_else_can_do_it",)
        (result,) = judges.judge(server.conninfo(judged), server.conninfo("legacy"), first=first, only=True)
        (matrix,) = result.evidence.overviews
        assert matrix.title.startswith("who can do what, by one statement that reads nothing back")
        wrong[fault] = {(matrix.rows[row][0], matrix.columns[column]) for row, column in matrix.wrong}
    assert wrong.pop("") == set()
    assert ("admin of the operator", "change a customer organization") in wrong.popitem()[1]
