"""Names are read from a statement as the server reads them."""

import pytest

from postmigration.checks.scripts.words import KEYWORDS, list_names, split_name, strip_comments, strip_texts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Orders", ["orders"]),
        ('shop."Order ""x"""', ["shop", 'Order "x"']),
        ("ÄPFEL", ["Äpfel"]),
        ("таблица", ["таблица"]),
        ("a" * 70, ["a" * 63]),
        ("→", []),
    ],
)
def test_names_are_split_into_parts(name: str, parts: list[str]) -> None:
    assert split_name(name) == parts


def test_what_stands_before_a_dot_alone_is_no_name() -> None:
    assert list_names("DROP TABLE shop.orders, items") - KEYWORDS == {"orders", "items"}
    assert list_names("SELECT orders.id FROM shop.orders") - KEYWORDS == {"id", "orders"}


def test_comments_and_texts_are_left_out() -> None:
    text = "SELECT '--' AS \"/* a */\", E'it\\'s -- b' -- c\n/* DROP */ FROM t /* never ended"
    bare = strip_comments(text)
    assert bare.split() == ["SELECT", "'--'", "AS", '"/*', "a", '*/",', "E'it\\'s", "--", "b'", "FROM", "t"]
    assert strip_texts(bare).split() == ["SELECT", "''", "AS", '"/*', "a", '*/",', "''", "FROM", "t"]
