"""What the text of a function tells: whether it runs a statement that it is given."""

import pytest

from postmigration.access.dynamic_sql import runs_text, strip_comments

RUNS = {
    "the argument": "BEGIN EXECUTE statement; END",
    "by its number": "BEGIN EXECUTE 'SELECT ' || $1; END",
    "in other letters": "begin execute 'SELECT 1 FROM ' || STATEMENT; end",
    "format as it is": "BEGIN RETURN QUERY EXECUTE format('SELECT * FROM %I WHERE %s', 't', statement); END",
    "format by position": "BEGIN EXECUTE format('SELECT %2$L, %1$s', statement, 'x'); END",
    "a template that is given": "BEGIN EXECUTE format(statement, 'x'); END",
    "a loop": "BEGIN FOR r IN EXECUTE concat('SELECT ', statement) LOOP NULL; END LOOP; END",
    "a variable": "DECLARE q text; BEGIN q := 'SELECT '; q := q || statement; EXECUTE q; END",
    "a declaration": "DECLARE q text := 'SELECT ' || statement; BEGIN EXECUTE q INTO n USING 1; END",
    "in a branch": "DECLARE q text; BEGIN IF true THEN q = statement; END IF; EXECUTE q; END",
    "selected": "DECLARE q text; BEGIN SELECT 'x' || statement INTO q; EXECUTE q; END",
    "dollars": "BEGIN EXECUTE $q$ SELECT ';' $q$ || statement; END",
    "a query as XML": "SELECT query_to_xml(statement, true, false, '')",
}
RUNS_NOT = {
    "nothing": "BEGIN RETURN statement; END",
    "a value": "BEGIN EXECUTE 'SELECT $1' INTO n USING statement; END",
    "quoted": "BEGIN EXECUTE 'SELECT ' || quote_literal(statement) || ' FROM ' || quote_ident(lower(statement)); END",
    "format quoted": "BEGIN EXECUTE format('SELECT %L FROM %1$I -- %s', statement, 'x', n); END",
    "a constant": "BEGIN EXECUTE format('SELECT %s', 'statement'); END",
    "cast": "BEGIN EXECUTE 'SELECT ' || statement::regclass; END",
    "a comment": "BEGIN /* EXECUTE statement; */ NULL; -- EXECUTE statement;\nEND",
    "in a text": "BEGIN RAISE NOTICE 'EXECUTE statement;'; END",
    "another variable": "DECLARE q text := 'SELECT 1'; o text := statement; BEGIN EXECUTE q; END",
}


@pytest.mark.parametrize("text", RUNS.values(), ids=list(RUNS))
def test_a_text_that_is_run_is_seen(text: str) -> None:
    assert runs_text(text, ["statement", "$1"])


@pytest.mark.parametrize("text", RUNS_NOT.values(), ids=list(RUNS_NOT))
def test_what_is_quoted_is_not_run(text: str) -> None:
    assert not runs_text(text, ["statement", "$1"])


def test_comments_are_left_out_and_texts_are_kept() -> None:
    assert strip_comments("a /* b */ '-- c' -- d") == "a   '-- c'  "
