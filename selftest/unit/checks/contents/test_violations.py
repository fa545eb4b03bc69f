"""Rows that violate what the database says they keep."""

from postmigration.checks.contents.constraints import read_rules
from postmigration.checks.contents.examination import Examination
from postmigration.checks.contents.violations import count_violations, examine
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE team (id int PRIMARY KEY, name text);
    CREATE TABLE member (id int PRIMARY KEY, team int REFERENCES team, name text);
    INSERT INTO team SELECT g, 't' || g FROM generate_series(1, 3) g;
    INSERT INTO member SELECT g, g, 'm' || g FROM generate_series(1, 3) g;
"""
DANGLING = "SET session_replication_role = replica; DELETE FROM team WHERE id > 1"
# Not asked of the rows that are there.
UNVALIDATED = "ALTER TABLE member ADD CONSTRAINT short CHECK (length(name) < 2) NOT VALID"


def test_sound_rows_violate_nothing(now: Fill) -> None:
    found = examine(now(WORLD), None, ["public"])
    # Two keys, two columns that may not be NULL, one reference; rows are counted where conditions on them are.
    assert (found.findings, found.unjudged, found.facts) == ([], [], 5)
    assert found.rows == 6


def test_rows_that_lead_nowhere_are_found_with_their_keys(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, DANGLING), was(WORLD), ["public"]).findings
    assert finding.statement == "member(team): 2 rows lead to no row of team, against the foreign key member_team_fkey"
    assert (finding.severity, finding.code, finding.wrong) == ("blocker", "dangling_references", 2)
    assert (finding.columns, finding.rows) == (("id", "team"), (("2", "2"), ("3", "3")))


def test_what_was_violated_as_often_before_is_a_warning(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, DANGLING), was(WORLD, DANGLING), ["public"]).findings
    assert finding.statement.endswith("; it was so before")
    assert finding.severity == "warning"


def test_what_was_violated_less_often_before_is_a_blocker(was: Fill, now: Fill) -> None:
    less = DANGLING.replace("> 1", "> 2")
    (finding,) = examine(now(WORLD, DANGLING), was(WORLD, less), ["public"]).findings
    assert finding.severity == "blocker"


def test_a_constraint_that_is_not_validated_is_as_grave_as_it_is_said_to_be(now: Fill) -> None:
    after = now(WORLD, UNVALIDATED)
    (finding,) = examine(after, None, ["public"]).findings
    assert finding.statement == "member: 3 rows violate the CHECK short, which is not validated"
    assert finding.severity == "warning"
    assert examine(after, None, ["public"], unvalidated="blocker").findings[0].severity == "blocker"


def test_values_of_people_are_shown_when_that_is_wanted(now: Fill) -> None:
    after = now(WORLD, UNVALIDATED)
    (masked,) = examine(after, None, ["public"], keep=1).findings
    (shown,) = examine(after, None, ["public"], keep=1, show_values=True).findings
    assert masked.rows == (("1", "1", "‹masked, 2 characters›"),)
    assert shown.rows == (("1", "1", "m1"),)


def test_conditions_of_one_table_are_counted_in_one_scan(now: Fill) -> None:
    after = now(WORLD, UNVALIDATED)
    found = Examination()
    wrong, refused = count_violations(after, read_rules(after, ["public"], []), found)
    assert {rule.words: number for rule, number in wrong.items() if number} == {"violate the CHECK short": 3}
    assert refused == {}
    assert found.rows == 6


def test_a_rule_that_cannot_be_asked_hinders_no_other(now: Fill) -> None:
    broken = "ALTER TABLE member ADD CONSTRAINT broken CHECK (name::int > 0) NOT VALID"
    found = examine(now(WORLD, UNVALIDATED, broken), None, ["public"])
    assert [finding.statement for finding in found.findings] == [
        "member: 3 rows violate the CHECK short, which is not validated"
    ]
    (reason,) = found.unjudged
    assert reason.startswith("member (violate the CHECK broken): invalid input syntax for type integer")


def test_there_may_be_no_rule(now: Fill) -> None:
    assert examine(now(), None, ["public"]).inapplicable == "there is no constraint on either side"
