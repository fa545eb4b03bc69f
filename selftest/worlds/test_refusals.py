"""A world that breaks a precondition is refused: the rows are named, and nothing has changed."""

import psycopg
import pytest
from hypothesis import given

from selftest.worlds.breaches import Breached, breached_worlds
from selftest.worlds.conftest import DATA, SCHEMA, Stage
from selftest.worlds.examples import examples


@pytest.mark.full
@examples
@given(breached_worlds())
def test_a_broken_precondition_is_refused(stage: Stage, breached: Breached) -> None:
    with stage.built(breached.world) as legacy, stage.copied(legacy) as migrated:
        stage.run(migrated, SCHEMA)
        before = stage.rows(migrated)
        with pytest.raises(psycopg.errors.RaiseException, match="is refused, nothing has changed") as refusal:
            stage.run(migrated, DATA)
        assert stage.rows(migrated) == before
    said = [line for line in str(refusal.value).splitlines() if breached.words in line]
    assert [breached.row in line for line in said] == [True]
