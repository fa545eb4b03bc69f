"""Bars and matrices are made of what checks show beside their findings."""

import pytest

from postmigration.model.evidence import Evidence, Overview
from postmigration.report.formats.flows import Flow
from postmigration.report.formats.pictures import WIDTH, Pictures, pictures
from selftest.unit.results import make_result, make_validation


def _draw(*overviews: Overview) -> Pictures:
    return pictures(make_validation([make_result(evidence=Evidence(overviews=list(overviews)))]))


def test_without_anything_to_show_there_is_no_picture() -> None:
    assert not _draw()
    assert not _draw(Overview("others", ("a",), (("1",),)))


def test_tables_that_differ_come_first_and_what_is_wrong_can_be_seen() -> None:
    columns = ("table", "before", "equal", "missing", "changed", "extra")
    rows = (("same", "9", "9", "0", "0", "0"), ("orders", "9,000", "8,999", "1", "0", "0"))
    figures = ((9.0, 9.0, 0.0, 0.0, 0.0), (9_000.0, 8_999.0, 1.0, 0.0, None))
    drawn = _draw(Overview("rows", columns, rows, "parity", figures))
    assert drawn
    assert [(bar.name, bar.bad) for bar in drawn.parity] == [(("orders",), True), (("same",), False)]
    equal, missing, *others = drawn.parity[0].parts
    assert (equal.kind, missing.kind, missing.width) == ("equal", "missing", 4.0)
    assert missing.start + missing.width <= WIDTH
    assert [part.width for part in others] == [0, 0]
    assert drawn.parity[1].numbers == ("9", "9", "0", "0", "0")


@pytest.mark.parametrize(
    ("taken", "kind", "width"),
    [(50.0, "within", 100.0), (150.0, "over", WIDTH), (9_999.0, "over", WIDTH), (0.0, "within", 1)],
)
def test_a_query_is_measured_by_its_budget(taken: float, kind: str, width: float) -> None:
    shown = Overview("time", ("query", "who", "ms"), (("orders", "ann", "50"),), "latency", ((taken, 100.0, 75.0),))
    (bar,) = _draw(shown).latency
    (part,) = bar.parts
    assert part.width == pytest.approx(width)
    assert (str(part.kind), bar.bad) == (kind, kind == "over")
    assert bar.marks == {"budget": pytest.approx(200.0), "before": pytest.approx(150.0)}
    assert (bar.name, bar.numbers) == (("orders", "ann"), ("50",))


def test_who_sees_what_is_a_matrix() -> None:
    columns = ("who", "table", "may", "sees", "wrong")
    rows = (("ann", "orders", "9", "8", "1 hidden"), ("ann", "items", "0", "0", ""), ("bob", "items", "3", "3", ""))
    (matrix,) = _draw(Overview("access", columns, rows, "access", ((8.0,), (0.0,), (3.0,)))).access
    assert matrix.columns == ("orders", "items")
    assert matrix.rows == (
        ("ann", (("8 of 9, 1 hidden", "wrong"), ("0 of 0", "nothing"))),
        ("bob", (("", ""), ("3 of 3", ""))),
    )


def test_who_can_do_what_marks_what_is_wrong() -> None:
    shown = Overview("work", ("who", "read", "save"), (("ann", "yes", "no"),), "work", wrong=((0, 2),))
    (matrix,) = _draw(shown).access
    assert (matrix.title, matrix.columns) == ("work", ("read", "save"))
    assert matrix.rows == (("ann", (("yes", ""), ("no", "wrong"))),)


def test_what_was_not_looked_at_whole_comes_first() -> None:
    rows = (("a", "all rows"), ("b", "none"))
    assert _draw(Overview("what", ("table", "how"), rows, "coverage")).coverage == [("b", "none"), ("a", "all rows")]


def test_rows_of_a_declared_change_that_were_not_compared_one_by_one_are_counted() -> None:
    columns = ("before", "now", "rows", "not so", "how")
    rows = (("a\nb", "c", "2", "", "merged"), ("", "d", "", "", "new"), ("e", "f", "3", "1 is odd", ""))
    shown = Overview("declared", columns, rows, "flows", ((2.0, None), (None, None), (3.0, 2.0)))
    (chart,) = _draw(shown).declared
    assert (chart.title, chart.bad) == ("declared", True)
    assert list(chart.flows) == [
        Flow(("a", "b"), "c", "2 rows · merged"),
        Flow((), "d", "new"),
        Flow(("e",), "f", "", 2, 3, "1 is odd"),
    ]
