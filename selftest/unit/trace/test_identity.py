"""Ids that are new, and by what the rows are known instead."""

from dataclasses import replace

from postmigration.model.changes import NewIds
from postmigration.trace.identity import find_new_ids, write_old_identity
from postmigration.trace.links import RowLink
from postmigration.trace.moves import Move
from selftest.unit.trace.worlds import BEFORE, CLIENT, PERSON, Sides, keyed
from selftest.unit.uncommitted import Fill

# Numbers that follow from nothing.
MIGRATION = """
    CREATE TABLE client (id int PRIMARY KEY, mail text NOT NULL);
    INSERT INTO client SELECT 1000 + id * id % 97 * 31 + id, email FROM person;
    ALTER TABLE visit ADD client_id int REFERENCES client;
"""


def move(sides: Sides) -> Move:
    link = RowLink(
        sides.before.tables[PERSON], sides.after.tables[CLIENT], (keyed(sides.before, PERSON, "mail", "email"),)
    )
    return Move(link)


def test_an_id_that_others_refer_to_and_nothing_explains_is_new(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    client = sides.after.tables[CLIENT]
    assert find_new_ids(client, [move(sides)], sides.after) == NewIds(table="client", column="id", by=("mail",))
    assert find_new_ids(client, [], sides.after) is None


def test_an_id_to_which_nothing_refers_is_of_no_matter(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION, "ALTER TABLE visit DROP client_id"))
    assert find_new_ids(sides.after.tables[CLIENT], [move(sides)], sides.after) is None


def test_rows_that_are_alike_are_told(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION, "UPDATE client SET mail = 'same' WHERE id % 2 = 0"))
    words = find_new_ids(sides.after.tables[CLIENT], [move(sides)], sides.after)
    assert isinstance(words, str)
    assert words.endswith(" of its rows are alike in mail: what refers to id cannot be told apart")


def test_what_a_row_was_known_by_is_written_as_sql(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    write = write_old_identity(move(sides).link)
    known = sides.before.snapshot.scalar(f"SELECT {write('p')} FROM public.person p WHERE p.id = 7")
    assert "User7@Example.org" in str(known)


def test_a_column_that_is_read_otherwise_is_read_so_over_any_row(was: Fill, now: Fill) -> None:
    link = move(Sides(was(BEFORE), now(BEFORE, MIGRATION))).link
    columns = dict(link.source.columns)
    columns["email"] = replace(columns["email"], read="(SELECT max(o.email) FROM person o WHERE o.id = {row}.id)")
    link.source = replace(link.source, columns=columns)
    assert write_old_identity(link)("p") == "(SELECT max(o.email) FROM person o WHERE o.id = p.id)"
