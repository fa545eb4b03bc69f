"""A world that meets the preconditions is migrated and is GO, whatever is in it, and whatever is free has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.worlds.changes import FREE
from selftest.worlds.conftest import Stage
from selftest.worlds.examples import examples
from selftest.worlds.strategies import World, worlds


@pytest.mark.full
@examples
@given(worlds(), st.lists(FREE, max_size=3, unique=True))
def test_a_sound_world_is_go(stage: Stage, world: World, changes: list[str]) -> None:
    with stage.built(world) as legacy, stage.migrated(legacy) as migrated:
        with stage.server.connect(migrated) as connection:
            for change in changes:
                connection.execute(change.encode())
        results = stage.judges.judge(stage.server.conninfo(migrated), stage.server.conninfo(legacy))
    accused = [
        (r.check, r.outcome, r.reason, r.evidence.words)
        for r in results
        if r.outcome not in ("passed", "not applicable")
    ]
    assert not accused
    assert len(results) > 29
    stage.seen.update(["world", *("free change" for _ in changes)])
