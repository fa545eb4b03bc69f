"""What the values of a column follow from, and how that is written."""

import pytest

from postmigration.trace.values.explanation import Explanation, can_be_key, is_code, split_number, write_literal


def test_an_explanation_of_no_row_has_no_share() -> None:
    empty = Explanation("NULL", "", 0, 0)
    assert (empty.share, empty.is_likely) == (0, False)


def test_a_text_is_written_as_sql() -> None:
    assert [write_literal(text) for text in ("it's", None)] == ["'it''s'", "NULL"]


def test_long_and_different_texts_are_codes() -> None:
    assert is_code([f"8c2f-77aa-{n:04}" for n in range(3)])
    assert not is_code(["8c2f-77aa-0001"] * 3)
    assert not is_code(["a", "b", "c"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [("cl_17x", ("cl_", "17", "x")), ("5", ("", "5", "")), ("a007", ("a00", "7", "")), ("none", None)],
)
def test_a_text_is_split_around_its_number(text: str, parts: tuple[str, str, str] | None) -> None:
    assert split_number(text) == parts


def test_rows_are_told_apart_by_whole_numbers_and_texts() -> None:
    types = ("integer", "uuid", "text", "numeric", "double precision", "date")
    assert [root for root in types if can_be_key(root)] == ["integer", "uuid", "text", "numeric"]
