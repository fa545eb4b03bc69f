"""How the values of a column follow from rows of before, as pairs of rows show it."""

from collections.abc import Callable
from typing import Any

import pytest

from postmigration.checks.contents.tables import Column
from postmigration.trace.reading import Field, own_field
from postmigration.trace.values import (
    Explanation,
    can_be_key,
    explain,
    is_code,
    scale_rule,
    split_number,
    write_cases,
    write_literal,
)


def column(name: str, root: str = "text") -> Column:
    return Column(name, root, False, "", root, root, 1)


def made(name: str, root: str = "text") -> Field:
    return own_field(column(name, root))


OLD = [
    {
        "id": str(n),
        "name": f"{chr(65 + n)} person {n * 37}",
        "kind": "ab"[n % 2],
        "price": f"{n * 3 + 1}",
        "note": None if n % 4 else "x",
    }
    for n in range(20)
]
FIELDS = [made("id", "integer"), made("name"), made("kind"), made("price", "integer"), made("note")]


@pytest.mark.parametrize(
    ("root", "new", "sql", "words"),
    [
        ("text", lambda row: row["name"], "r.name", "name"),
        ("text", lambda row: row["name"].lower(), "lower(r.name)", "name in lower case"),
        ("text", lambda row: f"p-{row['id']}", "'p-' || r.id", "id behind 'p-'"),
        ("integer", lambda row: str(int(row["price"]) * 100), "r.price * 100", "price times 100"),
        ("text", lambda row: row["note"] or "none", "coalesce(r.note, 'none')", "note, 'none' where it is NULL"),
        (
            "text",
            lambda row: f"{row['name']}/{row['id']}",
            "r.name || '/' || r.id",
            "name and id, '/' between them",
        ),
        (
            "text",
            lambda row: {"a": "first", "b": "second"}[row["kind"]],
            "CASE WHEN r.kind = 'a' THEN 'first' WHEN r.kind = 'b' THEN 'second' END",
            "kind, one value for each of its 2",
        ),
        ("text", lambda _: "new", "'new'", "always 'new'"),
        ("text", lambda _: None, "NULL", "always NULL"),
    ],
    ids=["same", "case", "prefix", "scale", "coalesce", "two", "cases", "constant", "null"],
)
def test_values_follow_from_those_of_before(root: str, new: Callable[[Any], str | None], sql: str, words: str) -> None:
    found = explain([(row, {"to": new(row)}) for row in OLD], FIELDS, column("to", root))
    assert found is not None
    assert (found.sql, found.words, found.share) == (sql, words, 1)


def test_what_holds_for_most_rows_is_likely() -> None:
    pairs = [(row, {"to": row["name"] if n > 4 else f"other {n}"}) for n, row in enumerate(OLD)]
    found = explain(pairs, FIELDS, column("to"))
    assert found is not None
    assert (found.sql, found.fits, found.of, found.is_likely) == ("r.name", 15, 20, True)


def test_values_that_were_cut_are_damaged() -> None:
    found = explain([(row, {"name": str(row["name"])[:5]}) for row in OLD], FIELDS, column("name"))
    assert found is not None
    # None fits, and they follow from it all the same.
    assert (found.sql, found.fits, found.damaged, found.is_likely) == ("r.name", 0, True, True)


@pytest.mark.parametrize("new", [lambda n: f"{n * 7919 % 101:x}", lambda n: "z" if n < 10 else None])
def test_nothing_is_guessed(new: Callable[[int], str | None]) -> None:
    assert explain([(row, {"to": new(n)}) for n, row in enumerate(OLD)], FIELDS, column("to")) is None
    assert explain([], FIELDS, column("to")) is None


def test_an_explanation_of_no_row_has_no_share() -> None:
    empty = Explanation("NULL", "", 0, 0)
    assert (empty.share, empty.is_likely) == (0, False)


def test_a_text_is_written_as_sql() -> None:
    assert [write_literal(text) for text in ("it's", None)] == ["'it''s'", "NULL"]


@pytest.mark.parametrize(
    ("power", "sql", "words", "text"),
    [(2, "r.price * 100", " times 100", "1250"), (-3, "r.price / 1000.0", " / 1,000", "0.0125")],
)
def test_a_number_is_scaled(power: int, sql: str, words: str, text: str) -> None:
    rule = scale_rule(made("price", "numeric"), power)
    assert (rule.sql, rule.words, rule.apply("12.5"), rule.apply(None)) == (sql, words, text, None)


@pytest.mark.parametrize(
    ("root", "target", "chosen", "sql"),
    [
        ("boolean", "text", {"t": "yes", "f": "no"}, "CASE WHEN r.on THEN 'yes' ELSE 'no' END"),
        ("integer", "boolean", {"1": "t", "2": "f"}, "CASE WHEN r.on = 1 THEN true WHEN r.on = 2 THEN false END"),
        ("text", "integer", {None: "0", "a": "1"}, "CASE WHEN r.on IS NULL THEN 0 WHEN r.on = 'a' THEN 1 END"),
    ],
)
def test_cases_are_written_as_sql(root: str, target: str, chosen: dict[str | None, str], sql: str) -> None:
    assert write_cases(Field("on", "r.on", "r.on", "", root), target, chosen) == sql


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


def test_functions_of_texts_are_given_a_text() -> None:
    pairs = [({"state": text}, {"state": text.upper()}) for text in ("open", "shut", "lost") * 4]
    found = explain(pairs, [made("state", "enum")], column("state"))
    assert found is not None
    assert found.sql == "upper(r.state::text)"
