"""Each fault turns exactly the checks red that it breaks, and the evidence says what is wrong."""

import datetime
import inspect
import re
from collections.abc import Collection

import pytest

from fixtures import MIGRATION
from postmigration.model.faults import Fault
from postmigration.model.verdict import Result, Verdict
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from postmigration.report.diagnosis.causes import diagnose
from postmigration.report.validation import Validation
from selftest.check.document import list_checks
from selftest.conftest import ROOT, Copy, Judge
from selftest.faults import FAULTS
from selftest.judging import Enough, Judges
from selftest.servers import VERSIONS, Servers

# The versions that a fault can be planted in, the newest first. Those that need ICU can in Debian's alone.
ON = {fault: (15,) if fault.needs_icu else VERSIONS for fault in FAULTS}
ONCE = [(fault, versions[0]) for fault, versions in ON.items()]
EVERYWHERE = [(fault, version) for fault, versions in ON.items() for version in versions]
# To judge by all checks takes seconds: the full tier does so with every sixth fault, on one server each, in turn, and
# the nightly one with all on all servers.
IN_TURN = {(fault, versions[turn % len(versions)]) for turn, (fault, versions) in enumerate(list(ON.items())[::6])}


def each(pairs: Collection[tuple[Fault, int]], nightly: Collection[tuple[Fault, int]] = ()) -> pytest.MarkDecorator:
    """A case for each of these; those of the large world are the full tier's, and one process builds it once.

    Args:
        nightly: those that are left to the nightly tier.
    """
    return pytest.mark.parametrize(
        ("fault", "server"),
        [
            pytest.param(
                *(fault, version),
                id=f"{fault.name}-pg{version}",
                marks=[
                    *([pytest.mark.full, pytest.mark.xdist_group(f"large world {version}")] if fault.size else []),
                    *([pytest.mark.nightly] if (fault, version) in nightly else []),
                ],
            )
            for fault, version in pairs
        ],
        indirect=["server"],
    )


@pytest.fixture
def planted(fault: Fault, server: embedded.Server, servers: Servers, copy: Copy) -> tuple[str, str]:
    """The connection strings of the databases to judge and to compare with, one of which the fault has broken."""
    ending = f"_{fault.size}" if fault.size else ""
    if fault.size:
        servers.world(server.version, size=fault.size, ending=ending)
    legacy, migrated = f"legacy{ending}", copy(f"migrated{ending}")
    if fault.before:
        legacy = copy(legacy)
    with server.connect(legacy if fault.before else migrated) as connection:
        run_script(connection, fault.path)
    return server.conninfo(migrated), server.conninfo(legacy) if fault.against_baseline else ""


def red(results: Collection[Result]) -> set[str]:
    return {result.check for result in results if result.outcome == "failed"}


def words(fault: Fault, results: Collection[Result]) -> str:
    return " ".join(result.evidence.words for result in results if result.check == fault.check)


@each(ONCE)
def test_a_check_finds_its_fault(fault: Fault, planted: tuple[str, str], judges: Judges) -> None:
    enough = Enough(fault.check in fault.red, fault.check in fault.warns, fault.says)
    results = judges.judge(
        *planted, options=fault.options, first=[fault.check], only=True, enough={fault.check: enough}
    )
    assert red(results) == fault.red & {fault.check}
    assert fault.says in words(fault, results)
    assert {result.check for result in results if result.evidence.warnings} >= fault.warns & {fault.check}


# Of one thing that went wrong several checks tell, and a reader is told of one.
ONE = {
    "constraints_are_as_before__unique_lost": "Constraint projects_project_id_key on public.projects is gone",
    "20__slug_not_unique": "A second organization with the same slug is not refused",
    "everybody_sees_what_is_theirs__no_customer": "which 1_schema.sql makes, is missing",
    "nobody_else_can_do_it__anonymous_inserts": "the INSERT policy fix on projects is in no script of the project",
    "contact_points_are_protected__security_off": "may not see: row-level security is off on project_contact_points",
    "16__dangling": "projects whose customer organization does not exist",
}


@pytest.mark.full
@each([(fault, version) for fault, version in ONCE if fault.name in ONE])
def test_a_fault_is_one_cause(fault: Fault, planted: tuple[str, str], judges: Judges) -> None:
    results = judges.judge(*planted, options=fault.options, first=sorted(fault.red), only=True)
    now = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
    (cause,) = diagnose(Validation(MIGRATION, Verdict("NO-GO", "", 1), "", {}, [], results, [], now, now))
    assert ONE[fault.name] in cause.words
    assert {result.check for result in cause.checks} == fault.red


@pytest.mark.full
@each(EVERYWHERE, nightly=set(EVERYWHERE) - IN_TURN)
def test_a_fault_turns_exactly_its_checks_red(fault: Fault, planted: tuple[str, str], judges: Judges) -> None:
    results = judges.judge(*planted, options=fault.options)
    assert red(results) == fault.red
    assert not [result for result in results if result.outcome == "broken"]
    assert fault.says in words(fault, results)
    assert {result.check for result in results if result.evidence.warnings} >= fault.warns


# What whole runs say in the end: of a check of the plan, of one beyond it, of the baseline, with options, with checks
# left out, and of what is warned of alone.
ENDS = {
    "15__doubled": "NO-GO: ",
    "rows_are_those_of_before__table_lost": "NO-GO: ",
    "the_state_before_met_the_preconditions__blank_company": "NO-GO: ",
    "17__over_budget": "NO-GO: ",
    "28__no_index_on_contacts": "PARTIAL: ",
    "everybody_is_recognized__a_policy": "GO: ",
}


@pytest.mark.full
@each([(fault, version) for fault, version in ONCE if fault.name in ENDS])
def test_a_run_ends_as_its_checks_do(fault: Fault, planted: tuple[str, str], judge: Judge, judges: Judges) -> None:
    target, baseline = planted
    judged = judge(f"--db-url={target}", *([f"--baseline={baseline}"] if baseline else []), *fault.options)
    assert judged.last_line.startswith(ENDS[fault.name]), judged.output
    assert judged.status == (1 if fault.red else 0)
    alone = judges.judge(*planted, options=fault.options)
    assert {(r.nodeid, r.outcome) for r in judged.results} == {(r.nodeid, r.outcome) for r in alone}


def test_every_fault_is_planted_on_each_server_that_it_can_be_planted_on() -> None:
    assert set(EVERYWHERE) == {(f, v) for f in FAULTS for v in VERSIONS if v == 15 or not f.needs_icu} | set(ONCE)
    assert [fault for fault, _ in ONCE] == list(FAULTS)
    assert {version for fault, version in ONCE if not fault.needs_icu} == {max(VERSIONS)}
    assert ENDS.keys() <= {fault.name for fault in FAULTS}


def test_every_check_has_a_fault() -> None:
    declared = (ROOT / "postmigration" / "checks" / "declared").glob("test_*.py")
    sources = "".join(path.read_text() for path in (*(ROOT / "tests").glob("test_*.py"), *declared))
    plan = set(re.findall(r"mark\.plan\(\s*(\d+)", sources))
    beyond = set(
        re.findall(r"^def test_(\w+)", re.sub(r"@pytest\.mark\.plan\([^@]*?\ndef test_\w+", "", sources), re.M)
    )
    assert len(plan) == 29
    # A backup has faults of its own, which no script can make in a database: rehearsal/test_backup_check.py.
    # So have declared changes, which this migration has none of: check/test_declared_objects.py.
    beyond -= {"the_backup_holds_the_state_before", "declared_changes_happened"}
    # What any two databases are asked has faults of its own too: check/.
    built_in = {check.name for check in list_checks()}
    assert plan | beyond == {fault.check for fault in FAULTS} - built_in


def test_every_fault_says_what_happened() -> None:
    assert all(inspect.cleandoc(fault.what).endswith((".", ").")) for fault in FAULTS)
