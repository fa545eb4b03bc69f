"""On a hot standby what reads is judged; what writes is not, and the verdict is never GO."""

from collections.abc import Iterator

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Judge
from selftest.servers import Standby, SystemServer

pytestmark = pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])


@pytest.fixture
def standby(server: embedded.Server) -> Iterator[Standby]:
    assert isinstance(server, SystemServer)
    standby = Standby(server)
    try:
        yield standby
    finally:
        standby.stop()


@pytest.mark.full
def test_a_standby_is_judged_as_far_as_it_can_be(standby: Standby, server: embedded.Server, judge: Judge) -> None:
    target = f"--db-url={standby.conninfo('migrated')}"
    for options in ([], ["-n", "2"], [f"--baseline={standby.conninfo('legacy')}"]):
        judged = judge(target, *options)
        assert judged.status == 1, judged.output
        assert judged.last_line.startswith("NO-GO: 5 of 29 plan checks not judged: 20, 21, 22, 23, 24")
        assert "standby, as role postgres" in judged.output or options == ["-n", "2"]
        reason = next(result.reason for result in judged.results if result.plan == 20)
        assert reason == "it writes, and this server is a standby: run it on the primary"
    # The same system and database, but another running server: only its own differences can tell.
    judged = judge(target, f"--baseline={server.conninfo('migrated')}")
    assert "names the same running database" not in judged.output
    assert judged.status == 1
    judged = judge(target, "--allow-partial")
    assert judged.status == 0
    assert judged.last_line.startswith("PARTIAL: ")
