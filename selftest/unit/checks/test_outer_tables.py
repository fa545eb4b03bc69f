"""The rows of other schemas that a project declares to be kept."""

import pytest

from postmigration.checks.baseline import Before
from postmigration.checks.outer_tables import compare_outer_tables
from postmigration.model.errors import NeedsBaseline
from postmigration.model.migration import Migration, OuterTable
from selftest.unit.checks.targets import aim
from selftest.unit.uncommitted import Fill

MIGRATION = Migration("unit", outer_tables=[OuterTable("auth", "users", ("id",), ("email", "password"))])
WORLD = """
    CREATE SCHEMA auth;
    CREATE TABLE auth.users (id int PRIMARY KEY, email text, password text, seen int);
    INSERT INTO auth.users SELECT g, 'u' || g, 'p' || g, 0 FROM generate_series(1, 5) g;
"""


def test_rows_that_keep_their_values_are_sound(was: Fill, now: Fill) -> None:
    target = aim(
        now(WORLD, "UPDATE auth.users SET seen = 1; INSERT INTO auth.users VALUES (9)"), Before(was(WORLD)), MIGRATION
    )
    compare_outer_tables(target)
    assert (target.evidence.findings, target.evidence.examined) == ([], 5)


def test_rows_that_are_gone_or_others_are_found_without_their_values(was: Fill, now: Fill) -> None:
    after = now(WORLD, "DELETE FROM auth.users WHERE id = 1; UPDATE auth.users SET password = 'x' WHERE id = 2")
    target = aim(after, Before(was(WORLD)), MIGRATION, show_values=True)
    compare_outer_tables(target)
    (finding,) = target.evidence.findings
    assert finding.statement.startswith("rows of auth.users that are gone, or whose email or password is another")
    assert finding.wrong == 2
    assert "p2" not in str(finding.rows)


def test_a_table_that_is_gone_is_found(was: Fill, now: Fill) -> None:
    target = aim(now(), Before(was(WORLD)), MIGRATION)
    compare_outer_tables(target)
    assert [finding.statement for finding in target.evidence.findings] == [
        "table auth.users is gone, or has lost its key"
    ]


def test_what_one_side_cannot_show_is_told(was: Fill, now: Fill) -> None:
    target = aim(now(WORLD), Before(was()), MIGRATION)
    compare_outer_tables(target)
    assert target.evidence.notes == [
        "auth.users is not compared: the state before has none, or it may not be read there"
    ]


def test_it_needs_the_state_before(now: Fill) -> None:
    with pytest.raises(NeedsBaseline, match=r"^it compares with the state before: name it with --baseline$"):
        compare_outer_tables(aim(now(), None, MIGRATION))
