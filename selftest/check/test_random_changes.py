"""Any one property of any one object that is changed is found and named, and nothing else is accused."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from postmigration.postgres import embedded
from selftest.check.conftest import Change
from selftest.check.judging import judge
from selftest.check.test_objects import MODULES
from selftest.worlds.examples import try_few

_EVERY = Path(__file__).with_name("changes.sql").read_text()


@pytest.fixture(scope="module")
def cases(world: embedded.Server) -> list[tuple[str, str, str]]:
    """What is changed, the SQL, and what a finding must name."""
    with world.connect("objects") as connection:
        found = [(what, sql, name) for what, sql, name in connection.execute(_EVERY.encode()).fetchall()]
    assert len(found) > 200
    return found


@pytest.mark.full
@try_few(5, nightly=1_000)
@given(data=st.data())
def test_a_change_is_named_and_nothing_else_is_accused(
    data: st.DataObject, cases: list[tuple[str, str, str]], changed: Change
) -> None:
    what, sql, name = data.draw(st.sampled_from(cases))
    try:
        before, after = changed(*sql.split("; "))
    except psycopg.Error:
        assume(False)
    verdict = judge(before, after, only=MODULES)
    found = [*verdict.words("blocker"), *verdict.words("warning"), *verdict.words("told")]
    assert any(name in words for words in found), (what, sql, found)
    assert all(name in words for words in [*verdict.words("blocker"), *verdict.words("warning")]), (what, sql, found)
