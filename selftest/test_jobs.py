"""A migration is judged alike by one connection and by several that read each table together."""

import pytest

from postmigration.diff.scan import pages
from postmigration.postgres import embedded
from selftest.conftest import Judge


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_several_connections_come_to_the_same_verdict(
    server: embedded.Server, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    both = (f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    one, several = (judge(*both, f"--jobs={jobs}") for jobs in (1, 3))
    assert (one.status, several.status) == (0, 0), several.output
    # By id: in which order they ran depends on what the server's statistics say of each table at that moment.
    found = ([(r.nodeid, r.outcome, r.evidence.examined) for r in of.results] for of in (one, several))
    assert sorted(next(found)) == sorted(next(found))
