"""One change of what the rules govern is NO-GO, and the evidence names the place."""

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from selftest.worlds.changes import GOVERNED, Cell, Invented, Lost, Statement
from selftest.worlds.conftest import Stage
from selftest.worlds.examples import examples
from selftest.worlds.strategies import World, worlds

# A copy costs less than a world.
PER_WORLD = 5


@pytest.mark.full
@examples
@given(worlds(), st.lists(GOVERNED, min_size=1, max_size=PER_WORLD, unique=True))
def test_a_single_change_is_seen(stage: Stage, world: World, changes: list[Cell | Lost | Invented | Statement]) -> None:
    with stage.built(world) as legacy, stage.migrated(legacy) as migrated:
        for change in changes:
            with stage.copied(migrated) as changed:
                with stage.server.connect(changed) as connection:
                    connection.execute("SET session_replication_role = replica")
                    made = change.make(connection)
                if made is None:
                    continue
                note(f"{change}: {made}")
                results = stage.judges.judge(
                    stage.server.conninfo(changed), stage.server.conninfo(legacy), first=made.first, until_red=True
                )
                assert results[-1].outcome == "failed", "no check has seen it"
                assert any(place in results[-1].evidence.words for place in made.places), results[-1]
                stage.seen[type(change).__name__] += 1
