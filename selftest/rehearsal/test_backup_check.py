"""A backup that is named with --backup is judged with the rest, and its faults are NO-GO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fixtures import MIGRATION
from postmigration.gate.commands import cli
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from selftest.conftest import Judge
from selftest.dumps import dump
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("backup check")

CHECK = "the_backup_holds_the_state_before"


@pytest.fixture(scope="module")
def source() -> Iterator[embedded.Server]:
    server = embedded.Server()
    demonstration_world(server, MIGRATION, seed=1, size=12)
    yield server
    server.stop()


@pytest.mark.full
def test_one_that_holds_the_state_before_is_go(source: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    backup = dump(source, "legacy", tmp_path / "before.dump", "-Fc")
    migrated, legacy = (source.conninfo(name) for name in ("migrated", "legacy"))
    judged = judge(f"--db-url={migrated}", f"--baseline={legacy}", f"--backup={backup}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert judged.outcome(CHECK) == "passed"
    assert "backup:        before.dump" in judged.output
    notes = next(" ".join(r.evidence.notes) for r in judged.results if CHECK in r.nodeid)
    assert "before.dump: pg_dump archive (custom, gzip)" in notes
    assert "restored into PostgreSQL 18 in " in notes


@pytest.mark.full
def test_without_one_it_is_left_out_and_said(source: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={source.conninfo('migrated')}", "-k", "backup or company")
    assert not [result for result in judged.results if CHECK in result.nodeid]
    assert "backup:        none: whether one holds the state before is not judged (--backup)" in judged.output


FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    "schema only": (("legacy", "--schema-only"), "holds a schema and no rows"),
    "data only": (("legacy", "--data-only"), "holds data only, without a schema"),
    "one table empty": (("legacy", "--exclude-table-data=public.reviews"), "reviews holds no row"),
    "orphaned rows": (
        ("legacy", "--exclude-table-data=public.contacts"),
        "foreign key projects_customer_id_fkey on public.projects refers to rows that are not in the backup",
    ),
    "after the migration": (
        ("migrated",),
        "it was taken after the migration: it holds the table project_contact_points",
    ),
}


CASES = [(fault, "rows") for fault in FAULTS] + [
    (fault, against) for fault in ("one table empty", "after the migration") for against in ("nothing", "fingerprint")
]


@pytest.mark.full
@pytest.mark.parametrize(("fault", "against"), few(CASES))
def test_one_that_does_not_is_named(
    fault: str, against: str, source: embedded.Server, judge: Judge, tmp_path: Path
) -> None:
    (database, *options), said = FAULTS[fault]
    baseline = []
    if against == "rows":
        baseline = [f"--baseline={source.conninfo('legacy')}"]
    elif against == "fingerprint":
        file = tmp_path / "f"
        assert cli.main(["fingerprint", f"--db-url={source.conninfo('legacy')}", f"--output={file}"]) == 0
        baseline = [f"--baseline={file}"]
    backup = dump(source, database, tmp_path / "before.dump", *options)
    judged = judge(f"--db-url={source.conninfo('migrated')}", f"--backup={backup}", "-k", CHECK, *baseline)
    assert judged.status == 1
    assert judged.outcome(CHECK) == "failed"
    assert said in judged.evidence(CHECK)


@pytest.mark.full
def test_one_that_cannot_be_read_is_not_judged(source: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    backup = dump(source, "legacy", tmp_path / "before.dump", "-Fc")
    backup.write_bytes(backup.read_bytes()[:-2_000])
    judged = judge(f"--db-url={source.conninfo('migrated')}", f"--backup={backup}")
    assert judged.status == 1
    assert "NO-GO: 1 check beyond the plan not judged: the backup holds the state before" in judged.output
    reason = next(result.reason for result in judged.results if CHECK in result.nodeid)
    assert reason.startswith("before.dump is truncated: pg_restore read it")


@pytest.mark.full
def test_one_that_is_not_there_is_told(source: embedded.Server, command: Callable[..., CompletedProcess[str]]) -> None:
    for named in ("", "nowhere.dump"):
        done = command(f"--db-url={source.conninfo('migrated')}", f"--backup={named}")
        assert done.returncode == 4
        assert f"--backup={named}: no such file (want one that pg_dump wrote)" in done.stderr
