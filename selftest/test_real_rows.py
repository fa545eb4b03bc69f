"""The application's own rows, where they are at hand: NO-GO as they were, GO after the reference migration."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fixtures import MIGRATION
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from selftest.conftest import Judge

ROWS = os.environ.get("POSTMIGRATION_REAL_ROWS", "")

pytestmark = pytest.mark.skipif(not ROWS, reason="POSTMIGRATION_REAL_ROWS names no directory with the rows")


def load(connection: psycopg.Connection[Any]) -> None:
    """Builds the legacy schema in an empty database, and fills it with the application's rows."""
    for script in MIGRATION.legacy_scripts:
        run_script(connection, script)
    with (Path(ROWS) / "users.csv").open(newline="") as users:
        connection.cursor().executemany(
            "INSERT INTO auth.users (id) VALUES (%s)", [(row["id"],) for row in csv.DictReader(users)]
        )
    # users.direct_manager_id refers to rows that come later.
    connection.execute("SET session_replication_role = replica")
    for table in MIGRATION.legacy_tables:
        text = (Path(ROWS) / f"{table}.csv").read_text()
        options = f"({text.splitlines()[0]}) FROM STDIN (FORMAT csv, HEADER, NULL '\\N')"
        with connection.cursor().copy(f"COPY {table} {options}") as copy:
            copy.write(text)


@pytest.fixture(scope="session")
def real(server: embedded.Server) -> Iterator[tuple[str, str]]:
    """Two databases with the rows: as they were, and migrated."""
    server.create("real_before")
    with server.connect("real_before") as connection:
        load(connection)
    server.create("real_after", template="real_before")
    with server.connect("real_after") as connection:
        for script in MIGRATION.scripts:
            run_script(connection, script)
    yield server.conninfo("real_before"), server.conninfo("real_after")
    server.drop("real_before")
    server.drop("real_after")


@pytest.mark.full
def test_unmigrated_rows_are_no_go(real: tuple[str, str], judge: Judge) -> None:
    judged = judge(f"--db-url={real[0]}")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: ")
    assert {"5", "6", "7", "8"} <= judged.red()
    assert not [result for result in judged.results if result.outcome == "broken"]


@pytest.mark.full
def test_migrated_rows_are_go(real: tuple[str, str], judge: Judge) -> None:
    judged = judge(f"--db-url={real[1]}", f"--baseline={real[0]}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output
    assert judged.status == 0


@pytest.mark.full
def test_orphans_of_before_are_inherited_and_not_failed(real: tuple[str, str], judge: Judge) -> None:
    notes = next(
        result.evidence.notes
        for result in judge(f"--db-url={real[1]}", f"--baseline={real[0]}").results
        if result.nodeid.endswith("test_declared_references_lead_to_rows")
    )
    assert "inherited, 2 before the migration too: rows of users.direct_reports that lead to no row of users" in notes
