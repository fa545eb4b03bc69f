"""How checks judge: what the user chose, and which waivers still count."""

import datetime

import pytest

from postmigration.model import settings
from postmigration.model.settings import Options, today
from postmigration.model.waivers import Waiver


def test_by_default_nothing_is_left_out_or_accepted() -> None:
    options = Options()
    assert (options.read_only, options.allow_empty, options.show_values, options.cutover) == (
        False,
        False,
        False,
        "infinity",
    )
    assert options.accepted == []


def test_waivers_count_until_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    day = datetime.date(2025, 6, 1)
    monkeypatch.setattr(settings, "today", lambda: day)
    ends = [day + datetime.timedelta(days=n) for n in (-1, 0, 1)]
    waivers = [Waiver(f"until {end:%d}", "x", "t", "", "true", "known", "somebody", end) for end in ends]
    assert [waiver.name for waiver in Options(waivers=waivers).accepted] == ["until 01", "until 02"]


def test_the_day_is_that_of_utc() -> None:
    before = datetime.datetime.now(datetime.UTC).date()
    assert before <= today() <= datetime.datetime.now(datetime.UTC).date()
