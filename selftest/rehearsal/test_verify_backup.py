"""Backups that are what they claim to be are proven, and each way in which they are not is named."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures import MIGRATION
from postmigration.backups.open_scratch import verify_where_it_fits
from postmigration.backups.verification import Verification
from postmigration.deployment.records.store import read_records
from postmigration.deployment.subject import hash_backup
from postmigration.gate.commands import cli
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from selftest.dumps import dump
from selftest.rehearsal.conftest import Run
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("verify-backup")


@pytest.fixture(scope="module")
def source() -> Iterator[embedded.Server]:
    """A server with the databases `legacy` and `migrated`, and of another world."""
    server = embedded.Server()
    demonstration_world(server, MIGRATION, seed=1, size=20)
    demonstration_world(server, MIGRATION, seed=2, size=20, ending="_other")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def whole(source: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dump(source, "legacy", tmp_path_factory.mktemp("whole") / "before.dump", "-Fc")


@pytest.fixture(scope="module")
def fingerprint(source: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fingerprint") / "before.fingerprint"
    assert cli.main(["fingerprint", f"--db-url={source.conninfo('legacy')}", "-o", str(file)]) == 0
    return file


def test_a_whole_backup_is_proven(
    run: Run, source: embedded.Server, whole: Path, fingerprint: Path, tmp_path: Path
) -> None:
    schemas = {source.conninfo("legacy"): "schemas auth, extensions, public", fingerprint: "schema public"}
    for against, scope in schemas.items():
        done = run("verify-backup", whole, f"--against={against}", f"--record-dir={tmp_path}")
        assert done.status == 0, done.out + done.err
        assert done.last_line.startswith(
            f"PROVEN for {scope}: before.dump is equal, row for row, to what --against names: "
        )
    assert "before.dump: pg_dump archive (custom, gzip), " in done.out
    assert "restored into PostgreSQL 18 in " in done.out
    assert "not in it: roles, their passwords and memberships" in done.out
    assert [line.split()[1] for line in done.out.splitlines() if line.split()[0] == "public.users"] == ["21"]
    of_database, of_fingerprint = (stored.record for stored in read_records([tmp_path]).stored)
    assert of_database.word == "PROVEN for schemas auth, extensions, public"
    assert of_database.backup == hash_backup([whole])
    assert of_fingerprint.backup == hash_backup([whole, fingerprint])
    assert of_database.baseline is not None
    assert of_database.baseline.label.endswith("/legacy")
    assert of_fingerprint.baseline is None
    assert (of_database.weakened, of_fingerprint.weakened) == ((), ("comparing nothing of schema auth",))
    assert of_fingerprint.facts["against"] == "the fingerprint before.fingerprint"


@pytest.mark.full
def test_a_backup_that_is_replaced_while_it_is_verified_proves_nothing(
    run: Run, source: embedded.Server, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "before.dump"
    shutil.copy(whole, file)

    def verify_and_replace(*arguments: Any, **options: Any) -> Verification:
        found = verify_where_it_fits(*arguments, **options)
        file.write_bytes(b"another backup")
        return found

    monkeypatch.setattr("postmigration.gate.commands.verify_backup.verify_where_it_fits", verify_and_replace)
    done = run("verify-backup", file, f"--against={source.conninfo('legacy')}", f"--record-dir={tmp_path / 'records'}")
    assert (done.status, "PROVEN" in done.out) == (4, False)
    assert done.last_line.startswith("ERROR: before.dump was changed while it was read: ")
    (stored,) = read_records([tmp_path / "records"]).stored
    assert (stored.record.status, stored.record.backup) == (4, ())


@pytest.mark.full
def test_what_it_holds_is_told_to_a_program(run: Run, source: embedded.Server, whole: Path) -> None:
    found = run("verify-backup", whole, f"--against={source.conninfo('legacy')}", "--json").object()
    assert found["proven"] is True
    assert found["problems"] == []
    held = {table["table"]: table["rows"] for table in found["tables"]}
    compared = {result["table"]: result for result in found["compared"]}
    assert held["public.users"] == held["auth.users"] == compared["users"]["rows_baseline"] == 21
    assert held.keys() == {name if "." in name else f"public.{name}" for name in compared}
    assert sum(held.values()) == found["rows"]
    assert all(result["equal"] for result in compared.values())


@pytest.mark.full
def test_without_anything_to_compare_with_it_says_so(run: Run, whole: Path) -> None:
    done = run("verify-backup", whole)
    assert done.status == 0
    assert done.last_line.endswith("rows arrived; it was compared with nothing (--against)")
    assert "rows of users.direct_reports lead to no row of users" not in done.out


@pytest.mark.full
@pytest.mark.parametrize("option", few(["--schema-only", "--data-only"]))
def test_half_a_backup_is_named(option: str, run: Run, source: embedded.Server, tmp_path: Path) -> None:
    done = run("verify-backup", dump(source, "legacy", tmp_path / "complete.sql", option))
    assert done.status == 1
    words = {"--schema-only": "holds a schema and no rows", "--data-only": "holds data only, without a schema"}
    assert done.last_line.startswith(
        f"NOT PROVEN: complete.sql is not what it claims to be: complete.sql {words[option]}"
    )


@pytest.mark.full
@pytest.mark.parametrize("named", few([True, False]))
def test_an_empty_table_is_named(named: bool, run: Run, source: embedded.Server, tmp_path: Path) -> None:
    file = dump(source, "legacy", tmp_path / "before.dump", "-Fc", "--exclude-table-data=public.documents")
    against = [f"--against={source.conninfo('legacy')}"] if named else []
    done = run("verify-backup", file, *against)
    assert done.status == 1
    words = "documents: it holds none of " if named else "documents holds no row"
    assert done.last_line.startswith(f"NOT PROVEN: before.dump is not what it claims to be: {words}")


@pytest.mark.full
def test_rows_that_refer_to_nothing_are_named(run: Run, source: embedded.Server, tmp_path: Path) -> None:
    file = dump(source, "legacy", tmp_path / "before.dump", "-Fc", "--exclude-table-data=public.contacts")
    done = run("verify-backup", file)
    assert done.status == 1
    assert (
        "foreign key projects_customer_id_fkey on public.projects refers to rows that are not in the backup" in done.out
    )
    # The constraint itself may be missing.
    source.create("loose", template="legacy")
    with source.connect("loose") as connection:
        connection.execute("ALTER TABLE projects DROP CONSTRAINT projects_customer_id_fkey")
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM contacts WHERE type = 'customer'")
    file = dump(source, "loose", tmp_path / "loose.dump", "-Fc")
    done = run("verify-backup", file)
    assert done.status == 1
    assert "rows of projects.customer_id lead to no row of contacts" in done.out
    # It is what it was taken of, and the reader is told.
    done = run("verify-backup", file, f"--against={source.conninfo('loose')}")
    assert done.status == 0
    assert "rows of projects.customer_id lead to no row of contacts" in done.out
    source.drop("loose")


@pytest.mark.full
def test_objects_that_are_not_in_it_are_named(run: Run, source: embedded.Server, tmp_path: Path) -> None:
    file = dump(source, "legacy", tmp_path / "before.dump", "-Fc", "--section=pre-data", "--section=data")
    assert run("verify-backup", file).status == 0
    done = run("verify-backup", file, f"--against={source.conninfo('legacy')}")
    assert done.status == 1
    assert "policy contacts_own_organization on public.contacts is not in it" in done.out
    assert "index public.contacts_type_idx is not in it" in done.out
    source.create("changed", template="legacy")
    with source.connect("changed") as connection:
        connection.execute("ALTER POLICY contacts_own_organization ON contacts USING (true)")
    file = dump(source, "changed", tmp_path / "changed.dump", "-Fc")
    done = run("verify-backup", file, f"--against={source.conninfo('legacy')}")
    assert done.status == 1
    assert done.last_line.endswith("policy contacts_own_organization on public.contacts is another one in it (using)")
    source.drop("changed")


OTHERWISE = {
    "policy users_own_organization on public.users is another one in it (using)": """
        ALTER POLICY users_own_organization ON users USING (true)
    """,
    "table public.contacts is another one in it (row-level security)": """
        ALTER TABLE contacts DISABLE ROW LEVEL SECURITY
    """,
    "function public.current_organization_id() is another one in it (body, search_path, security definer)": """
        CREATE OR REPLACE FUNCTION current_organization_id() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid'
    """,
    "trigger projects_log_activity on public.projects is another one in it (enabled)": """
        ALTER TABLE projects DISABLE TRIGGER projects_log_activity
    """,
    "column public.contacts.is_active is another one in it (default)": """
        ALTER TABLE contacts ALTER is_active SET DEFAULT false
    """,
    "type public.contact_type is another one in it (values)": """
        ALTER TYPE contact_type RENAME VALUE 'partner' TO 'other'
    """,
}


LOST = {
    "constraint users_email_key on public.users": "ALTER TABLE users DROP CONSTRAINT users_email_key",
    "constraint projects_customer_id_fkey on public.projects": """
        ALTER TABLE projects DROP CONSTRAINT projects_customer_id_fkey
    """,
    "index public.contacts_type_idx": "DROP INDEX contacts_type_idx",
    "trigger projects_log_activity on public.projects": "DROP TRIGGER projects_log_activity ON projects",
    "policy users_own_organization on public.users": "DROP POLICY users_own_organization ON users",
}


@pytest.mark.full
def test_what_the_database_has_lost_since_is_named(run: Run, source: embedded.Server, whole: Path) -> None:
    source.create("poorer", template="legacy")
    with source.connect("poorer") as connection:
        for statement in LOST.values():
            connection.execute(statement.encode())
        connection.execute(b"ALTER POLICY contacts_own_organization ON contacts RENAME TO renamed")
    done = run("verify-backup", whole, f"--against={source.conninfo('poorer')}")
    source.drop("poorer")
    assert done.status == 1
    assert {f"{name} is in it, and not in what it is compared with" for name in LOST} <= set(done.out.splitlines())
    assert "contacts_own_organization" not in done.out


@pytest.fixture(scope="module")
def older() -> Iterator[embedded.Server]:
    """A server of an older version, with the database `legacy`."""
    server = SystemServer() if SYSTEM_BINARIES.exists() else embedded.Server(16)
    demonstration_world(server, MIGRATION, seed=1, size=20)
    yield server
    server.stop()


@pytest.mark.full
@pytest.mark.parametrize("which", few(["source", "older"]))
def test_objects_that_are_other_ones_are_named(
    which: str, request: pytest.FixtureRequest, run: Run, tmp_path: Path
) -> None:
    server: embedded.Server = request.getfixturevalue(which)
    server.create("other", template="legacy")
    with server.connect("other") as connection:
        for statement in OTHERWISE.values():
            connection.execute(statement.encode())
    backup = dump(server, "other", tmp_path / "before.dump", "-Fc")
    done = run("verify-backup", backup, f"--against={server.conninfo('legacy')}")
    server.drop("other")
    assert done.status == 1
    assert {
        line for line in done.out.splitlines() if "is another one" in line and "NOT PROVEN" not in line
    } >= OTHERWISE.keys()
    whole = dump(server, "legacy", tmp_path / "whole.dump", "-Fc")
    done = run("verify-backup", whole, f"--against={server.conninfo('legacy')}")
    assert done.last_line.startswith("PROVEN for schemas auth, extensions, public: whole.dump is equal, row for row"), (
        done.out
    )


@pytest.mark.full
def test_a_backup_that_was_taken_after_the_migration_is_named(
    run: Run, source: embedded.Server, tmp_path: Path
) -> None:
    file = dump(source, "migrated", tmp_path / "before.dump", "-Fc")
    words = "it was taken after the migration: it holds the table project_contact_points"
    for against in ([], [f"--against={source.conninfo('legacy')}"]):
        done = run("verify-backup", file, *against)
        assert done.status == 1
        assert words in done.out
    done = run("verify-backup", file, f"--against={source.conninfo('migrated')}")
    assert done.status == 0
    assert words in done.out


@pytest.mark.full
def test_a_backup_of_another_database_is_named(
    run: Run, source: embedded.Server, fingerprint: Path, tmp_path: Path
) -> None:
    file = dump(source, "legacy_other", tmp_path / "before.dump", "-Fc")
    done = run("verify-backup", file, f"--against={source.conninfo('legacy')}")
    assert done.status == 1
    assert done.last_line.endswith("it has no row in common with what it is compared with: it is of another database")
    done = run("verify-backup", file, f"--against={fingerprint}")
    assert done.status == 1
    source.create("unrelated")
    with source.connect("unrelated") as connection:
        connection.execute("CREATE TABLE projects (a int); INSERT INTO projects VALUES (1)")
    file = dump(source, "unrelated", tmp_path / "unrelated.dump", "-Fc")
    done = run("verify-backup", file, f"--against={fingerprint}")
    assert done.status == 1
    assert "the backup has no table activity_log, of which the fingerprint holds" in done.last_line
    source.drop("unrelated")


@pytest.mark.full
def test_a_changed_value_is_shown_and_masked(run: Run, source: embedded.Server, whole: Path) -> None:
    source.create("moved_on", template="legacy")
    with source.connect("moved_on") as connection:
        connection.execute("UPDATE users SET email = 'someone@example.org' WHERE id = (SELECT id FROM users LIMIT 1)")
    arguments = ("verify-backup", whole, f"--against={source.conninfo('moved_on')}")
    done = run(*arguments)
    assert done.status == 1
    assert done.last_line.endswith("not what it claims to be: users: 1 row changed")
    assert "someone@example.org" not in done.out
    assert "someone@example.org" in run(*arguments, "--show-values").out
    source.drop("moved_on")


@pytest.mark.full
def test_what_cannot_be_read_is_told_in_one_line(run: Run, whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    damaged = bytearray(content)
    damaged[len(content) * 9 // 10] ^= 0x55
    newer = content.replace(b"18.", b"19.")
    files = {
        "truncated": (content[: len(content) * 2 // 3], "is truncated"),
        "damaged": (bytes(damaged), "is damaged inside a compressed block"),
        "newer": (newer, "newer than the embedded PostgreSQL 18"),
        "photograph": (bytes(range(256)) * 20, "photograph"),
        "compressed": (gzip.compress(bytes(range(256)) * 20), "compressed"),
        "empty": (b"", "is empty, so no backup"),
    }
    for name, (bytes_, words) in files.items():
        (tmp_path / name).write_bytes(bytes_)
        done = run("verify-backup", tmp_path / name)
        assert (done.status, done.out) == (4, ""), name
        assert done.err.startswith("ERROR: ")
        assert words in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.full
def test_what_it_is_compared_with_must_be_there(run: Run, whole: Path, tmp_path: Path) -> None:
    for against, words in (
        ("", "--against is empty"),
        (tmp_path / "none.fingerprint", "--against: no such file"),
        (whole, "is no fingerprint: name the database"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot connect to the database of --against"),
    ):
        done = run("verify-backup", whole, f"--against={against}")
        assert done.status == 4
        assert words in done.err
    done = run("verify-backup", tmp_path / "missing.dump")
    assert done.status == 4
    assert "does not exist: name a file that pg_dump wrote" in done.err
