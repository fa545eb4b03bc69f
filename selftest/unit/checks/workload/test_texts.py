"""The texts of statements: what is kept, and what is refused."""

from __future__ import annotations

import pytest

from postmigration.checks.workload import texts

TEXTS = {
    "SELECT 1 -- a comment": "SELECT 1",
    "SELECT /* one /* two */ */ $1": "SELECT   $1",
    """SELECT "a--b" FROM "it's" WHERE a = $1;""": """SELECT "a--b" FROM "it's" WHERE a = $1""",
    "SELECT 'constant'": None,
    "SELECT $tag$constant$tag$": None,
    "SELECT E'constant' -- x": None,
    "SELECT $ä$constant$ä$": None,
    "SELECT a FROM b WHERE c = 491701234567": None,
    "SELECT a FROM b WHERE c < 17.5": None,
    "SELECT a_12345, t.b FROM t WHERE c = $12345 AND d > $1 ORDER BY 1": (
        "SELECT a_12345, t.b FROM t WHERE c = $12345 AND d > $1 ORDER BY 1"
    ),
    "SELECT now() - interval $1": "SELECT now() - CAST($1 AS interval)",
    "SELECT INTERVAL $1 day to second, date $2": "SELECT CAST($1 AS INTERVAL), CAST($2 AS date)",
    "SELECT timestamp with time zone $1": "SELECT CAST($1 AS timestamp with time zone)",
    "SELECT extract($1 FROM at)": "SELECT date_part($1, at)",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_kept_without_comments_and_never_with_a_constant(text: str) -> None:
    assert texts.clean(text) == TEXTS[text]


ALONE = {
    "SELECT relname FROM pg_class c, pg_catalog.pg_namespace n": True,
    "SELECT a FROM pg_class c, orders o": False,
    "WITH a AS (SELECT $1 FROM pg_class), b(x) AS (SELECT $2) SELECT FROM a JOIN b ON x": True,
    "SELECT a FROM orders": False,
    "SELECT place_order($1)": False,
    "SELECT pg_catalog.set_config($1, $2)": True,
    "SELECT table_name FROM information_schema.tables": True,
    "DELETE FROM public.pg_old": True,
    "SELECT $1": False,
}


@pytest.mark.parametrize("text", ALONE)
def test_what_asks_the_server_alone_is_told_apart(text: str) -> None:
    assert texts.asks_the_server_alone(text) is ALONE[text]


@pytest.mark.parametrize(
    ("text", "utility"),
    [
        ("SELECT $1", False),
        (" ( VALUES ($1))", False),
        ("with a as (select $1) select * from a", False),
        ("TABLE orders", False),
        ("CREATE ROLE shop PASSWORD 'secret'", True),
        ("BEGIN", True),
        ("selection", True),
    ],
)
def test_what_cannot_be_prepared_is_a_utility_statement(text: str, utility: bool) -> None:
    assert texts.is_utility(text) is utility


def test_statements_of_postmigration_end_with_a_comment_that_has_a_parameter() -> None:
    assert texts.is_ours("SELECT count(*) FROM orders -- $1x")
    assert not texts.is_ours("SELECT count(*) FROM orders WHERE id = $1")
