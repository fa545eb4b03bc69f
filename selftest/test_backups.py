"""A backup in each form that pg_dump writes is restored to the last row, whichever server it is of."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.gate.commands.cli import main
from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge
from selftest.dumps import Restorer, Rows, dump, rows
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("backups")

FORMS = {
    "custom": ("-Fc",),
    "custom, not compressed": ("-Fc", "-Z0"),
    "custom, of inserts": ("-Fc", "--inserts"),
    "directory": ("-Fd",),
    "directory, not compressed": ("-Fd", "-Z0"),
    "tar": ("-Ft",),
    "copy": (),
    "inserts": ("--inserts",),
    "column inserts": ("--column-inserts", "--quote-all-identifiers"),
    "many rows per insert": ("--column-inserts", "--rows-per-insert=50"),
    "cleaning up first": ("--clean", "--if-exists", "--create"),
    "without owners and grants": ("--no-owner", "--no-privileges"),
}
MAIN_FORMS = ("custom", "copy")

ODDITIES = (ROOT / "selftest" / "oddities.sql").read_text()


@pytest.fixture(scope="session")
def restorer() -> Iterator[Restorer]:
    server = embedded.Server()
    yield Restorer(server)
    server.stop()


@pytest.fixture(scope="session")
def odd(server: embedded.Server) -> Iterator[Rows]:
    """What a database with every oddity holds."""
    server.create("odd", template="legacy")
    with server.connect("odd") as connection:
        connection.execute(ODDITIES.encode())
    yield rows(server, "odd")
    server.drop("odd")


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=() if form in MAIN_FORMS else pytest.mark.full) for form in FORMS]
)
def test_every_row_arrives(form: str, server: embedded.Server, odd: Rows, restorer: Restorer, tmp_path: Path) -> None:
    file = dump(server, "odd", tmp_path / "before", *FORMS[form])
    restored = restorer(file)
    assert restorer.rows() == odd
    assert not restored.unrestored
    (described,) = (fact for fact in restored.facts if fact.startswith("before: "))
    assert f"bytes, of {'a' if 'plain' in described else 'the'} database" in described
    assert f"on PostgreSQL {server.version}." in described
    assert f"made by pg_dump {server.version}." in described
    assert ("carries no checksum" in described) == (
        not form.startswith(("custom", "directory")) or "-Z0" in FORMS[form]
    )
    assert "1 large object" in " ".join(restored.set_aside)


def test_functions_rules_and_views_are_what_they_were(
    server: embedded.Server, odd: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    restorer(dump(server, "odd", tmp_path / "before.sql"))
    assert restorer.query("SELECT of_two_parts()") == [(3,)]
    catalogs = (
        "SELECT conname, contype, convalidated FROM pg_constraint "
        "WHERE contype <> 'n' AND connamespace::regnamespace::text !~ '^pg_|^information_schema$' ORDER BY 1, 2",
        "SELECT tgname, tgenabled, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 3",
        "SELECT indexdef FROM pg_indexes WHERE schemaname !~ '^pg_' ORDER BY 1",
        "SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies ORDER BY 1, 2",
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT schemaname, viewname, replace(viewowner, 'postmigration_owner', 'postgres') FROM pg_views "
        "WHERE schemaname = 'public' ORDER BY 1",
        "SELECT tablename, rulename FROM pg_rules WHERE schemaname = 'public' ORDER BY 1",
        "SELECT replace(grantee, 'postmigration_owner', 'postgres'), table_name, privilege_type "
        "FROM information_schema.role_table_grants "
        "WHERE table_schema = 'public' AND privilege_type <> 'MAINTAIN' ORDER BY 1, 2, 3",
        "SELECT oid::regprocedure::text, prosecdef, prosrc FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, "
        "'auth'::regnamespace) ORDER BY 1",
        "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    )
    with server.connect("odd") as connection:
        for query in catalogs:
            assert restorer.query(query) == connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("options", [("-Fc",), ("-Ft",), ()], ids=["custom", "tar", "plain"])
def test_a_backup_in_gzip_is_restored(
    options: tuple[str, ...], server: embedded.Server, odd: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    file = dump(server, "odd", tmp_path / "before", *options)
    with gzip.open(tmp_path / "before.gz", "wb", compresslevel=1) as compressed:
        compressed.write(file.read_bytes())
    restored = restorer(tmp_path / "before.gz")
    assert restorer.rows() == odd
    assert "carries no checksum" not in " ".join(restored.facts)


@pytest.mark.parametrize("rows_as", [(), ("--inserts",)], ids=["copy", "inserts"])
def test_schema_and_rows_in_two_files_are_restored(
    rows_as: tuple[str, ...], server: embedded.Server, odd: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    schema = dump(server, "odd", tmp_path / "schema.sql", "--schema-only")
    data = dump(server, "odd", tmp_path / "data.sql", "--data-only", "--disable-triggers", *rows_as)
    restored = restorer(schema, data)
    assert restorer.rows() == odd
    assert "materialized view public.counted was refreshed" in " ".join(restored.facts)


def test_three_sections_are_restored(server: embedded.Server, odd: Rows, restorer: Restorer, tmp_path: Path) -> None:
    sections = ("pre-data", "data", "post-data")
    restorer(*(dump(server, "odd", tmp_path / name, "-Fc", f"--section={name}") for name in sections))
    assert restorer.rows() == odd


def test_the_environment_steers_nothing(
    server: embedded.Server,
    odd: Rows,
    restorer: Restorer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = dump(server, "odd", tmp_path / "before", "-Fc")
    for name, value in (("PGHOST", "nowhere"), ("PGOPTIONS", "-c nonsense=1"), ("PGCLIENTENCODING", "LATIN1")):
        monkeypatch.setenv(name, value)
    restorer(file)
    assert os.environ["PGHOST"] == "nowhere"
    for name in ("PGHOST", "PGOPTIONS", "PGCLIENTENCODING"):
        monkeypatch.delenv(name)
    assert restorer.rows() == odd


def test_another_pg_restore_reads_what_the_embedded_one_cannot(
    restorer: Restorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restorer.server.create("small")
    with restorer.server.connect("small") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    plain = dump(restorer.server, "small", tmp_path / "before.sql")
    archive = dump(restorer.server, "small", tmp_path / "before", "-Fc")
    restorer.server.drop("small")
    content = bytearray(archive.read_bytes())
    content[len("PGDMP") + len(b"\1\x10\0\4\x08\1")] = 2  # lz4
    archive.write_bytes(content)
    with pytest.raises(
        CannotJudge, match=r"before is compressed with lz4, which no pg_restore here can read .*: install"
    ):
        restorer(archive)
    listed = "; Archive created at 2026-01-01\n;     Compression: lz4\n;     Format: CUSTOM\n"
    (tmp_path / "listed").write_text(listed)
    program = tmp_path / "bin" / "pg_restore"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$1" in --list) cat {tmp_path}/listed;; *) cat {plain};; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    restored = restorer(archive)
    assert "(custom, lz4)" in restored.facts[0]
    assert restorer.query("TABLE t") == [(1,)]


# Whoever restores it calls this again and again: for a constraint, indexes, a generated column, a view that is filled.
HOSTILE = """
    CREATE FUNCTION public.strike() RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
    CREATE FUNCTION public.harmless(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql
        AS $$ BEGIN PERFORM public.strike(); RETURN x; END $$;
    CREATE TABLE struck (
        id int PRIMARY KEY CHECK (public.harmless(id) = id),
        again int GENERATED ALWAYS AS (public.harmless(id)) STORED
    );
    CREATE INDEX ON struck (public.harmless(id)) WHERE public.harmless(id) = id;
    CREATE MATERIALIZED VIEW filled AS SELECT public.harmless(id) AS id FROM struck;
    CREATE VIEW seen AS SELECT public.harmless(id) AS id FROM struck;
    INSERT INTO struck SELECT generate_series(1, 10);
    REFRESH MATERIALIZED VIEW filled;
    CREATE OR REPLACE FUNCTION public.strike() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN others THEN NULL; END;
        BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN others THEN NULL; END;
        EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {file}''';
    EXCEPTION WHEN others THEN NULL; END $$;
"""


@pytest.mark.full
@pytest.mark.parametrize("server", [18, 16], indirect=True, ids=["pg18", "pg16"])
@pytest.mark.parametrize("form", few(["custom", "inserts"]))
def test_what_a_backup_runs_reaches_nothing_outside(
    form: str, server: embedded.Server, copy: Copy, restorer: Restorer, judge: Judge, tmp_path: Path
) -> None:
    name = copy("legacy")
    struck = tmp_path / "struck"
    with server.connect(name) as connection:
        connection.execute(HOSTILE.replace("{file}", str(struck)).encode())
    expected = rows(server, name)
    struck.unlink(missing_ok=True)
    file = dump(server, name, tmp_path / "before", *FORMS[form])
    restored = restorer(file)
    assert not struck.exists()
    assert not restored.unrestored
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={file}", "--allow-partial", "-k", "parity")
    assert "was not judged" not in judged.output
    assert main(["verify-backup", str(file)]) in (0, 1)
    assert not struck.exists()
    assert restorer.rows() == expected
