"""A deployment plan is read from its file, or refused in a line."""

import re
from pathlib import Path

import pytest

from postmigration.deployment.plan_file import read_deployment, refuse_unclear
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Criterion

WINDOW = "[window]\nbegins = 2026-11-28T20:00:00Z\nends = 2026-11-28T{}:00:00Z\n"


def test_a_file_holds_points_and_the_window(tmp_path: Path) -> None:
    path = tmp_path / "deployment.toml"
    path.write_text(WINDOW.format(23) + '[[item]]\nsection = "Before"\ntext = "No row is lost."\ndecided_by = [1, 2]\n')
    file = read_deployment(path)
    assert file.window is not None
    assert file.window.ends.hour == 23
    assert [(item.section, item.text, list(item.decided_by)) for item in file.item] == [
        ("Before", "No row is lost.", [1, 2])
    ]


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    file = read_deployment(tmp_path / "deployment.toml")
    assert (file.window, list(file.item)) == (None, [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[item", "deployment.toml is not TOML: "),
        ('title = "x"', "deployment.toml: contains unknown field `title`"),
        ('[[item]]\nsection = "A"', "deployment.toml: missing required field `text` - at `$.item[0]`"),
        (
            WINDOW.format(20),
            "deployment.toml: [window] ends at 2026-11-28 20:00:00+00:00, which is not after it begins",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "deployment.toml"
    path.write_text(text)
    with pytest.raises(CannotJudge, match=re.escape(reason)) as error:
        read_deployment(path)
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match="cannot be read: Is a directory"):
        read_deployment(tmp_path)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], r"^p has no plan: there is nothing to judge \(postmigration init writes a deployment\.toml\)$"),
        ([Criterion("A", "One."), Criterion("B", "One.")], r"^p: 2 points of the plan have the id one: want one each$"),
        ([Criterion("A", " ", id="a")], r"^p: a lacks its section or its text$"),
        ([Criterion("A", "One.", hours=(2, 1))], r"^p: one: hours = \[2, 1\]: want the least before the most$"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_in_a_line(items: list[Criterion], reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason):
        refuse_unclear(items, "p")
