from types import SimpleNamespace
from typing import Any

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.reading import live_baseline, read_rows, version_of
from selftest.unit.uncommitted import Fill


def test_what_a_role_may_not_see_is_told_once_and_is_no_row(now: Fill) -> None:
    snapshot, found = now("CREATE TABLE stay (id int)"), Examination()
    assert [tuple(row) for row in read_rows(snapshot, "SELECT :number::int", "numbers", found, number=3)] == [(3,)]
    assert found.unjudged == []
    for _ in range(2):
        assert read_rows(snapshot, "SELECT 1 FROM pg_no_such_view", "slots", found) == ()
    (words,) = found.unjudged
    assert words.startswith("slots: ")
    assert "pg_no_such_view" in words


def test_a_server_tells_its_major_version(now: Fill) -> None:
    assert version_of(now()) == 18


@pytest.mark.parametrize(
    ("scratch", "started", "live"), [(None, False, True), ("a copy", False, False), (None, True, False)]
)
def test_a_server_of_ours_tells_nothing_of_the_one_of_before(scratch: Any, started: bool, live: bool) -> None:
    baseline: Any = object()
    target: Any = SimpleNamespace(before=SimpleNamespace(scratch=scratch, started=started), baseline=baseline)
    assert live_baseline(target) is (baseline if live else None)
