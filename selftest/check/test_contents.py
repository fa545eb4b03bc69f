"""Each fault in what a database holds turns exactly its checks red; what is sound is not accused."""

import itertools
from collections.abc import Callable, Collection, Iterator
from inspect import signature
from pathlib import Path

import psycopg
import pytest

from postmigration.checks.assertions import Target
from postmigration.checks.baseline import Before
from postmigration.checks.builtin import MIGRATION, test_contents, test_references, test_rows, test_sequences
from postmigration.checks.contents import violations
from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.errors import NotApplicable, NotJudged
from postmigration.model.evidence import Evidence, Violation
from postmigration.model.settings import Options
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.identity import server as identify
from selftest.check.contents import Fault, read_faults, read_sound
from selftest.tiers import few

WORLD = Path(__file__).with_name("contents.sql")
SCHEMAS = ("Odd Schema", "public", "shop")
CHECKS = {
    name.removeprefix("test_"): function
    for module in (test_rows, test_references, test_sequences, test_contents)
    for name, function in vars(module).items()
    if name.startswith("test_")
}
COUNTER = itertools.count()


class World:
    """The world before, which stays open, and copies of it."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.server.create("contents_before")
        with server.connect("contents_before") as connection:
            embedded.run_script(connection, WORLD)
            connection.execute("VACUUM ANALYZE")
        server.create("contents_template", template="contents_before")
        self.before = self.open("contents_before", "--baseline")

    def close(self) -> None:
        """Leaves nothing behind."""
        self.before.close()
        for name in ("contents_before", "contents_template"):
            self.server.drop(name)

    def open(self, name: str, option: str = "--db-url") -> Snapshot:
        """A snapshot of a database."""
        return Snapshot(Database(self.server.conninfo(name), option=option))

    def copy(self, *statements: str) -> str:
        """A copy in which some statements were run."""
        name = f"contents_{next(COUNTER)}"
        self.server.create(name, template="contents_template")
        with self.server.connect(name) as connection:
            connection.execute("SET allow_system_table_mods = on")
            for statement in statements:
                connection.execute(statement.encode())
        return name

    def judge(self, name: str, before: Snapshot | None, only: Collection[str] = ()) -> dict[str, tuple[str, Evidence]]:
        """What each check, or each of some, makes of a database: the outcome, and the evidence."""
        found = {}
        after = self.open(name)
        try:
            for check, function in CHECKS.items():
                if only and check not in only:
                    continue
                target = Target(
                    after,
                    writer=after.database,
                    server=identify(after),
                    before=Before(before),
                    population=lambda: pytest.fail("nobody is asked for"),
                    migration=MIGRATION,
                    options=Options(),
                    schemas=SCHEMAS,
                )
                outcome = "passed"
                try:
                    # What a project declares of a table is asked of it elsewhere.
                    function(target, *[""] * (len(signature(function).parameters) - 1))
                    target.conclude()
                except Violation:
                    outcome = "failed"
                except NotApplicable:
                    outcome = "not applicable"
                except NotJudged as error:
                    outcome = f"not judged: {error}"
                found[check] = outcome, target.evidence
        finally:
            after.close()
            after.database.close()
        return found


@pytest.fixture(scope="module")
def world(server: embedded.Server) -> Iterator[World]:
    world = World(server)
    yield world
    world.close()


@pytest.fixture
def judge(world: World) -> Iterator[Callable[..., dict[str, tuple[str, Evidence]]]]:
    """Judges a copy of the world."""
    made: list[str] = []
    opened: list[Snapshot] = []

    def run(
        *statements: str, also: tuple[str, ...] = (), alone: bool = False, only: Collection[str] = ()
    ) -> dict[str, tuple[str, Evidence]]:
        before: Snapshot | None = world.before
        if also:
            made.append(world.copy(*also))
            before = world.open(made[-1], "--baseline")
            opened.append(before)
        made.append(world.copy(*also, *statements))
        return world.judge(made[-1], None if alone else before, only)

    yield run
    for snapshot in opened:
        snapshot.close()
    for name in made:
        world.server.drop(name)


@pytest.mark.parametrize("fault", read_faults(), ids=lambda fault: fault.name)
def test_a_fault_turns_its_checks_red(judge: Callable[..., dict[str, tuple[str, Evidence]]], fault: Fault) -> None:
    found = judge(*fault.plant, also=fault.before, only=fault.red | fault.warns)
    assert {check for check, (outcome, _) in found.items() if outcome == "failed"} == fault.red, _words(found)
    assert {check for check, (_, evidence) in found.items() if evidence.warnings} >= fault.warns, _words(found)
    assert all(words in _words(found) for words in fault.says), _words(found)


@pytest.mark.full
@pytest.mark.parametrize(
    "fault", few(read_faults(), full=range(0, len(read_faults()), 2)), ids=lambda fault: fault.name
)
def test_a_fault_turns_exactly_its_checks_red(
    judge: Callable[..., dict[str, tuple[str, Evidence]]], fault: Fault
) -> None:
    found = judge(*fault.plant, also=fault.before)
    outcomes = {check: outcome for check, (outcome, _) in found.items()}
    assert {check for check, outcome in outcomes.items() if outcome == "failed"} == fault.red, _words(found)
    assert not [outcome for outcome in outcomes.values() if outcome.startswith("not judged")], outcomes
    warned = {check for check, (_, evidence) in found.items() if evidence.warnings}
    assert fault.warns <= warned, _words(found)
    for words in fault.says:
        assert words in _words(found)


@pytest.mark.parametrize(
    ("name", "statements"),
    few(read_sound(), *range(0, 30, 6)),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_sound_is_not_accused(
    judge: Callable[..., dict[str, tuple[str, Evidence]]], name: str, statements: tuple[str, ...]
) -> None:
    found = judge(*statements)
    outcomes = {check: outcome for check, (outcome, _) in found.items()}
    assert set(outcomes.values()) <= {"passed", "not applicable"}, (name, outcomes, _words(found))


def test_one_database_alone_is_judged(judge: Callable[..., dict[str, tuple[str, Evidence]]]) -> None:
    found = judge("SELECT setval('shop.purchase_id_seq', 1, false)", alone=True)
    outcomes = {check: outcome.partition(":")[0] for check, (outcome, _) in found.items()}
    for compared in ("rows_are_those_of_before", "rows_of_the_platform_are_there"):
        assert outcomes.pop(compared) == "not judged"
    assert outcomes.pop("sequences_give_free_values") == "failed"
    assert set(outcomes.values()) == {"passed"}


def test_large_tables_are_read_when_that_is_wanted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(violations, "_DEEP_PAGES", 0)
    name = world.copy("SET session_replication_role = replica", "UPDATE shop.purchase SET client_id = 999 WHERE id = 5")
    after = world.open(name)
    try:
        quick, deep = (violations.examine(after, None, SCHEMAS, deep=deep) for deep in (False, True))
    finally:
        after.close()
        world.server.drop(name)
    assert not quick.findings
    assert "shop.purchase" in next(note for note in quick.notes if "with --deep only" in note)
    assert ["leads to no row of shop.client" in finding.statement for finding in deep.findings] == [True]


def test_what_may_not_be_read_is_not_judged(world: World) -> None:
    role = f"contents_reader_{next(COUNTER)}"
    name = world.copy(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
        f'GRANT USAGE ON SCHEMA shop, public, "Odd Schema" TO {role}',
        f"GRANT SELECT ON shop.client, shop.purchase TO {role}",
    )
    conninfo = psycopg.conninfo.make_conninfo(world.server.conninfo(name), user=role, password="x")
    after = Snapshot(Database(conninfo, option="--db-url"))
    try:
        rows = RowExamination(world.before, after, SCHEMAS).compare()
        found = violations.examine(after, world.before, SCHEMAS)
    finally:
        after.close()
        world.server.drop(name)
        with world.server.connect("postgres") as connection:
            connection.execute(f"DROP ROLE {role}".encode())
    assert not rows.findings
    assert rows.tables == 2
    assert "GRANT SELECT ON shop.line" in " ".join(rows.unjudged)
    assert "GRANT SELECT ON" in " ".join(found.unjudged)
    assert not found.findings


def test_a_table_that_is_locked_ends_no_other(
    judge: Callable[..., dict[str, tuple[str, Evidence]]], world: World
) -> None:
    name = world.copy("DELETE FROM shop.secret WHERE id = 1")
    with psycopg.connect(world.server.conninfo(name)) as other:
        other.execute("LOCK TABLE shop.client IN ACCESS EXCLUSIVE MODE")
        outcome, evidence = world.judge(name, world.before)["rows_are_those_of_before"]
    assert outcome == "failed"
    assert "shop.secret: 1 row of 9 is missing" in evidence.words
    assert "shop.client" in " ".join(evidence.notes)


def _words(found: dict[str, tuple[str, Evidence]]) -> str:
    return " ".join(f"[{check}] {evidence.words}" for check, (_, evidence) in found.items() if evidence.findings)
