"""The state before, as a check sees it: a database, a fingerprint, or neither."""

import pytest
import sqlalchemy as sa

from postmigration.checks.baseline import Before, explain
from postmigration.model.errors import NeedsBaseline, NotJudged
from postmigration.postgres.connection import Snapshot
from selftest.unit.checks.targets import make_fingerprint
from selftest.unit.uncommitted import Fill

WORLD = "CREATE TABLE item (id int PRIMARY KEY, price int); INSERT INTO item VALUES (1, -5), (2, 7)"


def test_rows_are_those_of_a_database(was: Fill) -> None:
    before = was(WORLD)
    assert Before(before).rows() is before
    with pytest.raises(NeedsBaseline, match=r"^it compares with the state before: name it with --baseline$"):
        Before().rows()
    with pytest.raises(NeedsBaseline, match="it needs the rows of the state before, and a fingerprint holds none"):
        Before(fingerprint=make_fingerprint()).rows()


def test_objects_that_a_backup_lacks_are_compared_with_nothing(was: Fill) -> None:
    before = Before(was(), unrestored=[("view", "view shown")])
    assert before.schema("function") is before.snapshot
    with pytest.raises(NotJudged, match="the backup of before could not be restored whole: view shown is lacking"):
        before.schema("function", "view")


def test_tables_are_described_by_either(was: Fill) -> None:
    assert [*Before(was(WORLD)).tables()["item"].columns] == ["id", "price"]
    assert Before(fingerprint=make_fingerprint()).tables() == {}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "SELECT id FROM item WHERE price < 0",
            "the same query finds 1 there, which are older than the migration or what it had to change",
        ),
        ("SELECT id FROM item WHERE price > 99", "the same query finds nothing there: this is new"),
        ("SELECT id FROM item WHERE tax < 0", "it cannot have been so, the migration brought what the query asks for"),
        ("SELECT id FROM item WHERE 1 / (id - 1) > 0", ""),
    ],
    ids=["so before", "new", "no column", "refused"],
)
def test_it_is_said_whether_it_was_so_before(was: Fill, sql: str, words: str) -> None:
    assert Before(was(WORLD)).describe_count(sql) == words


def test_nobody_can_tell_without_a_database() -> None:
    assert Before().describe_count("SELECT 1") == ""


def _refusal(snapshot: Snapshot, sql: str, words: str) -> sa.exc.DBAPIError:
    with pytest.raises(sa.exc.DBAPIError, match=words) as refused:
        snapshot.rows(sql, snapshot.application)
    return refused.value


def test_a_refusal_is_explained_by_the_tables_that_are_lacking(now: Fill) -> None:
    after = now(WORLD)
    words = explain(_refusal(after, "SELECT id FROM nothing", "does not exist"), after, ["item", "nothing"])
    assert words.startswith("something is missing, ")
    assert words.endswith("; tables that do not exist: nothing")
    assert "missing" not in explain(_refusal(after, "SELECT 1 / 0", "division by zero"), after, ["item"])


def test_a_copy_is_one_of_a_dump_or_of_a_base_backup() -> None:
    assert [Before(started=started).copied_from for started in (False, True)] == ["a dump", "a base backup"]
