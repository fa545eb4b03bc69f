"""The ways back are tried on copies, or left out; what scripts do is proven by the selftests in `rehearsal`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from postmigration.rehearsal import plan
from selftest.rehearsal.stages import stage, words


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    """A server of its own with the database `before`, as others have one too, in which is one table."""
    made = embedded.Server(18)
    made.create("before")
    with made.connect("before") as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2)")
    yield made
    made.stop()


def test_a_way_back_that_nobody_wrote_is_left_out(server: embedded.Server, tmp_path: Path) -> None:
    empty = stage(server, tmp_path, [], [], [])
    plan.roll_back(empty, empty.state("before"))
    plan.roll_back_after_use(empty)
    assert [(step.title, step.outcome) for step in empty.steps] == [
        ("the rollback, at once", "left out"),
        ("the selective rollback, after use", "left out"),
    ]
    assert "no rollback scripts were named (--rollback)" in words(empty.steps[0])


@pytest.mark.full
def test_a_backup_is_restored_into_an_empty_database_and_over_the_migrated_one(
    server: embedded.Server, tmp_path: Path
) -> None:
    on = stage(server, tmp_path, [], [], [])
    server.create("migrated", template="before")
    with server.connect("migrated") as connection:
        connection.execute("CREATE TABLE more (id int); DELETE FROM orders")
    plan.restore_backup(on, on.state("before"))
    server.drop("migrated")
    assert [(step.title, step.outcome) for step in on.steps] == [
        ("the backup, restored into an empty database", "passed"),
        ("the backup, restored over the migrated database", "warned"),
    ]
    # What the migration added stays when a backup is restored over it.
    assert "more" in words(on.steps[1])
