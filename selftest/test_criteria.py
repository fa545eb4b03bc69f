"""What the deployment plan asks for besides its checks is decided by the checks that can tell."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures import MIGRATION, operations
from postmigration import Criterion, checks
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.faults import read
from postmigration.model.verdict import Outcome, Result, Verdict
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from postmigration.report import criteria
from postmigration.report.validation import Validation
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


def decide(
    results: Sequence[Result], asked: Sequence[Criterion] = MIGRATION.criteria, omitted: Sequence[str] = ()
) -> dict[str, str]:
    """What is decided of each criterion, by its text."""
    now = datetime.datetime.now(datetime.UTC)
    migration = replace(MIGRATION, criteria=asked)
    validation = Validation(migration, Verdict("NO-GO", "", 1), "", {}, (), results, (), now, now, omitted=omitted)
    return {judged.text: judged.decision for judged in criteria.judge(validation)}


@pytest.mark.full
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
    for fault in (
        "nothing_bypasses_the_policies__helper_for_all",
        "nothing_bypasses_the_policies__backup_table",
        "nothing_else_tells_of_them__copy_with_a_policy",
    ):
        broken = copy("migrated")
        with server.connect(broken) as connection:
            run_script(connection, MIGRATION.faults / f"{fault}.sql")
        names = ("nothing_bypasses_the_policies", "tables_are_as_before")
        results = judges.judge(server.conninfo(broken), server.conninfo("legacy"), first=names, only=True)
        decided[fault] = decide(results)[dropped]
    assert list(decided.values()) == ["met", "not met", "not met"]


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


# Where the checks stand: their file names their group.
_FILES = [
    *(Path(__file__).parent.parent / "tests").glob("test_*.py"),
    *(Path(checks.__file__).parent).glob("*/test_*.py"),
]
_GROUPS = {
    name: file.stem.removeprefix("test_")
    for file in _FILES
    for name in re.findall(r"^def test_(\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
}


def _fail(*red: str) -> list[str]:
    """The criteria that are not met where these checks fail."""
    results = []
    for name in red:
        plan = int(name) if name.isdigit() else None
        found = Evidence(findings=[Finding("x", 1, 1)])
        group = "" if plan else _GROUPS[name.partition("[")[0]]
        results.append(Result(f"t.py::test_{name}", plan, group, name, "", "", "failed", evidence=found))
    return [text for text, decision in decide(results).items() if decision == "not met"]


def test_each_fault_is_read_from_what_the_plan_asks_for() -> None:
    every = "All 29 validation checks pass on the migrated database."
    silent = []
    for script in MIGRATION.faults.glob("*.sql"):
        red = read(script).red
        if red and set(_fail(*map(str, red))) <= {every}:
            silent.append(script.stem)
    assert silent == []


# What nobody would sign when one of these checks fails.
_SPEAKS_OF = {
    "Each customer has one primary contact, and each project one person to call first.": ("8",),
    "All database migrations were applied: what they make is there.": (
        *(
            "functions_exist",
            "organizations_have_a_website",
            "contact_points_are_protected",
            "what_scripts_make_is_there",
        ),
        *("organizations_have_their_structure", "contacts_have_their_structure", "contact_points_have_their_structure"),
    ),
    "No row of before is lost, and no value of it changed but as intended.": (
        *("settings_keep_what_they_held", "rows_of_the_platform_are_there", "times_of_rows_are_possible"),
    ),
    "Programs that were not changed yet work as before.": (
        *("existing_rows_can_be_changed", "privileges_are_as_before", "nothing_was_left_in_maintenance"),
    ),
    "The rules that kept bad data out before still do.": (
        *("legacy_keys_are_unique", "tables_are_tables", "constraints_hold_for_every_row"),
    ),
    "Staff enter customers, contacts, projects and contact points.": ("nothing_was_left_in_maintenance",),
    "Scripts that ran twice, or in part: nothing is doubled, and nothing missing.": (
        "2",
        "4",
        "6",
        "7",
        "8",
        "9",
        "10",
    ),
    "Access: no staff have lost theirs, and no stranger has gained any.": (
        *("row_level_security_is_as_before", "privileges_are_as_before"),
    ),
    "Users can work: two of them have.": (
        *("staff_can_do_their_work[add_contact]", "everybody_writes_what_they_wrote", "everybody_is_recognized"),
        "nothing_was_left_in_maintenance",
    ),
    "Users accepted the application on staging.": ("staff_can_do_their_work[add_contact]",),
    "The services answer on production as they should.": ("functions_answer_for_a_project", "validator_sees_damage"),
    "Integration: what talks to the application works with the migrated one.": (
        *("privileges_are_as_before", "publications_are_as_before"),
    ),
}


@pytest.mark.parametrize("text", _SPEAKS_OF)
def test_what_it_speaks_of_decides_it(text: str) -> None:
    assert [name for name in _SPEAKS_OF[text] if text not in _fail(name)] == []


def test_what_was_not_judged_is_not_met() -> None:
    asked = [Criterion("", "both", ("a", "b")), Criterion("", "family", ("family",)), Criterion("", "one", ("a",))]
    passed, inapplicable = _result("a"), _result("b", "not applicable")
    assert decide([passed, inapplicable], asked) == {"both": "met", "family": "met", "one": "met"}
    assert decide([replace(passed, outcome="not applicable"), inapplicable], asked) == dict.fromkeys(
        ("both", "family", "one"), "not judged"
    )
    # Of a group, or of the cases of a check, a part was left out.
    for left_out, undecided in (
        ("tests/test_family.py::test_other", {"family"}),
        ("tests/test_else.py::test_a[case]", {"both", "one"}),
        ("tests/test_else.py::test_other", set()),
    ):
        decided = decide([passed, inapplicable], asked, omitted=[left_out])
        assert {text for text, decision in decided.items() if decision == "not judged"} == undecided
        assert set(decided.values()) <= {"met", "not judged"}


def test_a_check_of_the_plan_is_not_judged_where_cases_of_it_were_left_out() -> None:
    asked = [Criterion("", "one", (1,)), Criterion("", "two", (2,))]
    results = [replace(_result("a[case]"), plan=1), replace(_result("b"), plan=2)]
    assert decide(results, asked, omitted=["t.py::test_a[other]"]) == {"one": "not judged", "two": "met"}
