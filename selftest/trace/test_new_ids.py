"""Rows under new ids are known by other columns, or it is said that they cannot be told apart."""

from collections.abc import Callable, Iterator

import pytest

from postmigration.checks.change_mistakes import find_mistakes
from postmigration.checks.rows import fingerprint_rows
from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.changes import GoneTable, MovedRows, NewIds, NewTable, RepointedReference, describe_change
from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from postmigration.trace.findings import Trace
from postmigration.trace.tracing import trace
from selftest.fingerprints import take_whole
from selftest.tiers import few
from selftest.trace.conftest import Open

BEFORE = """
    CREATE TABLE guest (id int PRIMARY KEY, mail text NOT NULL, city text NOT NULL);
    INSERT INTO guest SELECT g, 'guest' || g || '@example.org', 'city ' || g % 3 FROM generate_series(1, 30) g;
    CREATE TABLE stay (id int PRIMARY KEY, guest_id int NOT NULL REFERENCES guest, nights int NOT NULL);
    INSERT INTO stay SELECT g, 1 + g % 30, g % 7 FROM generate_series(1, 60) g;
"""
AFTER = """
    CREATE TABLE person (key uuid PRIMARY KEY DEFAULT gen_random_uuid(), mail text NOT NULL, city text NOT NULL);
    INSERT INTO person (mail, city) SELECT mail, city FROM guest;
    ALTER TABLE stay ADD person uuid REFERENCES person;
    UPDATE stay SET person = p.key FROM person p JOIN guest g USING (mail) WHERE g.id = stay.guest_id;
    ALTER TABLE stay DROP guest_id;
    DROP TABLE guest;
"""
ALIKE = "UPDATE guest SET mail = 'one@example.org', city = 'one' WHERE id IN (7, 8)"
# Each swaps something that is the same set of values as a whole.
SWAPPED = """
    UPDATE stay SET person = CASE id WHEN 1 THEN (SELECT person FROM stay WHERE id = 2)
                                     ELSE (SELECT person FROM stay WHERE id = 1) END WHERE id IN (1, 2)
"""
DECLARED = (
    GoneTable(table="guest"),
    NewTable(table="person"),
    MovedRows(table="guest", to="person", key={"mail": "r.mail"}, columns={"city": "r.city"}),
    NewIds(table="person", column="key", by=("mail",)),
)

Build = Callable[..., None]


@pytest.fixture
def build(server: embedded.Server) -> Iterator[Build]:
    """Makes both databases; `both` is done to them before the migration, `then` to what it made."""
    names = ("new_ids_before", "new_ids_after")

    def run(both: str = "", then: str = "") -> None:
        for name in names:
            server.create(name)
            with server.connect(name) as connection:
                scripts = [BEFORE, both] if name == names[0] else [BEFORE, both, AFTER, then]
                connection.execute(";".join(scripts).encode())

    yield run
    for name in names:
        server.drop(name)


def follow(opened: Open) -> Trace:
    return trace(opened("new_ids_before"), opened("new_ids_after"), ["public"])


def judge(opened: Open, migration: Migration) -> list[str]:
    sides = opened("new_ids_before"), opened("new_ids_after")
    return [finding.statement for finding in RowExamination(*sides, ["public"], migration=migration).compare().findings]


def test_a_reference_that_leads_to_another_row_is_found(build: Build, opened: Open) -> None:
    build(then=SWAPPED)
    found = follow(opened)
    assert "new_ids person.key" in list(map(describe_change, found.changes))
    misfits = [f"{one.subject}: {words}" for one in found.found for words in one.misfits]
    assert misfits == ["stay.guest_id to person: person: 2 of 60 are others: 2 another value"]
    (words,) = judge(opened, Migration("", changes=found.changes))
    assert words.startswith("stay: 2 rows differ in person")


def test_two_columns_together_tell_rows_apart(build: Build, opened: Open) -> None:
    build(ALIKE.replace("city = 'one'", "city = city"))
    (ids,) = (change for change in follow(opened).changes if isinstance(change, NewIds))
    assert set(ids.by) == {"mail", "city"}


# Rows that a text and a number tell apart together; the number has another scale then.
TARIFFS = """
    CREATE TABLE tariff (id int PRIMARY KEY, product text NOT NULL, price {type} NOT NULL);
    INSERT INTO tariff SELECT g, 'product ' || g % 10, (g / 10) * 1.25 + 1 FROM generate_series(1, 30) g;
    CREATE TABLE line (id int PRIMARY KEY, tariff_id int NOT NULL REFERENCES tariff);
    INSERT INTO line SELECT g, 1 + g % 30 FROM generate_series(1, 60) g
"""
RATES = """
    CREATE TABLE rate (key uuid PRIMARY KEY DEFAULT gen_random_uuid(), product text NOT NULL, price {type} NOT NULL);
    INSERT INTO rate (product, price) SELECT product, price FROM tariff;
    ALTER TABLE line ADD rate uuid REFERENCES rate;
    UPDATE line SET rate = r.key FROM rate r JOIN tariff t ON t.product = r.product AND t.price = r.price
    WHERE t.id = line.tariff_id;
    ALTER TABLE line DROP tariff_id;
    DROP TABLE tariff
"""
SWAPPED_RATES = SWAPPED.replace("stay", "line").replace("person", "rate")


@pytest.mark.parametrize("types", [("numeric(8, 2)", "numeric(10, 3)"), ("numeric(10, 3)", "numeric(6, 2)")])
def test_a_number_of_another_scale_is_the_same_one(build: Build, opened: Open, types: tuple[str, str]) -> None:
    build(TARIFFS.format(type=types[0]), RATES.format(type=types[1]))
    found = follow(opened)
    (ids,) = (change for change in found.changes if isinstance(change, NewIds) and change.table == "rate")
    assert set(ids.by) == {"product", "price"}
    assert "repointed_reference line.tariff_id through rate" in list(map(describe_change, found.changes))
    assert [words for one in found.found for words in one.misfits] == []
    assert judge(opened, Migration("", changes=found.changes)) == []


def test_a_reference_to_a_row_of_another_number_is_found(build: Build, opened: Open) -> None:
    build(TARIFFS.format(type="numeric(8, 2)"), f"{RATES.format(type='numeric(10, 3)')}; {SWAPPED_RATES}")
    (words,) = judge(opened, Migration("", changes=follow(opened).changes))
    assert words.startswith("line: 2 rows differ in rate")


def test_a_value_that_has_no_equality_is_no_key(build: Build, opened: Open) -> None:
    note = "ALTER TABLE {0} ADD note json; UPDATE {0} SET note = json_build_object('mail', mail)"
    build(f"{ALIKE}; {note.format('guest')}", note.format("person"))
    assert any("are alike in all" in misfit for one in follow(opened).found for misfit in one.misfits)


def test_rows_that_are_alike_in_all_are_told(build: Build, opened: Open) -> None:
    build(ALIKE)
    found = follow(opened)
    assert not {"new_ids", "moved_rows"} & {describe_change(change).split()[0] for change in found.changes}
    words = "its rows look like those of guest in mail, city, and 2 of these are alike in all: there is no safe link"
    assert any(words in misfit for one in found.found for misfit in one.misfits)


def test_rows_that_are_alike_are_a_finding(build: Build, opened: Open) -> None:
    build(ALIKE)
    words = "person: 2 rows are alike in mail or lack it, by which its rows are known"
    assert any(words in statement for statement in judge(opened, Migration("", changes=DECLARED)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"by": ("male",)}, r"by names male, which is no key of moved_rows guest to person \(did you mean mail\?\)"),
        ({"column": "mail"}, "mail is a key of moved_rows guest to person: an id that follows from before is not new"),
        ({"table": "stay", "column": "id"}, "no moved_rows moves rows to stay"),
    ],
)
def test_what_cannot_be_meant_is_refused(build: Build, opened: Open, changed: dict[str, object], words: str) -> None:
    build()
    ids = {"table": "person", "column": "key", "by": ("mail",), **changed}
    repointed = RepointedReference(table="stay", column="guest_id", to="person", parent="guest", through="person")
    changes = (*DECLARED[:3], NewIds(**ids), repointed)  # type: ignore[arg-type]
    mistakes = list(find_mistakes(changes, opened("new_ids_after"), opened("new_ids_before"), None))
    assert any(words.replace("\\", "") in mistake for mistake in mistakes), mistakes


def test_what_is_declared_rightly_is_not_refused(build: Build, opened: Open) -> None:
    home = "CREATE TABLE home (person uuid PRIMARY KEY REFERENCES person, city text)"
    build(then=f"{home}; INSERT INTO home SELECT key, city FROM person")
    repointed = RepointedReference(table="stay", column="guest_id", to="person", parent="guest", through="person")
    # What refers to the new ids is itself a key.
    moved = MovedRows(table="guest", to="home", key={"person": "r.mail"}, columns={"city": "r.city"})
    changes = (*DECLARED, repointed, NewTable(table="home"), moved)
    assert list(find_mistakes(changes, opened("new_ids_after"), opened("new_ids_before"), None)) == []
    assert not {"person", "home"} & {words.partition(":")[0] for words in judge(opened, Migration("", changes=changes))}


# A table that stays, whose ids others take the place of, and with them what refers to them.
REKEYED = """
    CREATE TABLE account (id uuid PRIMARY KEY, mail text NOT NULL{unique}, city text NOT NULL);
    INSERT INTO account SELECT md5('a' || g)::uuid, 'a' || g || '@example.org', 'city ' || g % 3
    FROM generate_series(1, 30) g;
    CREATE TABLE visit (id int PRIMARY KEY, account_id uuid NOT NULL REFERENCES account, nights int NOT NULL);
    INSERT INTO visit SELECT g, md5('a' || 1 + g % 30)::uuid, g % 7 FROM generate_series(1, 60) g
"""
REKEY = """
    ALTER TABLE visit DROP CONSTRAINT visit_account_id_fkey;
    CREATE TEMP TABLE ids AS SELECT id, gen_random_uuid() AS new FROM account;
    UPDATE visit SET account_id = new FROM ids WHERE ids.id = account_id;
    UPDATE account SET id = new FROM ids WHERE ids.id = account.id;
    ALTER TABLE visit ADD FOREIGN KEY (account_id) REFERENCES account
"""
REKEY_FAULTS = {
    "UPDATE visit v SET account_id = w.account_id FROM visit w WHERE v.id = 1 AND w.id = 2": (
        "visit: 1 row differs in account_id"
    ),
    "UPDATE account SET city = '' WHERE mail = 'a7@example.org'": "account: 1 row differs in city",
    "DELETE FROM visit WHERE id = 9": "visit: 1 row of 60 is missing",
}


@pytest.mark.parametrize("unique", few([" UNIQUE", ""]))
def test_ids_that_were_replaced_in_place_are_found(build: Build, opened: Open, unique: str) -> None:
    build(REKEYED.format(unique=unique), REKEY)
    changes = follow(opened).changes
    assert "new_ids account.id" in list(map(describe_change, changes))
    assert not {words for one in follow(opened).found for words in one.misfits}
    assert list(find_mistakes(changes, opened("new_ids_after"), opened("new_ids_before"), None)) == []
    assert judge(opened, Migration("", changes=changes)) == []


@pytest.mark.parametrize("fault", REKEY_FAULTS)
def test_what_differs_beside_ids_that_were_replaced_is_a_finding(build: Build, opened: Open, fault: str) -> None:
    build(REKEYED.format(unique=" UNIQUE"), f"{REKEY}; {fault}")
    (words,) = judge(opened, Migration("", changes=follow(opened).changes))
    assert words.startswith(REKEY_FAULTS[fault])


def test_ids_that_stayed_are_not_taken_for_new_ones(build: Build, opened: Open) -> None:
    build(REKEYED.format(unique=" UNIQUE"), "UPDATE account SET city = 'other' WHERE city = 'city 1'")
    assert "new_ids account.id" not in list(map(describe_change, follow(opened).changes))


def test_a_fingerprint_does_not_judge_what_refers_to_ids_that_were_replaced(build: Build, opened: Open) -> None:
    build(REKEYED.format(unique=" UNIQUE"), REKEY)
    fingerprint = take_whole(opened("new_ids_before"))
    renewed = (NewIds(table="account", column="id", by=("mail",)),)
    found = fingerprint_rows.examine(opened("new_ids_after"), fingerprint, ["public"], changes=renewed)
    assert {words.partition(":")[0] for words in found.unjudged} >= {"account", "visit"}
    assert not any(finding.statement.startswith(("account", "visit")) for finding in found.findings)
