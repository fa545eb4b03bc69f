"""Where the rows of a table of now come from."""

import pytest

from postmigration.trace.moves import Move, MoveFinder, count_move, is_rename
from selftest.unit.trace.worlds import BEFORE, CLIENT, FLAG, MIGRATION, PERSON, VISIT, Sides, sample
from selftest.unit.uncommitted import Fill


def find(sides: Sides) -> list[Move]:
    client = sides.after.tables[CLIENT]
    tables = sides.before.tables
    finder = MoveFinder(sides.before, sides.after, sides.finder)
    return finder.find(client, sample(sides.after, client), [[tables[PERSON], tables[FLAG]], [tables[VISIT]]])


@pytest.fixture
def sides(was: Fill, now: Fill) -> Sides:
    return Sides(was(BEFORE), now(BEFORE, MIGRATION))


def test_rows_that_moved_are_found_with_what_they_hold(sides: Sides) -> None:
    (move,) = find(sides)
    declared = move.declare()
    assert (declared.table, declared.to, declared.where, declared.merged) == ("person", "client", "true", False)
    assert (declared.key, declared.columns) == (
        {"id": "'cl_' || r.id"},
        {"title": "r.name", "mail": "lower(r.email)"},
    )
    assert {*move.list_sql()} == {"true", "'cl_' || r.id", "r.name", "lower(r.email)"}
    assert count_move(move, sides.before) == 24
    assert (move.source, move.target) == (sides.before.tables[PERSON], sides.after.tables[CLIENT])


def test_a_condition_tells_which_rows_moved(was: Fill, now: Fill) -> None:
    some = MIGRATION.replace("FROM person;", "FROM person WHERE kind = 'member';").replace("REFERENCES client", "")
    sides = Sides(was(BEFORE), now(BEFORE, some))
    (move,) = find(sides)
    assert move.where == "r.kind = 'member'"
    assert count_move(move, sides.before) == 16


def test_a_table_with_other_ids_is_not_the_same_under_another_name(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    assert not is_rename(find(sides), {"public.person": 1}, sides.before, sides.after)


def test_a_table_with_all_rows_and_most_columns_is(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, "DROP TABLE visit; ALTER TABLE person RENAME TO client"))
    moves = find(sides)
    assert is_rename(moves, {"public.person": 1}, sides.before, sides.after)
    # Unless its rows went elsewhere too.
    assert not is_rename(moves, {"public.person": 2}, sides.before, sides.after)


def test_columns_that_a_declaration_would_have_to_say_are_listed(sides: Sides) -> None:
    (move,) = find(sides)
    assert move.list_unexplained(move.target) == []
    move.declared = ("title",)
    assert move.list_unexplained(move.target) == ["mail"]


def test_a_column_that_only_one_source_names_is_not_said_of_the_others(was: Fill, now: Fill) -> None:
    merged = """
        CREATE TABLE client (id text PRIMARY KEY, mail text, remark text);
        INSERT INTO client SELECT 'p' || id, email, NULL FROM person;
        INSERT INTO client SELECT 'v' || id, NULL, note FROM visit;
    """
    sides = Sides(was(BEFORE), now(BEFORE, merged))
    columns = {move.source.title: move.declare().columns for move in find(sides)}
    assert columns == {"person": {"mail": "r.email"}, "visit": {"remark": "r.note"}}


LETTERS = """
    CREATE TABLE mail (id int PRIMARY KEY, message_id text UNIQUE, subject text, body text, sent_at timestamptz);
    INSERT INTO mail
    SELECT g, 'msg-' || md5(g::text), 'Subject ' || g % 3,
           'Dear reader, this is of item no. ' || {mail} || ' of yours.',
           timestamptz '2024-01-01 UTC' + g * interval '1 hour'
    FROM generate_series(1, {mails}) g;
    CREATE TABLE letter (id int PRIMARY KEY, tracking_no text UNIQUE, heading text, body text, posted_at timestamptz);
    INSERT INTO letter
    SELECT g, 'RM' || lpad((g * 613)::text, 9, '0') || 'GB', 'Heading ' || g % 2,
           'Dear reader, return item no. ' || {letter} || ' or pay.',
           timestamptz '2025-01-01 UTC' + g * interval '1 hour'
    FROM generate_series(1, {letters}) g;
"""
NOTICE = """
    CREATE TABLE notice (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, reference text NOT NULL, subject text,
        body text, sent_at timestamptz, UNIQUE (kind, reference)
    );
    INSERT INTO notice (kind, reference, subject, body, sent_at)
    SELECT * FROM (
        SELECT 'mail', message_id, subject, body, sent_at FROM mail
        UNION ALL SELECT 'letter', tracking_no, heading, body, posted_at FROM letter) m
    ORDER BY md5(message_id);
    DROP TABLE mail, letter;
"""


def find_notices(sides: Sides) -> list[Move]:
    notice, tables = sides.after.tables["public", "notice"], sides.before.tables
    sources = [[tables["public", "letter"], tables["public", "mail"]]]
    return MoveFinder(sides.before, sides.after, sides.finder).find(notice, sample(sides.after, notice), sources)


@pytest.mark.parametrize(
    ("mails", "letters", "mail", "letter"),
    [
        pytest.param(65, 42, "g * 17 % 38", "g * 17 % 9", id="the second is smaller"),
        pytest.param(42, 65, "g * 17 % 38", "g * 17 % 9", id="the first is smaller"),
        pytest.param(65, 42, "g", "g", id="texts that hold the ids"),
        pytest.param(100, 12, "g", "g", id="a few rows"),
    ],
)
def test_both_tables_that_became_one_are_found_by_their_own_keys(
    was: Fill, now: Fill, mails: int, letters: int, mail: str, letter: str
) -> None:
    world = LETTERS.format(mails=mails, letters=letters, mail=mail, letter=letter)
    sides = Sides(was(world), now(world, NOTICE))
    found = {move.source.title: move.declare() for move in find_notices(sides)}
    assert {name: move.key for name, move in found.items()} == {
        "mail": {"reference": "r.message_id"},
        "letter": {"reference": "r.tracking_no"},
    }
    assert found["letter"].columns == {
        "kind": "'letter'",
        "subject": "r.heading",
        "body": "r.body",
        "sent_at": "r.posted_at",
    }


def test_a_column_that_is_not_declared_says_which_other_table_is_in_the_way(was: Fill, now: Fill) -> None:
    world = LETTERS.format(mails=65, letters=42, mail="g * 17 % 38", letter="g * 17 % 9")
    sides = Sides(was(world), now(world, NOTICE.replace("heading, body,", "heading, md5(body || id),")))
    told = {move.source.title: move.withheld for move in find_notices(sides)}
    assert told["letter"] == {}
    assert told["mail"] == {
        "body": "but what the rows of letter hold in it is not said: not compared; to have it compared, "
        'add body = "r.body" here, and there what it holds'
    }
