"""Values that follow from two columns: what two numbers come to."""

from collections.abc import Callable

import pytest

from postmigration.trace.values.explain import explain
from selftest.unit.trace.columns import column, made

Result = Callable[[float, float], float]

FIELDS = (made("net", "numeric"), made("tax", "numeric"), made("n", "integer"), made("k", "integer"))
OLD = [
    {
        "net": f"{row * 37 % 101}.{row % 10}0",
        "tax": None if row == 7 else f"{row * 11 % 13}.05",
        "n": str(row * 7 % 19),
        "k": str(row * 5 % 23),
    }
    for row in range(30)
]


def _come_to(row: dict[str, str | None], result: Result, first: str, second: str) -> str | None:
    a, b = row[first], row[second]
    return None if a is None or b is None else f"{result(float(a), float(b)):.3f}"


@pytest.mark.parametrize(
    ("first", "second", "root", "result", "sql", "words"),
    [
        ("net", "tax", "numeric", float.__add__, "r.net + r.tax", "net plus tax"),
        ("net", "tax", "numeric", float.__sub__, "r.net - r.tax", "net minus tax"),
        ("tax", "net", "numeric", float.__sub__, "r.tax - r.net", "tax minus net"),
        ("net", "n", "numeric", float.__mul__, "r.net * r.n", "net times n"),
        # Two of 32 bits may come to more.
        ("n", "k", "bigint", float.__mul__, "r.n::bigint * r.k", "n times k"),
    ],
)
def test_a_number_is_what_two_come_to(first: str, second: str, root: str, result: Result, sql: str, words: str) -> None:
    pairs = [(row, {"to": _come_to(row, result, first, second)}) for row in OLD]
    found = explain(pairs, FIELDS, column("to", root))
    assert found is not None
    assert (found.sql, found.words, found.share) == (sql, words, 1)


def test_of_few_rows_no_sum_is_believed() -> None:
    pairs = [(row, {"to": _come_to(row, float.__add__, "net", "tax")}) for row in OLD[:5]]
    assert explain(pairs, FIELDS, column("to", "numeric")) is None


def test_a_column_explains_alone_what_the_other_adds_nothing_to() -> None:
    pairs = [({"net": row["net"], "tax": "0" if at else "1"}, {"to": row["net"]}) for at, row in enumerate(OLD)]
    found = explain(pairs, FIELDS[:2], column("to", "numeric"))
    assert found is not None
    assert found.sql == "r.net"


def test_a_sum_that_most_rows_hold_is_likely() -> None:
    pairs = [
        (row, {"to": _come_to(row, float.__add__, "net", "tax") if at > 5 else "-1"}) for at, row in enumerate(OLD)
    ]
    found = explain(pairs, FIELDS, column("to", "numeric"))
    assert found is not None
    assert (found.sql, found.is_likely, found.fits, found.of) == ("r.net + r.tax", True, 24, 30)
