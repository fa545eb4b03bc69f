"""Rules that a database states, as questions that count the rows which violate them."""

import pytest

from postmigration.checks.contents.constraints import Rule, read_rules
from postmigration.model.evidence import Reference
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill

TABLES = """
    CREATE DOMAIN grade AS int CHECK (VALUE < 7);
    CREATE TABLE "Team" (id int PRIMARY KEY);
    CREATE TABLE member (id int PRIMARY KEY, team int REFERENCES "Team", grade grade, name text);
    INSERT INTO member VALUES (1, NULL, 6, 'A'), (2, NULL, 1, NULL);
"""


def rules(snapshot: Snapshot) -> dict[str, Rule]:
    unjudged: list[str] = []
    found = read_rules(snapshot, ["public"], unjudged)
    assert unjudged == []
    return {f"{rule.subject}: {rule.words}": rule for rule in found}


def test_every_kind_of_rule_is_read(now: Fill) -> None:
    found = rules(now(TABLES, "CREATE UNIQUE INDEX ON member (lower(name)) WHERE grade > 3"))
    assert {words: rule.code for words, rule in found.items()} == {
        "member(team): lead to no row of Team, against the foreign key member_team_fkey": "dangling_references",
        "Team.id: are NULL against NOT NULL": "null_values",
        "member.id: are NULL against NOT NULL": "null_values",
        "member.grade: violate the check grade_check of the domain grade": "violated_constraint",
        "Team: have a key that others have, against the primary key Team_pkey": "doubled_keys",
        "member: have a key that others have, against the primary key member_pkey": "doubled_keys",
        "member: have a key that others have, against the unique index member_lower_idx": "doubled_keys",
    }


# Rows that PostgreSQL did not check, as after a restore with triggers off or of a file that was edited.
@pytest.mark.parametrize(
    ("damage", "rule", "wrong"),
    [
        (
            "SET session_replication_role = replica; UPDATE member SET team = 9",
            "member(team): lead to no row of Team, against the foreign key member_team_fkey",
            2,
        ),
        (
            "ALTER TABLE member ADD CONSTRAINT named CHECK (name IS NOT NULL) NOT VALID",
            "member: violate the CHECK named",
            1,
        ),
        (
            "UPDATE pg_index SET indisunique = false WHERE indexrelid = 'member_pkey'::regclass; "
            "ALTER TABLE member DROP CONSTRAINT member_pkey; INSERT INTO member VALUES (1, NULL, 1, 'B');"
            "CREATE INDEX again ON member (id); UPDATE pg_index SET indisunique = true "
            "WHERE indexrelid = 'again'::regclass",
            "member: have a key that others have, against the unique index again",
            2,
        ),
    ],
    ids=["foreign key", "check", "unique"],
)
def test_its_question_counts_the_rows_that_violate_it(now: Fill, damage: str, rule: str, wrong: int) -> None:
    snapshot = now(TABLES, damage)
    found = rules(snapshot)[rule]
    source = f" FROM {found.source}" if found.aggregate else ""
    assert snapshot.scalar(f"SELECT {found.wrong}{source}") == wrong
    listed = snapshot.rows(found.listed)
    assert sum(getattr(row, "times", 1) for row in listed) == wrong
    assert (found.about.schema, found.about.table) == ("public", "member")


def test_a_rule_says_by_which_key_its_rows_are_known(now: Fill) -> None:
    found = rules(now(TABLES))
    reference = found["member(team): lead to no row of Team, against the foreign key member_team_fkey"].about
    assert reference.rows == Reference(("id",), "public", "member", ("id",))
    assert reference.refers == (Reference(("team",), "public", "Team", ("id",)),)


def test_conditions_on_rows_are_counted_in_one_scan_and_references_alone(now: Fill) -> None:
    found = rules(now(TABLES))
    assert {words for words, rule in found.items() if rule.aggregate} == {
        "Team.id: are NULL against NOT NULL",
        "member.id: are NULL against NOT NULL",
        "member.grade: violate the check grade_check of the domain grade",
    }


def test_a_check_that_calls_code_of_another_runs_as_the_owner_of_the_table(now: Fill) -> None:
    snapshot = now(
        "CREATE ROLE unit_owner; GRANT CREATE ON SCHEMA public TO unit_owner",
        """
        SET LOCAL ROLE unit_owner;
        CREATE FUNCTION fine(int) RETURNS bool LANGUAGE sql AS 'SELECT true';
        CREATE TABLE own (id int CHECK (fine(id)), other int CHECK (other > 0));
        RESET ROLE
        """,
    )
    roles = {rule.subject + " " + rule.words: rule.role for rule in rules(snapshot).values()}
    assert roles == {"own violate the CHECK own_id_check": "unit_owner", "own violate the CHECK own_other_check": ""}


def test_a_table_that_may_not_be_read_hinders_its_rules(now: Fill) -> None:
    snapshot = now(TABLES, "CREATE ROLE unit_stranger; SET LOCAL ROLE unit_stranger")
    hindrances = {rule.hindrance for rule in rules(snapshot).values()}
    assert hindrances == {
        "GRANT SELECT ON member to the role that judges",
        'GRANT SELECT ON public."Team" to the role that judges',
        "GRANT SELECT ON public.member to the role that judges",
    }
