"""What is restored for a rehearsal has no rights of a superuser where scripts run it, unless they need one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.backups.restore import restore
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.rehearsal.plan import migrate, restore_backup
from postmigration.rehearsal.psql import let_log, log_statements
from postmigration.rehearsal.stage import Stage, SuperuserNeeded
from selftest.dumps import dump
from selftest.rehearsal.stages import script, stage, words
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("owners of rehearsals")

# What a dump brings runs a program wherever that is allowed, and does as if a privilege were lacking.
HOSTILE = """
CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        COPY (SELECT 1) TO PROGRAM 'touch {file}';
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    IF NEW.slug = 'refused' THEN
        RAISE 'must be superuser' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER strike BEFORE UPDATE ON workflow_stages FOR EACH ROW EXECUTE FUNCTION strike();
"""


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    server = embedded.Server()
    log_statements(server)
    demonstration_world(server, MIGRATION, seed=1, size=10)
    yield server
    server.stop()


@pytest.fixture
def struck() -> Iterator[Path]:
    """What is there once a program was run."""
    directory = Path(tempfile.mkdtemp(prefix="postmigration-booty-"))
    directory.chmod(0o777)
    yield directory / "struck"
    shutil.rmtree(directory)


def stage_of(server: embedded.Server, scratch: Path, struck: Path, text: str, owner: str) -> Stage:
    with server.connect("postgres") as connection:
        for name in ("before", "hostile"):
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    server.create("hostile", template="legacy")
    with server.connect("hostile") as connection:
        connection.execute(HOSTILE.replace("{file}", str(struck)).encode())
    restore([dump(server, "hostile", scratch / "before.sql")], server, "before", owner=owner)
    let_log(server, owner)
    rehearsal = stage(server, scratch, [script(scratch, text)])
    rehearsal.user = "" if owner == server.superuser else owner
    return rehearsal


UPDATE = "UPDATE workflow_stages SET slug = slug; CREATE SCHEMA more; CREATE TABLE more.t (id int);"


@pytest.mark.full
def test_scripts_run_what_a_dump_brought_as_nobody_special(
    server: embedded.Server, tmp_path: Path, struck: Path
) -> None:
    rehearsal = stage_of(server, tmp_path, struck, UPDATE, server.owner)
    before = rehearsal.state("before")
    migrate(rehearsal)
    restore_backup(rehearsal, before)
    assert [step.outcome for step in rehearsal.steps[:2]] == ["passed"] * 2, "\n".join(map(words, rehearsal.steps))
    assert not struck.exists()
    with server.connect("migrated") as connection:
        owner = connection.execute("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'more.t'::regclass")
        assert owner.fetchone() == (server.owner,)


@pytest.mark.full
def test_a_superuser_would_have_run_it(server: embedded.Server, tmp_path: Path, struck: Path) -> None:
    # What the test above sees nothing of is really tried.
    migrate(stage_of(server, tmp_path, struck, UPDATE, server.superuser))
    assert struck.exists()


@pytest.mark.full
@pytest.mark.parametrize(
    "text",
    few(["CREATE ROLE somebody_new;", "DO $$ BEGIN CREATE ROLE somebody_new; END $$;"]),
)
def test_scripts_that_need_a_superuser_say_so(server: embedded.Server, tmp_path: Path, struck: Path, text: str) -> None:
    with pytest.raises(SuperuserNeeded, match=r"^1\.sql:1: permission denied to "):
        migrate(stage_of(server, tmp_path, struck, text, server.owner))


@pytest.mark.parametrize(
    "text",
    few(
        [
            "UPDATE workflow_stages SET slug = 'refused';",
            "REVOKE ALL ON workflow_stages FROM CURRENT_USER; TABLE workflow_stages;",
        ]
    ),
)
def test_what_a_dump_brought_makes_nobody_a_superuser(
    server: embedded.Server, tmp_path: Path, struck: Path, text: str
) -> None:
    rehearsal = stage_of(server, tmp_path, struck, text, server.owner)
    migrate(rehearsal)
    assert rehearsal.steps[0].outcome == "failed"
    assert "SQLSTATE 42501" in words(rehearsal.steps[0])
    assert not struck.exists()
