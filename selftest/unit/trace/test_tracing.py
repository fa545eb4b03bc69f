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


def test_ids_that_were_replaced_may_be_of_another_type(was: Fill, now: Fill) -> None:
    before = "CREATE TABLE note (id int PRIMARY KEY, visit_id int REFERENCES visit);" + (
        "INSERT INTO note SELECT g, 1 + g * 7 % 40 FROM generate_series(1, 50) g"
    )
    change = """
        ALTER TABLE visit DROP CONSTRAINT visit_person_id_fkey;
        ALTER TABLE person ADD new uuid NOT NULL DEFAULT gen_random_uuid();
        ALTER TABLE visit ADD new uuid;
        UPDATE visit v SET new = p.new FROM person p WHERE p.id = v.person_id;
        ALTER TABLE visit DROP person_id;
        ALTER TABLE visit RENAME new TO person_id;
        ALTER TABLE person DROP id;
        ALTER TABLE person RENAME new TO id;
        ALTER TABLE person ADD PRIMARY KEY (id);
        ALTER TABLE visit ADD FOREIGN KEY (person_id) REFERENCES person;
    """
    found = trace(was(BEFORE, before), now(BEFORE, before, change), ["public"])
    assert list(map(describe_change, found.changes)) == ["new_ids person.id"]
    assert [words for one in found.found for words in one.misfits] == []


def test_two_references_that_became_one_are_found(was: Fill, now: Fill) -> None:
    before = """
        CREATE TABLE offer (id int PRIMARY KEY, code text UNIQUE, total int);
        CREATE TABLE bill (id int PRIMARY KEY, code text UNIQUE, total int);
        INSERT INTO offer SELECT g, 'offered ' || g * 7, g * 11 FROM generate_series(1, 20) g;
        INSERT INTO bill SELECT g, 'billed ' || g * 5, g * 13 FROM generate_series(1, 30) g;
        CREATE TABLE line (id int PRIMARY KEY, offer_id int REFERENCES offer, bill_id int REFERENCES bill);
        INSERT INTO line SELECT g, CASE WHEN g % 4 = 0 THEN 1 + g % 20 END, CASE WHEN g % 4 > 0 THEN 1 + g % 30 END
        FROM generate_series(1, 60) g;
    """
    change = """
        CREATE TABLE paper (id text PRIMARY KEY, code text UNIQUE, total int);
        INSERT INTO paper SELECT 'o_' || id, code, total FROM offer UNION ALL SELECT 'b_' || id, code, total FROM bill;
        ALTER TABLE line ADD paper_id text REFERENCES paper;
        UPDATE line SET paper_id = coalesce('o_' || offer_id, 'b_' || bill_id);
        ALTER TABLE line DROP offer_id, DROP bill_id;
        DROP TABLE offer, bill;
    """
    found = trace(was(before), now(before, change), ["public"])
    described = list(map(describe_change, found.changes))
    assert "repointed_reference line.offer_id through paper" in described
    assert "repointed_reference line.bill_id through paper" in described
    assert [words for one in found.found for words in one.misfits] == []
    # All of it is one migration, with one reason.
    assert len({one.group for one in found.found}) == 1


def test_a_column_that_is_gone_has_the_reason_of_what_holds_its_values(was: Fill, now: Fill) -> None:
    before = """
        CREATE TABLE firm (id int PRIMARY KEY, domain text, fax text);
        CREATE TABLE profile (firm_id int PRIMARY KEY REFERENCES firm, first text, last text, beds int);
        INSERT INTO firm SELECT g, 'domain-' || g * 7, 'fax ' || g FROM generate_series(1, 30) g;
        INSERT INTO profile SELECT g, 'First' || g * 3, 'Last' || g * 11, g % 5 FROM generate_series(1, 30) g;
    """
    change = """
        ALTER TABLE profile ADD domain text, ADD whole text, ADD size text;
        UPDATE profile p SET domain = f.domain FROM firm f WHERE f.id = p.firm_id;
        UPDATE profile SET whole = first || ' ' || last, size = CASE beds WHEN 0 THEN 'none' ELSE 'some' END;
        ALTER TABLE firm DROP domain, DROP fax;
        ALTER TABLE profile DROP first, DROP last, DROP beds;
    """
    found = trace(was(before), now(before, change), ["public"])
    groups = {describe_change(one.change): one.group for one in found.found if one.change is not None}
    assert groups["gone_column firm.domain"] == groups["derived_value profile.domain"]
    assert (
        groups["gone_column profile.first"] == groups["gone_column profile.last"] == groups["new_column profile.whole"]
    )
    # What held more than what is left of it is another decision, and so is what nothing holds.
    assert groups["gone_column profile.beds"] != groups["derived_value profile.size"]
    alone = {groups["gone_column firm.fax"], groups["gone_column profile.beds"]}
    assert alone.isdisjoint({groups["derived_value profile.domain"], groups["derived_value profile.whole"]})


def test_a_partition_that_was_detached_is_the_table_that_it_was(was: Fill, now: Fill) -> None:
    before = """
        CREATE TABLE log (id int, day date NOT NULL, what text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        INSERT INTO log SELECT g, date '2024-01-01' + g * 10, 'event ' || g * 7 FROM generate_series(1, 60) g;
    """
    found = trace(was(before), now(before, "ALTER TABLE log DETACH PARTITION log_2024"), ["public"])
    # That its rows are gone from the other one is nothing that a trace takes for meant.
    assert found.changes == []
    assert [(one.subject, words) for one in found.found for words in one.misfits] == [("log", "36 of 60 rows are lost")]


def test_rows_that_went_by_no_rule_are_not_declared_away(was: Fill, now: Fill) -> None:
    before = """
        CREATE TABLE event (id int PRIMARY KEY, code text NOT NULL UNIQUE, said text);
        INSERT INTO event SELECT g, 'event code ' || g * 7, 'said ' || g * 11 FROM generate_series(1, 60) g;
    """
    change = """
        CREATE TABLE archive (code text PRIMARY KEY, said text);
        INSERT INTO archive SELECT code, said FROM event WHERE id * id % 11 IN (1, 4, 9);
        DELETE FROM event WHERE id * id % 11 IN (1, 4, 9);
    """
    described = list(map(describe_change, trace(was(before), now(before, change), ["public"]).changes))
    assert not [words for words in described if words.startswith("shrinks")]


def test_numbers_in_texts_are_no_origin_beside_the_texts_themselves(was: Fill, now: Fill) -> None:
    before = """
        CREATE TABLE visitor (id int PRIMARY KEY, name text, contact text, mail text);
        INSERT INTO visitor SELECT 100 + g, 'Name ' || g * 3, 'Contact ' || g * 7, 'guest' || g || '@example.org'
        FROM generate_series(1, 30) g;
        CREATE TABLE bill (id int PRIMARY KEY, total int);
        INSERT INTO bill SELECT g, g * 11 FROM generate_series(1, 60) g;
    """
    change = """
        CREATE TABLE contact (mail text PRIMARY KEY, name text);
        INSERT INTO contact SELECT mail, contact FROM visitor;
        ALTER TABLE visitor DROP contact, DROP mail;
        DROP TABLE bill;
    """
    described = list(map(describe_change, trace(was(before), now(before, change), ["public"]).changes))
    assert "moved_rows visitor to contact" in described


def test_identical_databases_have_nothing_to_find(was: Fill, now: Fill) -> None:
    found = trace(was(BEFORE), now(BEFORE), ["public"])
    assert (found.found, found.same, found.rows) == ([], 3, (66, 66))
