"""A server for copies that lets in a role which may create databases and is no superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from postmigration.backups.open_scratch import open_scratch
from postmigration.gate.commands import cli
from postmigration.model.errors import CannotJudge
from selftest.dumps import dump
from selftest.servers import Servers, SystemServer
from selftest.test_scratch import installed, listed


@pytest.fixture
def other() -> Iterator[SystemServer]:
    """Somebody else's server."""
    server = SystemServer()
    yield server
    server.stop()


PLAIN = """
    CREATE EXTENSION hstore;
    CREATE TABLE tool (id int PRIMARY KEY, parts hstore, name text UNIQUE);
    CREATE TABLE use (tool int REFERENCES tool, at date);
    INSERT INTO tool SELECT i, hstore('a', i::text), 'N' || i FROM generate_series(1, 60) i;
    INSERT INTO use SELECT i, date '2026-01-01' + i FROM generate_series(1, 60) i;
    CREATE MATERIALIZED VIEW used AS SELECT tool, count(*) FROM use GROUP BY 1;
    CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;
    CREATE TRIGGER no BEFORE INSERT ON use FOR EACH ROW EXECUTE FUNCTION no();
"""
# What a dump may need beside, the attributes of the role that is let in, and what is said.
LESSER = {
    "": ("CREATEDB", "PROVEN"),
    "CREATE ROLE scratch_one; ALTER TABLE use OWNER TO scratch_one": ("CREATEDB", "left out: 1 owner PROVEN"),
    "CREATE ROLE scratch_one; GRANT SELECT ON use TO scratch_one": ("CREATEDB CREATEROLE", "PROVEN"),
    "CREATE ROLE scratch_one; GRANT INSERT ON use TO scratch_one": (
        "CREATEDB",
        "the backup needs the role scratch_one, which role lesser may not create on the server of --scratch: name a",
    ),
    "CREATE EXTENSION earthdistance CASCADE; CREATE TABLE p (at earth)": (
        "CREATEDB",
        "needs the extension earthdistance, which on PostgreSQL 15 at 127.0.0.1:",
    ),
    "ALTER TABLE use ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY": (
        "CREATEDB",
        "forces its policies on its owner too, so that role lesser does not see all rows on the server of --scratch: "
        "ALTER ROLE lesser BYPASSRLS, or name a superuser",
    ),
    "ALTER TABLE tool ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY": ("CREATEDB BYPASSRLS", "PROVEN"),
    "SELECT 1": ("", "lets role lesser in, which may not create databases: ALTER ROLE lesser CREATEDB"),
}


@pytest.mark.full
@installed
@pytest.mark.parametrize("needs", LESSER)
def test_who_may_create_databases_need_be_no_superuser_for_a_dump(
    needs: str,
    servers: Servers,
    other: SystemServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    attributes, words = LESSER[needs]
    server = servers[15]
    server.create("scratch_plain")
    with server.connect("scratch_plain") as connection:
        connection.execute(f"{PLAIN}; {needs}".encode())
    with other.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE lesser LOGIN {attributes} PASSWORD 'geheim'".encode())
    there = listed(other)
    file = dump(server, "scratch_plain", tmp_path / "before.dump", "-Fc")
    lesser = psycopg.conninfo.make_conninfo(other.conninfo("postgres"), user="lesser", password="geheim")
    against = f"--against={server.conninfo('scratch_plain')}"
    status = cli.main(["verify-backup", str(file), against, f"--scratch={lesser}"])
    said = " ".join("".join(capsys.readouterr()).split())
    server.drop("scratch_plain")
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE IF EXISTS scratch_one")
    assert words in said
    assert "geheim" not in said
    assert status == (0 if "PROVEN" in words else 4), said
    assert listed(other) == there


@pytest.mark.full
@installed
def test_a_world_of_ours_needs_a_superuser(other: SystemServer) -> None:
    with other.connect("postgres") as connection:
        connection.execute("CREATE ROLE lesser LOGIN CREATEDB PASSWORD 'x'")
    lesser = psycopg.conninfo.make_conninfo(other.conninfo("postgres"), user="lesser", password="x")
    with (
        ExitStack() as cleanup,
        pytest.raises(CannotJudge, match="enough for dumps, but not for a demonstration world"),
    ):
        open_scratch(lesser, cleanup)
