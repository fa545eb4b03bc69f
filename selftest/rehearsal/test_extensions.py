"""A script that creates what the state before has already is right, though the embedded server has it not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.backups.restore import restore
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.rehearsal.plan import migrate, restore_backup
from postmigration.rehearsal.psql import log_statements
from postmigration.rehearsal.stage import Stage
from selftest.dumps import dump
from selftest.rehearsal.stages import script, stage, words

pytestmark = pytest.mark.xdist_group("extensions")

EXTENSIONS = b"""
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
COMMENT ON EXTENSION pg_trgm IS 'indexes for searches';
"""
AGAIN = """
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
CREATE SCHEMA IF NOT EXISTS extensions;
"""
ALSO = """
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
COMMENT ON EXTENSION pg_trgm IS 'indexes for names';
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'uuid-ossp') THEN CREATE EXTENSION "uuid-ossp"; END IF;
END $$;
SELECT extensions.uuid_generate_v1(), extensions.digest('a', 'md5');
"""


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    server = embedded.Server()
    log_statements(server)
    demonstration_world(server, MIGRATION, seed=1, size=10)
    yield server
    server.stop()


def stage_from(server: embedded.Server, scratch: Path, text: str, *options: str) -> Stage:
    """A stage on which a script is rehearsed beside a backup with extensions."""
    backup = dump(server, "legacy", scratch / "before.sql", *options)
    head = b"CREATE SCHEMA extensions;"
    backup.write_bytes(backup.read_bytes().replace(head, head + EXTENSIONS))
    with server.connect("postgres") as connection:
        connection.execute("DROP DATABASE IF EXISTS before WITH (FORCE)")
    restore([backup], server, "before")
    return stage(server, scratch, [script(scratch, text)])


@pytest.mark.full
def test_extensions_of_the_state_before_can_be_created_if_they_do_not_exist(
    server: embedded.Server, tmp_path: Path
) -> None:
    rehearsal = stage_from(server, tmp_path, AGAIN + ALSO)
    before = rehearsal.state("before")
    migrate(rehearsal)
    restore_backup(rehearsal, before)
    assert [step.outcome for step in rehearsal.steps] == ["passed"] * 3, "\n".join(map(words, rehearsal.steps))


def test_a_backup_of_one_schema_has_the_extensions_that_it_calls(server: embedded.Server, tmp_path: Path) -> None:
    # Of pgcrypto it calls nothing.
    text = AGAIN.replace("pgcrypto", '"uuid-ossp"') + "SELECT extensions.uuid_generate_v1();"
    rehearsal = stage_from(server, tmp_path, text, "--schema=public")
    migrate(rehearsal)
    assert rehearsal.steps[0].outcome == "passed", words(rehearsal.steps[0])


def test_an_extension_that_nobody_has_fails(server: embedded.Server, tmp_path: Path) -> None:
    rehearsal = stage_from(server, tmp_path, "CREATE EXTENSION IF NOT EXISTS postgis;")
    migrate(rehearsal)
    assert rehearsal.steps[0].outcome == "failed"
    assert '1.sql:1: extension "postgis" is not available (SQLSTATE 0A000)' in words(rehearsal.steps[0])
