import pytest

from postmigration.diff.objects.spelling import excerpt, normalize, same_text, words_of


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("(a)::text = 'x'::character varying(20)", "a = 'x'"),
        ("((a > 0))", "(a > 0)"),
        ("ANY ((ARRAY['a'::varchar])::text[])", "ANY ARRAY['a']"),
        ("a   >\n 0", "a > 0"),
        ("(a > 0) AND (b)", "(a > 0) AND b"),
        ("f(a)", "f(a)"),
    ],
)
def test_casts_between_texts_and_needless_parentheses_say_nothing(text: str, normal: str) -> None:
    assert normalize(text) == normal


@pytest.mark.parametrize(
    ("was", "now", "alike", "same"),
    [
        ("a = 'x'::text", "(a)::text = 'x'", True, True),
        ("a > 0", "a > 1", True, False),
        # Two versions of the server may qualify names and order conditions otherwise.
        ("SELECT s.a FROM s", "SELECT a FROM s", False, True),
        ("SELECT s.a FROM s", "SELECT a FROM s", True, False),
        ("SELECT a FROM s", "SELECT b FROM s", False, False),
    ],
)
def test_the_same_expression_may_be_written_otherwise(was: str, now: str, alike: bool, same: bool) -> None:
    assert same_text(was, now, alike=alike) is same


def test_words_have_an_order_of_their_own() -> None:
    assert words_of("b.x = 'c d' AND a") == words_of("a AND x = 'c d'")
    assert words_of("x = 'c d'") == ["'c d'", "=", "x"]


def test_an_excerpt_shows_where_texts_differ() -> None:
    assert excerpt("a  b", "a\nc") == ("a b", "a c")
    long = "x" * 200
    was, now = excerpt(f"{long}1{long}", f"{long}2{long}", room=30)
    assert (was[0], was[-1], len(was)) == ("…", "…", 42)
    assert (was[11], now[11]) == ("1", "2")
