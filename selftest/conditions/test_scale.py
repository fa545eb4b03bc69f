"""Very many tables, and very large values."""

import json
from pathlib import Path

import pytest

from postmigration import embedded
from selftest.conftest import Copy, Judge

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

TABLES = 5_000


def add_tables(server: embedded.Server, name: str, number: int) -> None:
    with server.connect(name) as connection:
        for start in range(0, number, 100):
            connection.execute(
                "".join(
                    f"CREATE TABLE filler_{i} (id int PRIMARY KEY, a text); INSERT INTO filler_{i} VALUES (1, 'x');"
                    for i in range(start, min(start + 100, number))
                )
            )


@pytest.mark.parametrize("number", [50, pytest.param(TABLES, marks=pytest.mark.nightly)])
def test_many_tables_are_told_of_in_one_sentence(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path, number: int
) -> None:
    target, baseline = copy("migrated"), copy("legacy")
    add_tables(server, target, number)
    judged = judge(f"--db-url={server.conninfo(target)}")
    assert judged.status == 0, judged.output
    # The demonstration world warns of one thing more.
    assert ", 2 warnings, " in judged.last_line
    assert f"filler_0, filler_1, filler_10 and {number - 3:,} more has no row-level security" in " ".join(
        judged.output.split()
    )
    add_tables(server, baseline, number)
    judged = judge(f"--db-url={server.conninfo(target)}", f"--baseline={server.conninfo(baseline)}")
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")
    told = json.loads((tmp_path / "validation.json").read_text())
    assert told["verdict"]["go"] is True
