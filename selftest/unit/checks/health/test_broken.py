"""What cannot run now, and whether it could before."""

from postmigration.checks.health.broken import examine
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id int, price int);
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(price) FROM item';
    CREATE FUNCTION never() RETURNS bigint LANGUAGE sql AS 'SELECT 1';
"""
# The validator of the language is what would refuse it.
UNCHECKED = "SET LOCAL check_function_bodies = off; "
NEVER = UNCHECKED + "CREATE OR REPLACE FUNCTION never() RETURNS bigint LANGUAGE sql AS 'SELECT 1 FROM nothing'"
RENAMED = "ALTER TABLE item RENAME price TO amount"


def test_what_could_run_before_and_cannot_now_is_a_blocker(was: Fill, now: Fill) -> None:
    found = examine(now(WORLD, RENAMED, NEVER), was(WORLD, NEVER), ["public"])
    assert [(finding.statement, finding.severity) for finding in found.findings] == [
        ('function never() cannot run: relation "nothing" does not exist; it was so before', "warning"),
        ('function total() cannot run: column "price" does not exist; it could before', "blocker"),
    ]
    assert found.facts == 2


def test_without_a_state_before_it_is_a_warning(now: Fill) -> None:
    after = now(WORLD, RENAMED)
    (finding,) = examine(after, None, ["public"]).findings
    assert (finding.statement, finding.severity) == (
        'function total() cannot run: column "price" does not exist',
        "warning",
    )


def test_a_state_before_without_settings_does_not_excuse(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, NEVER), was(WORLD, NEVER), ["public"], settings=False).findings
    assert finding.statement == 'function never() cannot run: relation "nothing" does not exist'


def test_there_may_be_nothing_to_try(now: Fill) -> None:
    found = examine(now(), None, ["public"])
    assert found.inapplicable == "there is neither a view nor a function whose body is text on either side"
