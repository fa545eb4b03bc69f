import pytest

from postmigration.diff.value_texts import (
    agree,
    describe_damage,
    family,
    find_main_damage,
    is_whole,
    normalize,
    normalize_all,
    write_number,
)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("character varying", "text"),
        ("uuid", "text"),
        ('public."Mood"', "text"),
        ("numeric", "number"),
        ("date", "time"),
        ("bytea", "bytea"),
    ],
)
def test_types_are_of_a_kind(type_: str, kind: str) -> None:
    assert family(type_) == kind


@pytest.mark.parametrize(
    ("old", "new", "can"),
    [
        ("integer", "numeric", True),
        ("date", "text", True),
        ("text", "integer", True),
        ("integer", "date", False),
        ("text", "date", False),
    ],
)
def test_values_of_some_types_can_say_the_same(old: str, new: str, can: bool) -> None:
    assert agree(old, new) is can


def test_whole_numbers_are_those_of_three_types() -> None:
    assert [type_ for type_ in ("smallint", "bigint", "numeric", "real") if is_whole(type_)] == ["smallint", "bigint"]


@pytest.mark.parametrize(
    ("text", "mine", "target", "normal"),
    [
        (None, "text", "integer", None),
        ("t", "boolean", "text", "true"),
        ("42.500", "numeric", "real", "42.5"),
        ("2025-03-30", "date", "timestamp with time zone", "2025-03-30 00:00:00"),
        ("2025-03-30 10:00:00+00", "timestamp with time zone", "date", "2025-03-30 10:00:00"),
        ("0042", "text", "text", "0042"),
    ],
)
def test_a_value_is_compared_as_what_it_must_become(
    text: str | None, mine: str, target: str, normal: str | None
) -> None:
    assert normalize(text, mine, target) == normal


@pytest.mark.parametrize(("text", "short"), [("1e3", "1000"), ("0.0", "0"), ("NaN", "NaN"), ("abc", "abc")])
def test_a_number_is_written_without_zeros_that_say_nothing(text: str, short: str) -> None:
    assert write_number(text) == short


@pytest.mark.parametrize(
    ("was", "now", "type_", "words"),
    [
        ("a", None, "text", "NULL now"),
        ("", None, "text", "NULL now where the text was empty"),
        (None, "", "text", "an empty text where it was NULL"),
        (None, "a", "text", "a value where none was"),
        (" a ", "a", "text", "trimmed"),
        ("a", "", "text", "empty now"),
        ("abcdef", "abcd", "text", "cut at 4 characters"),
        ("Abc", "aBC", "text", "in another case"),
        ("Müller", "MÃ¼ller", "text", "in another encoding"),
        ("Müller", "M?ller", "text", "with characters replaced"),
        ("abc", "xyz", "text", "another value"),
        ("5", "-5", "integer", "with the other sign"),
        ("5", "500", "integer", "multiplied by 100"),
        ("5000", "5", "numeric", "divided by 1,000"),
        ("5.75", "5", "numeric", "without its decimals"),
        ("5.756", "5.76", "numeric", "with 2 decimals"),
        ("NaN", "5", "numeric", "another value"),
        (
            "2025-03-30 10:00:00.5",
            "2025-03-30 10:00:00",
            "timestamp without time zone",
            "without its fraction of a second",
        ),
        (
            "2025-03-30 10:00:00.123456",
            "2025-03-30 10:00:00.123",
            "timestamp without time zone",
            "without its microseconds",
        ),
        (
            "2025-03-30 10:00:00.123456",
            "2025-03-30 10:00:00.123457",
            "timestamp without time zone",
            "off by less than a millisecond",
        ),
        ("2025-03-30 10:30:00", "2025-03-30 00:00:00", "timestamp without time zone", "without its time of day"),
        ("2025-03-30 10:20:00", "2025-03-30 12:20:00", "timestamp without time zone", "shifted by +2 hours"),
        ("2025-03-30", "2027-01-01", "date", "another value"),
        ("2025-03-30 10:20:00+00", "2025-03-30 12:20:00+00", "text", "shifted by +2 hours"),
        ("2025-03-30 10:20:00", "2025-03-30 12:20:00+00", "text", "shifted by +2 hours"),
        ("2025-03-30 10:20:00", "2025-03-30 12:20:00+02", "text", "another value"),
        ("2025-03-30", "2027-01-01", "text", "another value"),
    ],
)
def test_what_became_of_a_value_is_told(was: str | None, now: str | None, type_: str, words: str) -> None:
    assert describe_damage([(was, now)], type_, type_) == f"1 {words}"


def test_the_damage_that_most_values_took_comes_first() -> None:
    pairs = [("a ", "a"), (" b", "b"), ("c", None), ("d", "x")]
    assert describe_damage(pairs, "text", "text") == "2 trimmed, 1 NULL now, 1 another value"
    assert find_main_damage(pairs, "text", "text") == ("trimmed", 2)
    # That a value is another one, or none, explains nothing.
    assert find_main_damage(pairs[2:], "text", "text") == ("", 0)


@pytest.mark.parametrize(
    ("texts", "types"),
    [
        (["t", None], ("boolean", "text")),
        (["1.50", None, "x"], ("numeric", "integer")),
        (["2024-01-05", None], ("date", "timestamp without time zone")),
        (["a", None], ("text", "character varying")),
    ],
)
def test_values_are_written_together_as_each_alone(texts: list[str | None], types: tuple[str, str]) -> None:
    assert normalize_all(texts, *types) == [normalize(text, *types) for text in texts]
