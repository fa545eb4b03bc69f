"""A run that was interrupted goes on where it ended, with the verdicts that still hold."""

from pathlib import Path

import pytest

from postmigration.fleet.state import State
from postmigration.model.errors import CannotJudge
from selftest.fleet.conftest import outcome, task

GO, NO_GO, ERROR, BROKEN = outcome("a"), outcome("b", 1), outcome("c", 4), outcome("d", 3)


def test_verdicts_hold_for_what_they_were_found_by(tmp_path: Path) -> None:
    state = State(path := tmp_path / "reports" / "fleet.state.jsonl")
    tasks = [task("a"), task("b"), task("c"), task("d", "2")]
    assert state.read(tasks) == {}
    state.begin(())
    for each in (GO, NO_GO, ERROR, BROKEN, outcome("gone"), outcome("d")):
        state.add(each)
    with path.open("ab") as file:
        file.write(b'{"kind":"outcome","outc')
    assert state.read(tasks) == {"a": GO, "b": NO_GO}
    state.begin(state.read(tasks).values())
    assert state.read(tasks) == {"a": GO, "b": NO_GO}
    # One that came to its end is no run to go on with: a gate that is called again judges again.
    state.end()
    assert state.read(tasks) == {}
    state.add(GO)
    assert state.read(tasks) == {"a": GO}


def test_a_state_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match="cannot be read: Is a directory"):
        State(tmp_path).read([])
