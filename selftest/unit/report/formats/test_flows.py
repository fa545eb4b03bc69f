"""Where tables and columns went is drawn as lines between what there was and what there is."""

import pytest

from postmigration.report.formats.flows import ROW, Flow, draw

WHOLE = Flow(("people",), "persons", "moved", 1_200, 1_200)
PART = Flow(("people", "firms"), "parties", "merged", 8, 10, "2 are nowhere")
GONE = Flow(("logs",), "", "gone")
NEW = Flow((), "notes")


@pytest.mark.parametrize(
    ("flow", "kind", "figures", "words"),
    [
        (WHOLE, "whole", "all 1,200", "people to persons: moved; all 1,200 rows"),
        (PART, "part", "8 of 10", "people, firms to parties: merged; 8 of 10 rows; 2 are nowhere"),
        (GONE, "open", "", "logs to nowhere: gone"),
        (NEW, "open", "", "nothing of before to notes: not counted"),
        (Flow(("a",), "b", "", 1, 1), "whole", "1 of 1", "a to b: 1 of 1 rows"),
        (Flow(("a",), "b", "", 3, 3, "odd"), "part", "all 3", "a to b: all 3 rows; odd"),
    ],
)
def test_a_flow_says_how_many_rows_fit(flow: Flow, kind: str, figures: str, words: str) -> None:
    assert (flow.kind, flow.figures, flow.words) == (kind, figures, words)


def test_names_stand_on_both_sides_and_lines_between() -> None:
    chart = draw("tables", [PART, WHOLE, GONE, NEW], "sampled")
    assert (chart.title, chart.note, chart.bad) == ("tables", "sampled", True)
    assert [label.name for label in chart.lefts] == ["people", "firms", "logs"]
    assert [label.name for label in chart.rights] == ["parties", "persons", "notes"]
    assert [(label.lone, label.note) for label in chart.lefts] == [(False, ""), (False, ""), (True, "gone")]
    assert [(label.bad, label.lone) for label in chart.rights] == [(True, False), (False, False), (False, True)]
    assert chart.rights[0].note == "8 of 10 · 2 are nowhere · merged"
    # What does not fit is drawn above the others.
    assert [(line.kind, line.width) for line in chart.lines] == [("whole", 3.0), ("part", 1.6), ("part", 1.6)]
    assert chart.lines[0].path == "M214 19C322 19 322 57 430 57"
    assert chart.height == 3 * ROW


def test_long_names_are_cut_and_told_in_full() -> None:
    (label,) = draw("tables", [Flow(("x" * 90,), "y", "", 1, 1)]).lefts
    assert label.name == "x" * 27 + "…"
    assert label.full.startswith("x" * 90)


def test_of_very_many_the_first_are_drawn() -> None:
    chart = draw("tables", [Flow((f"a{n}",), f"b{n}", "", 1, 1) for n in range(200)])
    assert (len(chart.flows), len(chart.lines), chart.bad) == (200, 80, False)
