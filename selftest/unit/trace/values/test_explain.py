"""How the values of a column follow from rows of before, as pairs of rows show it."""

from collections.abc import Callable
from typing import Any

import pytest

from postmigration.trace.values.explain import explain
from selftest.unit.trace.columns import column, made

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


def test_functions_of_texts_are_given_a_text() -> None:
    pairs = [({"state": text}, {"state": text.upper()}) for text in ("open", "shut", "lost") * 4]
    found = explain(pairs, [made("state", "enum")], column("state"))
    assert found is not None
    assert found.sql == "upper(r.state::text)"
