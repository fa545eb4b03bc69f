"""The verdict on a fleet, and the lines of the terminal about its databases and their causes."""

import pytest

from postmigration.fleet.common_causes import find_common
from postmigration.fleet.outcome import Outcome
from postmigration.fleet.telling import conclude_fleet, describe_causes, describe_outcome, mark, name_some
from selftest.fleet.conftest import outcome

GO, NO_GO, ERROR, BROKEN = outcome("a"), outcome("b", 1), outcome("c", 4), outcome("d", 3)
ALLOWED = outcome("e", 0, word="PARTIAL")


@pytest.mark.parametrize(
    ("outcomes", "total", "line", "status"),
    [
        ([GO], 1, "GO: 1 of 1 databases GO, shops", 0),
        (
            [GO, NO_GO, BROKEN, ERROR],
            4,
            "NO-GO: 1 of 4 databases NO-GO: b; 1 of 4 databases could not be judged: c; ",
            1,
        ),
        ([GO, ERROR, BROKEN], 3, "ERROR: ", 3),
        ([GO, ERROR], 2, "PARTIAL: 1 of 2 databases could not be judged: c; 1 of 2 databases GO, shops", 4),
        ([GO], 2, "PARTIAL: 1 of 2 databases not come to, 1 of 2 databases GO", 4),
        ([GO, ALLOWED], 2, "PARTIAL: 1 of 2 databases judged in part: e; 1 of 2 databases GO", 0),
    ],
)
def test_the_verdict_is_the_worst(outcomes: list[Outcome], total: int, line: str, status: int) -> None:
    verdict = conclude_fleet(outcomes, total, "shops", earlier=(), finished=True)
    assert verdict.line.startswith(line)
    assert verdict.status == status
    assert verdict.go is (line.startswith("GO"))
    unfinished = conclude_fleet(outcomes, total, "shops", earlier=(), finished=False)
    assert (unfinished.word, unfinished.status) == ("INTERRUPTED", 2)


def test_what_was_not_judged_again_is_said() -> None:
    line = conclude_fleet([GO], 1, "shops", earlier=[GO], finished=True).line
    assert line == (
        "GO: 1 of 1 databases GO, 1 judged by the run that this one continues, from 2026-11-02T12:00:00+00:00 on, shops"
    )


def test_the_end_is_short_however_many_causes_there_are() -> None:
    outcomes = [outcome(f"shop_{n}", 1, *(f"Table t_{m} is gone." for m in range(30))) for n in range(500)]
    lines = describe_causes(find_common(outcomes), 500)
    assert len(lines) <= 14
    assert lines[1] == "500 of 500: Table t_0 is gone. (shop_0, shop_1, shop_2, shop_3, shop_4 and 495 more)"
    assert lines[-1] == "and 22 more, which the report lists"
    assert describe_causes([], 3) == []


def test_a_line_of_a_database_is_one_line() -> None:
    line = describe_outcome(outcome("a\x1b[31m", 1, "gone\n\u202e" + "x" * 900, "y"), 7, 60)
    assert line.startswith(" 7/60 ✘ a\\x1b[31m NO-GO, 2 s: gone ")
    assert line.endswith(" … (and 1 more)")
    assert line.isprintable()


def test_each_outcome_has_its_sign() -> None:
    assert [mark(each) for each in (GO, NO_GO, ERROR, BROKEN, ALLOWED)] == ["✔", "✘", "○", "○", "○"]


def test_the_first_five_are_named() -> None:
    assert name_some([GO, "x\n"]) == "a, x\\n"
    assert name_some(map(str, range(1_205))) == "0, 1, 2, 3, 4 and 1,200 more"
