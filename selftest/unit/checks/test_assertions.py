"""What a check can state, and what becomes of it."""

import pytest
import sqlalchemy as sa

from postmigration.access.principals import Population
from postmigration.checks.baseline import Before
from postmigration.model.comparison import RowComparison
from postmigration.model.errors import NotJudged
from postmigration.model.evidence import Problem, Subject
from postmigration.model.migration import Migration
from postmigration.postgres import catalog
from selftest.fingerprints import take_whole
from selftest.unit.checks.targets import aim
from selftest.unit.uncommitted import Fill, add

WORLD = """
    CREATE TABLE item (id int PRIMARY KEY, name text, price int);
    INSERT INTO item SELECT g, 'n' || g, g * 10 FROM generate_series(1, 5) g;
"""
STATEMENT = "items that cost too much"


def test_a_query_for_wrong_rows_finds_none(now: Fill) -> None:
    target = aim(now(WORLD))
    target.expect_none(
        "SELECT id FROM item WHERE price > 99", statement=STATEMENT, examined="SELECT count(*) FROM item"
    )
    target.conclude()
    assert (target.evidence.findings, target.evidence.examined) == ([], 5)


def test_a_query_for_wrong_rows_finds_some(was: Fill, now: Fill) -> None:
    target = aim(now(WORLD), Before(was(WORLD, "DELETE FROM item")), listed_rows=1)
    sql = "SELECT id, name FROM item WHERE price > 30"
    target.expect_none(
        sql,
        statement=STATEMENT,
        examined=5,
        repair="  DELETE FROM item; -- {SELECT count(*) FROM item WHERE price > 30}",
    )
    (finding,) = target.evidence.findings
    assert (finding.statement, finding.wrong, finding.examined) == (STATEMENT, 2, 5)
    assert (finding.columns, finding.rows) == (("id", "name"), (("4", "‹masked A, 2 characters›"),))
    assert (finding.code, finding.repair) == ("wrong_rows", "DELETE FROM item; -- 2")
    assert finding.before == "the same query finds nothing there: this is new"
    assert (finding.subject.kind, finding.subject.table) == ("table", "item")


def test_a_query_about_the_state_before_is_asked_of_it(was: Fill, now: Fill) -> None:
    target = aim(now(), Before(was(WORLD)))
    target.expect_none("SELECT id FROM item", statement=STATEMENT, examined=1, before=True)
    (finding,) = target.evidence.findings
    assert finding.wrong == 5
    assert finding.query.startswith("-- on the baseline\n")


def test_what_the_server_refuses_is_a_finding(now: Fill) -> None:
    target = aim(now())
    target.expect_none("SELECT id FROM item", statement=STATEMENT, examined=1)
    assert [finding.statement.partition(": ")[0] for finding in target.evidence.findings] == [STATEMENT]
    assert target.value("SELECT max(id) FROM item") is None
    assert target.evidence.findings[1].statement.startswith("the check cannot be made: something is missing")


def test_a_statement_about_no_rows_is_not_judged(now: Fill) -> None:
    target = aim(now(WORLD))
    target.expect_none("SELECT 1 WHERE false", statement="a", examined=0, optional=True)
    target.expect_none("SELECT 1 WHERE false", statement="b", examined=0)
    with pytest.raises(NotJudged, match="there are no rows to examine: b"):
        target.conclude()


def test_two_queries_give_the_same_rows(was: Fill, now: Fill) -> None:
    rows = RowComparison("SELECT id, price FROM item", "SELECT id, price FROM item", ("id", "price"))
    change = "DELETE FROM item WHERE id = 1; UPDATE item SET price = 0 WHERE id = 2; INSERT INTO item VALUES (9)"
    target = aim(now(WORLD, change), Before(was(WORLD)))
    assert target.expect_same(rows, statement="items", ignore=["extra"], repair="SELECT 1;") == 5
    (finding,) = target.evidence.findings
    assert (finding.wrong, finding.examined, finding.repair) == (2, 5, "SELECT 1;")


def test_a_table_holds_what_it_held_before(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "DELETE FROM item WHERE id = 1; ALTER TABLE item DROP name")
    table = catalog.table(before, "item")
    target = aim(after, Before(before))
    target.expect_as_before(table)
    assert target.evidence.findings[0].statement.startswith(
        "rows of item that are not what they were, or should have become"
    )
    assert "\\copy" in target.evidence.findings[0].repair or "ADD COLUMN" in target.evidence.findings[0].repair


def test_a_fingerprint_tells_that_too(was: Fill, now: Fill) -> None:
    migration = Migration("unit", tables=["item"], legacy_tables=["item"])
    fingerprint = take_whole(was(WORLD), migration, portable=True)
    after = now(WORLD)
    sound, broken = (
        aim(after, Before(fingerprint=fingerprint), migration),
        aim(after, Before(fingerprint=fingerprint), migration),
    )
    sound.expect_as_before(fingerprint.tables["item"].facts())
    assert sound.evidence.findings == []
    assert sound.evidence.examined == 5
    add(after, "UPDATE item SET price = 0 WHERE id = 2")
    broken.expect_as_before(fingerprint.tables["item"].facts())
    assert len(broken.evidence.findings) == 1


def test_facts_and_problems_are_counted(now: Fill) -> None:
    target = aim(now())
    target.expect(True, "no index")
    target.expect(False, "no key", code="lost_key", subject=Subject.of_table("public", "item"))
    target.expect_no_problems([Problem("no name", "ALTER;", Subject("column", "", "name", "item"))], facts=3)
    key, name = target.evidence.findings
    assert (key.statement, key.code, key.subject.table) == ("no key", "lost_key", "item")
    # A problem is of the schema that is judged.
    assert (name.repair, name.subject.schema, name.examined) == ("ALTER;", "public", 3)
    assert target.evidence.facts == 5


def test_a_query_has_columns_of_some_types(now: Fill) -> None:
    target = aim(now(WORLD))
    target.expect_columns("SELECT * FROM item", {"id": "integer", "price": "numeric", "tax": "text"})
    assert [finding.statement for finding in target.evidence.findings] == [
        "price is integer, want numeric",
        "tax is not there, want text",
    ]


@pytest.mark.parametrize(
    ("budgets", "findings", "how"),
    [({}, 0, "median of 5 warm runs"), ({7: -1.0}, 1, "quickest of 15 warm runs")],
    ids=["enough", "none at all"],
)
def test_a_query_has_a_budget(now: Fill, budgets: dict[int, float], findings: int, how: str) -> None:
    target = aim(now(), budgets=budgets)
    target.expect_fast(sa.select(sa.literal(1)), budget=600_000, plan=7)
    assert len(target.evidence.findings) == findings
    assert target.evidence.notes[0].startswith(how)
    assert target.evidence.overviews[0].picture == "latency"


def test_what_is_written_is_rolled_back(now: Fill) -> None:
    target = aim(now())
    with target.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE written (id int)")
    with target.writing() as connection:
        connection.exec_driver_sql("SELECT id FROM written")
    (finding,) = target.evidence.findings
    assert finding.statement.startswith("the database refuses what the application does: something is missing")


def test_nothing_is_written_where_that_is_not_wanted(now: Fill) -> None:
    with (
        pytest.raises(NotJudged, match=r"it writes .*, and --read-only leaves that out"),
        aim(now(), read_only=True).writing(),
    ):
        pass


def test_it_knows_the_people_as_whom_it_is_tried(now: Fill) -> None:
    after = now()
    people = Population(after, after, [], ["nobody is there"])
    assert aim(after, people=people).population is people


def test_a_table_is_described_by_the_catalogs(now: Fill) -> None:
    target = aim(now(WORLD))
    assert (target.table("item").key, target.table("nothing").exists) == (("id",), False)


def test_a_number_that_cannot_be_counted_takes_no_finding_away(now: Fill) -> None:
    target = aim(now(WORLD))
    target.expect_none(
        "SELECT id FROM item", statement=STATEMENT, examined=5, repair="-- {SELECT count(*) FROM gone} rows"
    )
    (finding,) = target.evidence.findings
    assert (finding.wrong, finding.repair) == (5, "-- not counted rows")
