"""What is no whole backup is refused, in one line that says why, and without a row in it."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from selftest.conftest import ROOT
from selftest.dumps import Restorer, dump
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("broken backups")

SECRET = "nobody@may.read.this"


@pytest.fixture(scope="session")
def restorer() -> Iterator[Restorer]:
    server = embedded.Server()
    server.create("source")
    with server.connect("source") as connection:
        connection.execute(
            f"""
            CREATE TABLE t (id integer PRIMARY KEY, email text, m text);
            INSERT INTO t SELECT n, '{SECRET}', md5(n::text) FROM generate_series(1, 20000) n;
            CREATE TABLE u (id integer, t integer REFERENCES t);
            INSERT INTO u SELECT n, n FROM generate_series(1, 100) n;
            """.encode()
        )
    yield Restorer(server)
    server.stop()


@pytest.fixture(scope="session")
def whole(restorer: Restorer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A backup in each form, whole."""
    directory = tmp_path_factory.mktemp("whole")
    forms = {
        "custom": ("-Fc",),
        "uncompressed": ("-Fc", "-Z0"),
        "directory": ("-Fd",),
        "uncompressed directory": ("-Fd", "-Z0"),
        "tar": ("-Ft",),
        "plain": (),
        "inserts": ("--inserts", "--rows-per-insert=7"),
    }
    files = {form: dump(restorer.server, "source", directory / form, *options) for form, options in forms.items()}
    files["gzip"] = directory / "gzip"
    files["gzip"].write_bytes(gzip.compress(files["plain"].read_bytes()))
    return files


Broken = Callable[[str, Callable[[bytes], bytes]], Path]


@pytest.fixture
def broken(whole: dict[str, Path], tmp_path: Path) -> Broken:
    """Makes a changed copy of a backup; of a directory the largest data file is changed."""

    def make(form: str, change: Callable[[bytes], bytes]) -> Path:
        copy = tmp_path / "before"
        if whole[form].is_dir():
            shutil.copytree(whole[form], copy)
            changed = max(copy.glob("[0-9]*"), key=lambda path: path.stat().st_size)
        else:
            shutil.copy(whole[form], copy)
            changed = copy
        changed.write_bytes(change(changed.read_bytes()))
        return copy

    return make


def refused(restorer: Restorer, *files: Path) -> str:
    with pytest.raises(CannotJudge, match=r"^[^\n]+$") as refusal:
        restorer(*files)
    message = str(refusal.value)
    assert SECRET not in message
    assert not message.endswith(".")
    return message


@pytest.mark.parametrize("share", few([0.3, 0.9, 0.9999], 1))
@pytest.mark.parametrize(
    "form", ["custom", "uncompressed", "directory", "uncompressed directory", "tar", "plain", "inserts", "gzip"]
)
def test_a_truncated_backup_is_refused(form: str, share: float, restorer: Restorer, broken: Broken) -> None:
    message = refused(restorer, broken(form, lambda content: content[: int(len(content) * share)]))
    assert message.startswith("before is truncated")


@pytest.mark.parametrize("form", ["directory", "uncompressed directory"])
def test_a_data_file_that_lost_everything_is_refused(form: str, restorer: Restorer, broken: Broken) -> None:
    assert "before is truncated: its file" in refused(restorer, broken(form, lambda content: b""))


def test_a_data_file_that_is_gone_is_refused(restorer: Restorer, broken: Broken) -> None:
    backup = broken("directory", lambda content: content)
    max(backup.glob("[0-9]*"), key=lambda path: path.stat().st_size).unlink()
    assert "before is truncated: pg_restore read it and says" in refused(restorer, backup)


@pytest.mark.parametrize("form", ["custom", "directory", "gzip"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_damage_inside_a_compressed_block_is_refused(
    form: str, share: float, restorer: Restorer, broken: Broken
) -> None:
    def flipped(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(len(content) * share)] ^= 0x10
        return bytes(changed)

    assert "before is damaged inside a compressed block" in refused(restorer, broken(form, flipped))


def test_rows_without_their_end_are_refused(restorer: Restorer, broken: Broken) -> None:
    cut = re.compile(rb"\n\\\.\n.*?(?=\n--\n-- Name: )", re.DOTALL)
    message = refused(restorer, broken("plain", lambda content: cut.sub(b"\n", content, count=1)))
    assert "before is truncated: it ends within 'COPY public.t" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "before is empty, so no backup"),
        (gzip.compress(b"", mtime=0), "before is empty inside its gzip, so no backup"),
        (os.urandom(5000), "before is no backup"),
        (b"Salted__" + bytes(200), "before is no backup"),
        (b"id,name\n1,x\n", "before is no backup"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n", "before is no backup|before is truncated"),
        (b"-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\n", "before is no backup"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "before is compressed with zstd: decompress it"),
        ("-- PostgreSQL database dump".encode("utf-16"), "before is text in UTF-16"),
        (b"PGDMP\x01\x11\x00" + bytes(500), "before was made by a newer pg_dump than the embedded pg_restore 18 knows"),
        (b"-- Dumped by pg_dump version 19.1\n\nSET a = 1;\n", "before was made by pg_dump 19.1, newer than"),
        (b"CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n", "before is truncated: it does not end with"),
        (b"SELECT 1;\n", "before has a statement that no pg_dump writes, SELECT"),
        (b"DO $$BEGIN END$$;\n", "before has a statement that no pg_dump writes, DO"),
        (b"COPY t FROM '/etc/passwd';\n", "before has a statement that no pg_dump writes, COPY t"),
        (b"COPY t FROM PROGRAM 'id';\n", "before has a statement that no pg_dump writes, COPY t"),
        (b"SET client_encoding = 'SJIS';\n", "before cannot be read, SET client_encoding = 'SJIS'"),
    ],
)
def test_what_is_no_backup_is_refused(content: bytes, words: str, restorer: Restorer, tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(content)
    assert re.match(words, refused(restorer, tmp_path / "before"))


def test_a_file_that_does_not_exist_is_refused(restorer: Restorer, tmp_path: Path) -> None:
    assert "before does not exist" in refused(restorer, tmp_path / "before")


def test_a_directory_or_tar_of_something_else_is_refused(restorer: Restorer, tmp_path: Path) -> None:
    assert "is a directory without toc.dat" in refused(restorer, tmp_path)
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("base.txt"), io.BytesIO())
    assert "x.tar is a tar file without toc.dat" in refused(restorer, tmp_path / "x.tar")


@pytest.mark.parametrize("command", [b"\\! touch {}", b"\\i {}", b"\\copy t from {}", b"\\o {}", b"\\set x `touch {}`"])
@pytest.mark.parametrize("where", ["first", "last", "within a statement"])
def test_commands_to_psql_are_not_run(
    command: bytes, where: str, restorer: Restorer, whole: dict[str, Path], tmp_path: Path
) -> None:
    written = command.replace(b"{}", str(tmp_path / "touched").encode())
    content = whole["plain"].read_bytes()
    backup = tmp_path / "before"
    if where == "first":
        backup.write_bytes(written + b"\n" + content)
    elif where == "last":
        backup.write_bytes(content + written + b"\n")
    else:
        backup.write_bytes(content.replace(b"CREATE TABLE public.t (", b"CREATE TABLE public.t (" + written + b"\n"))
    assert re.search(r"before has (the psql command|a command to psql within a statement)", refused(restorer, backup))
    assert not (tmp_path / "touched").exists()


def test_a_schema_without_rows_is_refused(restorer: Restorer, tmp_path: Path) -> None:
    for options in (("--schema-only",), ("--schema-only", "-Fc"), ("--exclude-table-data=*",)):
        backup = dump(restorer.server, "source", tmp_path / "before", *options)
        assert "before holds a schema and no rows" in refused(restorer, backup)


def test_rows_without_a_schema_are_refused(restorer: Restorer, tmp_path: Path) -> None:
    for options in (("--data-only",), ("--data-only", "-Fc"), ("--data-only", "--inserts")):
        backup = dump(restorer.server, "source", tmp_path / "before", *options)
        assert "before holds data only, without a schema" in refused(restorer, backup)


def test_rows_of_a_table_that_is_not_defined_are_refused(restorer: Restorer, tmp_path: Path) -> None:
    schema = dump(restorer.server, "source", tmp_path / "schema", "--schema-only", "--table=t")
    data = dump(restorer.server, "source", tmp_path / "data", "--data-only")
    assert "data has rows of public.u, a table that the backup does not define" in refused(restorer, schema, data)


@pytest.mark.full
def test_a_dump_of_several_databases_is_refused_by_their_names(restorer: Restorer, tmp_path: Path) -> None:
    restorer.server.create("other", template="source")
    try:
        backup = dump(restorer.server, "source", tmp_path / "before", program="pg_dumpall")
    finally:
        restorer.server.drop("other")
    assert re.match(r"before holds several databases \(\w+, \w+, …\)", refused(restorer, backup))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("(id integer", "CHECK (email <> '{SECRET}')"), "violates check constraint"),
        (("email text", "email boolean"), "invalid input syntax for type boolean"),
        (("email text", "email varchar(3)"), "value too long"),
        (("email text", "email public.colour"), "invalid input value for enum public.colour"),
        (("email text", "email json"), "invalid input syntax for type json"),
    ],
)
@pytest.mark.parametrize("form", ["plain", "inserts"])
def test_a_row_that_is_refused_names_its_table_and_not_its_content(
    form: str, change: tuple[str, str], words: str, restorer: Restorer, broken: Broken
) -> None:
    want, other = change[0], change[1].replace("{SECRET}", SECRET)
    if other.startswith("CHECK"):
        want, other = "email text", f"email text {other}"
    types = b"CREATE TYPE public.colour AS ENUM ('red');\nCREATE TABLE public.t ("
    backup = broken(
        form,
        lambda content: content.replace(b"CREATE TABLE public.t (", types, 1).replace(want.encode(), other.encode(), 1),
    )
    message = refused(restorer, backup)
    assert "before: the rows of public.t did not all arrive: " in message
    assert words in message
    assert ("(row 1" in message) == (form == "plain")


def test_a_table_that_cannot_be_created_is_named(restorer: Restorer, broken: Broken) -> None:
    backup = broken("plain", lambda content: content.replace(b"email text", b"email public.geometry", 1))
    message = refused(restorer, backup)
    assert message.startswith('before: table public.t cannot be restored: type "public.geometry" does not exist')


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the children of a process are found in /proc")
def test_an_interrupted_restoration_leaves_no_process(whole: dict[str, Path]) -> None:
    """Interrupted while pg_restore waits for somebody to read."""
    script = (
        "import sys; from pathlib import Path; from postmigration.backups.backup import identify\n"
        f"backup = identify(Path({str(whole['custom'])!r}), Path('/tmp'))\n"
        "with backup.open_sql() as stream:\n    print(len(stream.read(10)), flush=True)\n    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"10\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (child,) = (one for one in children if Path(f"/proc/{one}/comm").read_text().strip() == "pg_restore")
    assert Path(f"/proc/{child}/comm").read_text() == "pg_restore\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in said
    assert not Path(f"/proc/{child}").exists()
