"""A migration is traced: what became of each table and column, found in the data alone."""

from postmigration.model.changes import describe_change
from postmigration.trace.tracing import trace
from selftest.unit.trace.worlds import BEFORE, MIGRATION
from selftest.unit.uncommitted import Fill


def test_what_a_migration_did_is_found(was: Fill, now: Fill) -> None:
    found = trace(was(BEFORE), now(BEFORE, MIGRATION), ["public"])
    assert sorted(map(describe_change, found.changes)) == [
        "gone_column visit.person_id",
        "gone_table flag",
        "gone_table person",
        "moved_rows person to client",
        "new_column visit.client_id",
        "new_table client",
        "renamed_column visit.note to remark",
        "repointed_reference visit.person_id through client",
    ]


def test_a_table_with_another_name_is_the_same(was: Fill, now: Fill) -> None:
    found = trace(was(BEFORE), now(BEFORE, "ALTER TABLE person RENAME TO human"), ["public"])
    assert [describe_change(change) for change in found.changes] == ["renamed_table person to human"]
    assert found.renamed == {("public", "human")}
    assert found.same == 2


def test_new_ids_are_found(was: Fill, now: Fill) -> None:
    change = """
        CREATE TABLE client (id int PRIMARY KEY, mail text NOT NULL UNIQUE, title text);
        INSERT INTO client SELECT 1000 + id * id % 97 * 31 + id, email, name FROM person;
        ALTER TABLE visit ADD client_id int REFERENCES client;
        UPDATE visit v SET client_id = c.id FROM client c JOIN person p ON p.email = c.mail WHERE p.id = v.person_id;
        ALTER TABLE visit DROP person_id;
        DROP TABLE person;
    """
    found = sorted(map(describe_change, trace(was(BEFORE), now(BEFORE, change), ["public"]).changes))
    assert "new_ids client.id" in found
    assert "repointed_reference visit.person_id through client" in found


def test_identical_databases_have_nothing_to_find(was: Fill, now: Fill) -> None:
    found = trace(was(BEFORE), now(BEFORE), ["public"])
    assert (found.found, found.same, found.rows) == ([], 3, (66, 66))
