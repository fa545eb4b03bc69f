"""Whatever ends or disturbs a run at whatever moment: no GO that was not earned, no ending that lies, nothing left."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from selftest.conditions.moments import HaltingServer, Moment, Stage
from selftest.servers import SYSTEM_BINARIES
from selftest.tiers import few

pytestmark = [
    pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}"),
    pytest.mark.xdist_group("moments"),
]

SEEDS = few(range(200), *range(2), full=())


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    server = HaltingServer()
    try:
        # Embedded servers run as another user, who may not be let into the directories of pytest.
        with TemporaryDirectory(prefix="moments-") as directory:
            yield Stage(server, Path(directory))
    finally:
        server.resume()
        server.stop()


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_is_disturbed_says_what_is_so_and_leaves_nothing(stage: Stage, seed: int) -> None:
    moment = Moment.draw(seed)
    ended = stage.run(moment)
    stage.server.resume()
    assert (stage.find_lies(moment, ended), stage.find_remains()) == ([], []), f"{moment}\n{ended.output}"
