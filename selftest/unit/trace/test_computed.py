"""Rows that were made of a column of several values, or of what rows of before have in common, are found."""

import pytest

from postmigration.model.changes import Change, MovedRows, NewIds, describe_change
from postmigration.trace.computed import Computed, ComputedFinder, compute
from postmigration.trace.tracing import trace
from selftest.unit.trace.worlds import Sides, sample
from selftest.unit.uncommitted import Fill

SONGS = """
    CREATE TABLE song (id int PRIMARY KEY, title text NOT NULL, moods {type});
    INSERT INTO song SELECT g, 'Song ' || g * 7, CASE WHEN g % 5 > 0 THEN {moods} END FROM generate_series(1, 40) g;
"""
WORDS = "(ARRAY['calm', 'loud', 'slow', 'warm'])[1 + g % 4] || CASE WHEN g % 3 > 0 THEN '{0}' || 'odd' ELSE '' END"
MOODS = """
    CREATE TABLE mood (id int GENERATED ALWAYS AS IDENTITY (START 70) PRIMARY KEY, name text NOT NULL UNIQUE);
    INSERT INTO mood (name) SELECT DISTINCT {parts} FROM song ORDER BY 1 DESC;
    CREATE TABLE song_mood (song int REFERENCES song, mood int REFERENCES mood, PRIMARY KEY (song, mood));
    INSERT INTO song_mood SELECT s.id, m.id FROM (SELECT id, {parts} AS name FROM song) s JOIN mood m USING (name);
    ALTER TABLE song DROP moods;
"""
LETTERS = """
    CREATE TABLE person (id int PRIMARY KEY);
    INSERT INTO person SELECT generate_series(1, 30);
    CREATE TABLE note (id int PRIMARY KEY, sender int REFERENCES person, reader int REFERENCES person, body text);
    INSERT INTO note SELECT g, 1 + g * 7 % 13, 14 + g * g % 9, 'Text ' || g * 3 FROM generate_series(1, 60) g;
    INSERT INTO note SELECT g, 14 + g * g % 9, 1 + g * 7 % 13, 'Text ' || g * 3 FROM generate_series(61, 90) g;
"""
TALKS = """
    CREATE TABLE talk (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, one int REFERENCES person,
                       other int REFERENCES person, UNIQUE (one, other));
    INSERT INTO talk (one, other)
    SELECT DISTINCT least(sender, reader), greatest(sender, reader) FROM note ORDER BY 2, 1 DESC;
    CREATE TABLE message (id int PRIMARY KEY, talk int NOT NULL REFERENCES talk, writer int NOT NULL, body text);
    INSERT INTO message
    SELECT n.id, t.id, n.sender, n.body
    FROM note n JOIN talk t ON t.one = least(n.sender, n.reader) AND t.other = greatest(n.sender, n.reader);
    DROP TABLE note;
"""


def songs(type_: str, moods: str) -> str:
    return SONGS.replace("{type}", type_).replace("{moods}", moods)


def list_moves(changes: list[Change]) -> dict[str, MovedRows]:
    return {change.to: change for change in changes if isinstance(change, MovedRows)}


@pytest.mark.parametrize(
    ("before", "parts", "found"),
    [
        (songs("text", WORDS.replace("{0}", ",")), "string_to_array(moods, ',')", "string_to_array(r.moods, ',')"),
        (songs("text", WORDS.replace("{0}", "; ")), "string_to_array(moods, '; ')", "btrim"),
        (songs("text[]", f"string_to_array({WORDS.replace('{0}', '|')}, '|')"), "moods", "unnest(r.moods)"),
        (
            songs("jsonb", f"to_jsonb(string_to_array({WORDS.replace('{0}', '|')}, '|'))"),
            "",
            "jsonb_array_elements_text(r.moods)",
        ),
    ],
    ids=["comma", "semicolon and blank", "array", "JSON"],
)
def test_the_values_of_one_column_became_rows(was: Fill, now: Fill, before: str, parts: str, found: str) -> None:
    each = f"unnest({parts})" if parts else "jsonb_array_elements_text(moods)"
    traced = trace(was(before), now(before, MOODS.replace("{parts}", each)), ["public"])
    moves = list_moves(traced.changes)
    assert found in moves["mood"].key["name"]
    assert moves["mood"].merged
    assert moves["song_mood"].key == {"mood": moves["mood"].key["name"], "song": "r.id"}
    assert NewIds(table="mood", column="id", by=("name",)) in traced.changes
    assert [words for one in traced.found for words in one.misfits] == []


def test_rows_that_have_two_people_in_common_became_one(was: Fill, now: Fill) -> None:
    traced = trace(was(LETTERS), now(LETTERS, TALKS), ["public"])
    move = list_moves(traced.changes)["talk"]
    assert move.key == {"one": "least(r.sender, r.reader)", "other": "greatest(r.sender, r.reader)"}
    assert move.merged
    value = "jsonb_build_array(least(r.sender, r.reader)::text, greatest(r.sender, r.reader)::text)::text"
    assert value in str(traced.changes)
    assert [words for one in traced.found for words in one.misfits] == []


def test_a_lost_part_is_told(was: Fill, now: Fill) -> None:
    before = songs("text", WORDS.replace("{0}", ","))
    after = MOODS.replace("{parts}", "unnest(string_to_array(moods, ','))")
    lost = "DELETE FROM song_mood WHERE song = 4"
    traced = trace(was(before), now(before, after, lost), ["public"])
    assert "moved_rows song to song_mood" in map(describe_change, traced.changes)
    assert [words for one in traced.found for words in one.misfits] == ["2 of 53 rows are lost"]


def test_prose_with_commas_is_no_list(was: Fill, now: Fill) -> None:
    before = songs("text", "'First, ' || g || ', and then ' || g * 3")
    words = "CREATE TABLE word (id int PRIMARY KEY, name text); INSERT INTO word VALUES (1, 'x'), (2, 'y'), (3, 'z')"
    sides = Sides(was(before), now(before, words))
    source, target = sides.before.tables["public", "song"], sides.after.tables["public", "word"]
    rows = sample(sides.after, target)
    assert list(ComputedFinder(sides.before, sides.finder).find(source, target, rows)) == []


def test_a_computed_column_is_written_over_the_table(was: Fill, now: Fill) -> None:
    sides = Sides(was(LETTERS), now(LETTERS))
    source = sides.before.tables["public", "note"]
    table = compute(source, {"who": ("{row}.sender + 1", "integer")}, divides=False)
    assert isinstance(table, Computed)
    assert table.write("r.who || r.body") == "r.sender + 1 || r.body"
    assert sides.before.count(table, "r.who > 13") == sides.before.count(source, "r.sender > 12")


def test_links_of_many_rows_are_found(was: Fill, now: Fill) -> None:
    before = songs("text", WORDS.replace("{0}", ",")).replace("(1, 40)", "(1, 900)")
    traced = trace(
        was(before), now(before, MOODS.replace("{parts}", "unnest(string_to_array(moods, ','))")), ["public"]
    )
    assert list_moves(traced.changes).keys() == {"mood", "song_mood"}
    assert [words for one in traced.found for words in one.misfits] == []


def test_what_a_part_decides_by_cases_is_not_compared_and_the_rest_is(was: Fill, now: Fill) -> None:
    before = songs("text", WORDS.replace("{0}", ","))
    after = """
        CREATE TABLE song_mood (song int, name text, kind text NOT NULL, shown text, PRIMARY KEY (song, name));
        INSERT INTO song_mood
        SELECT s.id, m, CASE WHEN m IN ('calm', 'slow') THEN 'soft' ELSE 'hard' END, upper(m)
        FROM song s, unnest(string_to_array(moods, ',')) m;
        ALTER TABLE song DROP moods;
    """
    traced = trace(was(before), now(before, after), ["public"])
    # The server refuses a CASE over several values.
    assert list_moves(traced.changes)["song_mood"].columns == {
        "shown": "upper(unnest(string_to_array(r.moods, ',')))",
    }
    assert [words for one in traced.found for words in one.misfits] == []


def test_numbers_of_a_list_are_no_rows_of_any_table_with_such_ids(was: Fill, now: Fill) -> None:
    before = songs("int[]", "ARRAY[1 + g % 20, 1 + g * 7 % 20]")
    after = """
        CREATE TABLE setting (id int PRIMARY KEY, label text);
        INSERT INTO setting SELECT g, md5(g::text) FROM generate_series(1, 25) g;
        ALTER TABLE song DROP moods;
    """
    traced = trace(was(before), now(before, after), ["public"])
    assert list_moves(traced.changes) == {}
    assert [words for one in traced.found for words in one.misfits] == []


def test_what_refers_to_rows_of_a_divided_column_by_new_ids_is_traced(was: Fill, now: Fill) -> None:
    vote = """
        CREATE TABLE vote (id int PRIMARY KEY, song int REFERENCES song, mood text);
        INSERT INTO vote SELECT id, id, split_part(moods, ',', 1) FROM song WHERE moods IS NOT NULL;
    """
    after = """
        CREATE TABLE song_mood (id int GENERATED ALWAYS AS IDENTITY (START 70) PRIMARY KEY, song int NOT NULL,
                                name text NOT NULL, UNIQUE (song, name));
        INSERT INTO song_mood (song, name) SELECT id, unnest(string_to_array(moods, ',')) FROM song;
        ALTER TABLE vote ADD song_mood int REFERENCES song_mood;
        UPDATE vote v SET song_mood = m.id FROM song_mood m WHERE m.song = v.song AND m.name = v.mood;
        ALTER TABLE vote DROP mood;
        ALTER TABLE song DROP moods;
    """
    before = songs("text", WORDS.replace("{0}", ",")) + vote
    traced = trace(was(before), now(before, after), ["public"])
    assert NewIds(table="song_mood", column="id", by=("name", "song")) in traced.changes
    assert [words for one in traced.found for words in one.misfits] == []
