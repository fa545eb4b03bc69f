"""Which row of before a row of now was, by its key."""

import pytest

from postmigration.trace.links import KeyPart, RowLink, is_trustworthy, list_telling_columns
from postmigration.trace.reading import Field
from selftest.unit.trace.worlds import BEFORE, CLIENT, MIGRATION, PERSON, Sides, keyed, sample
from selftest.unit.uncommitted import Fill

ID = Field("id", "r.id", "r.id", "", "integer")


@pytest.mark.parametrize(
    ("part", "sql", "words", "plain", "applied"),
    [
        (KeyPart("id", ID), "r.id", "id", True, " A7 "),
        (KeyPart("id", ID, "cl_", "x"), "'cl_' || r.id || 'x'", "id behind 'cl_' before 'x'", False, "cl_ A7 x"),
        (KeyPart("id", ID, folded=True), "lower(btrim(r.id::text))", "id trimmed, in lower case", False, "a7"),
    ],
    ids=["plain", "constants", "folded"],
)
def test_a_key_follows_from_a_column_of_before(part: KeyPart, sql: str, words: str, plain: bool, applied: str) -> None:
    assert (part.sql, part.words, part.is_plain) == (sql, words, plain)
    assert (part.apply(" A7 "), part.apply(None)) == (applied, None)


@pytest.fixture
def sides(was: Fill, now: Fill) -> Sides:
    return Sides(was(BEFORE), now(BEFORE, MIGRATION))


def test_candidates_are_found_by_their_values(sides: Sides) -> None:
    person, client = sides.before.tables[PERSON], sides.after.tables[CLIENT]
    rows = sample(sides.after, client)
    found = sides.finder.find_candidates(person, client, rows, ["id", "title", "mail"])
    assert {(part.column, part.words) for part in found} >= {
        ("id", "id behind 'cl_'"),
        ("title", "name"),
        ("mail", "email trimmed, in lower case"),
    }
    # The primary key of before comes first.
    assert found[0].column == "id"
    assert sides.finder.match(person, [(found[0], ["cl_1", "cl_2", "cl_99"])]) == {0: 2}


def test_rows_are_paired_along_a_key(sides: Sides) -> None:
    person, client = sides.before.tables[PERSON], sides.after.tables[CLIENT]
    key = keyed(sides.before, PERSON, "id", "id", "cl_")
    link = sides.finder.follow(person, client, [key], sample(sides.after, client), "r.id < 9")
    assert (len(link.pairs), len(link.lone), len(link.invented)) == (24, 0, 0)
    assert all(now["title"] == old["name"] for old, now in link.pairs)
    assert link.score > 0.8
    assert link.is_unique
    assert is_trustworthy(link, alone=False)
    old, new = link.pairs[0]
    assert link.read_old(old) == link.read_new(new) == (new["id"],)


def test_rows_without_their_like_are_kept(was: Fill, now: Fill) -> None:
    change = "DELETE FROM visit; DELETE FROM client WHERE id = 'cl_3'; INSERT INTO client VALUES ('cl_99', 'x', 'y')"
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION, change))
    key = keyed(sides.before, PERSON, "id", "id", "cl_")
    client = sides.after.tables[CLIENT]
    link = sides.finder.follow(sides.before.tables[PERSON], client, [key], sample(sides.after, client))
    assert [row["id"] for row in link.lone] == ["3"]
    assert [row["id"] for row in link.invented] == ["cl_99"]


def test_what_agrees_by_accident_is_not_trusted(sides: Sides) -> None:
    person, client = sides.before.tables[PERSON], sides.after.tables[CLIENT]
    link = RowLink(person, client, (keyed(sides.before, PERSON, "id", "id", "cl_"),))
    assert not is_trustworthy(link, alone=True)
    link.certain = True
    assert is_trustworthy(link, alone=False)


def test_columns_that_tell_rows_apart_are_listed_with_keys_first(sides: Sides) -> None:
    client = sides.after.tables[CLIENT]
    assert list_telling_columns(client, sample(sides.after, client)) == ["id", "title", "mail"]
    assert list_telling_columns(client, []) == ["id"]


def test_samples_are_read_once_until_they_are_forgotten(sides: Sides) -> None:
    person = sides.before.tables[PERSON]
    first = sides.finder.sample_old(person)
    assert len(first) == 24
    assert sides.finder.sample_old(person) is first
    sides.finder.forget_samples()
    assert sides.finder.sample_old(person) is not first
