"""Several processes come to the verdict of one, on the same instant of the database."""

import psycopg
import pytest

from postmigration import embedded
from selftest.conftest import Copy, Judge, Judged, Scratch

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])


def test_workers_come_to_the_same_results(server: embedded.Server, judge: Judge) -> None:
    for name in ("legacy", "migrated"):
        options = [f"--db-url={server.conninfo(name)}"]
        options += [f"--baseline={server.conninfo('legacy')}"] * (name == "migrated")
        alone, shared = judge(*options), judge(*options, "-n", "2")
        assert shared.status == alone.status
        assert _facts(shared) == _facts(alone)


def _facts(judged: Judged) -> set[tuple[object, ...]]:
    # How large a file is, no snapshot holds: autovacuum may cut it short between two runs.
    return {
        (r.nodeid, r.outcome, r.reason, "statistics_were_gathered" in r.nodeid or r.evidence.examined)
        for r in judged.results
    }


def test_workers_read_the_same_snapshot(
    server: embedded.Server, copy: Copy, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = server.conninfo(copy("migrated"))
    with psycopg.connect(conninfo) as connection:
        before = connection.execute("SELECT count(*) FROM organizations").fetchone()
        assert before is not None
    monkeypatch.setenv("SCRATCH", conninfo)
    judged = scratch.judge(
        f"""
@plan
@pytest.mark.parametrize("i", range(6))
def test_x(target, i):
    with psycopg.connect(os.environ["SCRATCH"]) as other:
        other.execute("INSERT INTO organizations (name, slug) VALUES (%s, %s)", [f"new {{i}}", f"new-{{i}}"])
    target.expect(target.value("SELECT count(*) FROM organizations") == {before[0]}, "it sees what came later")
""",
        f"--db-url={conninfo}",
        "-n2",
    )
    assert judged.status == 0, judged.output
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM organizations").fetchone() == (before[0] + 6,)
