"""Whatever a migration does, a trace finds it; what it finds is right, and damage beside it is found."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postmigration.checks.contents.examination import Examination
from postmigration.checks.rows import fingerprint_rows
from postmigration.checks.rows.complete_fingerprint import complete_fingerprint
from postmigration.checks.rows.row_examination import RowExamination
from postmigration.gate.scaffold.migration_toml import write_migration
from postmigration.model.changes import DerivedValue, describe_change
from postmigration.model.migration import Migration
from postmigration.model.migration_file import read_migration
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.trace.findings import Trace
from postmigration.trace.tracing import trace
from selftest.fingerprints import take_whole
from selftest.tiers import few
from selftest.trace.migrations import STEPS, Maker, Step, derive_some, rekey_anew
from selftest.trace.test_init import give_reasons
from selftest.worlds.examples import try_few

COUNTER = itertools.count()
# Why a fingerprint does not judge a table: a value was hashed as a text that a column of its type does not give back.
NO_TEXT = re.compile("was hashed as .*, and is |values of several types")
SIDES = ("random_before", "random_after")


@pytest.fixture(scope="module")
def sides(server: embedded.Server) -> Iterator[embedded.Server]:
    for name in SIDES:
        server.create(name)
    yield server
    for name in SIDES:
        server.drop(name)


class World:
    """A migration in a schema of its own, of two databases.

    Args:
        server: where they are.
        steps: what the migration does.
    """

    def __init__(self, server: embedded.Server, steps: list[Step]) -> None:
        self.server, self.schema = server, f"world{next(COUNTER)}"
        for name in SIDES:
            self.run(name, f"CREATE SCHEMA {self.schema};" + "".join(step.before for step in steps))
        self.run(SIDES[1], "".join(step.after for step in steps))

    def run(self, side: str, sql: str) -> None:
        """Runs SQL on one of the databases."""
        with self.server.connect(side) as connection:
            connection.execute(f"SET search_path = {self.schema}; {sql}".encode())

    def open(self, cleanup: ExitStack) -> tuple[Snapshot, Snapshot]:
        """A snapshot of each."""
        found = []
        for name in SIDES:
            database = Database(self.server.conninfo(name), option="--db-url", schema=self.schema)
            cleanup.callback(database.close)
            found.append(Snapshot(database))
            cleanup.callback(found[-1].close)
        return found[0], found[1]

    def trace(self) -> Trace:
        """What a trace finds."""
        with ExitStack() as cleanup:
            return trace(*self.open(cleanup), [self.schema])

    def judge(self, migration: Migration) -> list[str]:
        """What is found beside the changes that are declared."""
        with ExitStack() as cleanup:
            found = RowExamination(*self.open(cleanup), [self.schema], migration=migration).compare()
            return [*(finding.statement for finding in found.findings), *found.unjudged]

    def judge_by_fingerprint(self, migration: Migration) -> Examination:
        """What is found by a fingerprint of the state before."""
        with ExitStack() as cleanup:
            before, after = self.open(cleanup)
            fingerprint = complete_fingerprint(before, take_whole(before), migration.changes)
            return fingerprint_rows.examine(after, fingerprint, [self.schema], changes=migration.changes)

    def drop(self) -> None:
        """Ends it."""
        for name in SIDES:
            self.run(name, f"DROP SCHEMA {self.schema} CASCADE")


@pytest.mark.full
@try_few(5, nightly=500)
@given(
    seed=st.integers(0, 2**32), chosen=st.lists(st.sampled_from(STEPS), min_size=1, max_size=3), harm=st.integers(0, 99)
)
@example(seed=0, chosen=[rekey_anew], harm=0)
def test_a_trace_finds_what_a_migration_did(
    sides: embedded.Server,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    chosen: list[Callable[[Maker], Step]],
    harm: int,
) -> None:
    maker = Maker(Random(seed))
    prove(sides, tmp_path_factory.mktemp("random"), [step(maker) for step in chosen], harm)


def prove(sides: embedded.Server, directory: Path, steps: list[Step], harm: int) -> None:
    """Makes sure that a trace finds some steps, that its declaration is GO, and that one damage of them is found."""
    world = World(sides, steps)
    try:
        found = world.trace()
        described = sorted(describe_change(change).replace(f"{world.schema}.", "") for change in found.changes)
        assert described == sorted(change for step in steps for change in step.expected)
        misfits = [words for one in found.found for words in one.misfits]
        assert set(misfits) <= {"none of its rows was found elsewhere"}
        file = directory / "migration.toml"
        file.write_text(write_migration("random", 0, found))
        give_reasons(file)
        declared = read_migration(file)
        assert world.judge(declared) == []
        hashed = world.judge_by_fingerprint(declared)
        assert hashed.findings == []
        assert all(NO_TEXT.search(words) for words in hashed.unjudged), hashed.unjudged
        damage = [one for step in steps for one in step.damage]
        statement, table = damage[harm % len(damage)]
        world.run(SIDES[1], statement)
        said = world.judge(declared)
        assert said
        assert all(f"{world.schema}.{table}: " in words for words in said), said
        hashed = world.judge_by_fingerprint(declared)
        told = [*(finding.statement for finding in hashed.findings), *hashed.unjudged]
        assert any(words.startswith((f"{world.schema}.{table}: ", f"{table}: ")) for words in told), told
    finally:
        world.drop()


@pytest.mark.parametrize("seed", range(4))
def test_a_trace_tells_in_which_rows_a_value_was_derived(
    sides: embedded.Server, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    step = derive_some(Maker(Random(seed)))
    world = World(sides, [step])
    try:
        (derived,) = (change for change in world.trace().changes if isinstance(change, DerivedValue))
        assert derived.where == "r.kind = 'rare'"
    finally:
        world.drop()


@pytest.mark.parametrize("seed", few(range(50), 2, full=range(8)))
def test_rows_under_random_ids_are_found_and_what_refers_to_them_is_compared(
    sides: embedded.Server, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    maker = Maker(Random(seed))
    prove(sides, tmp_path_factory.mktemp("random"), [rekey_anew(maker)], seed)
