"""Other encodings than UTF-8, and other languages than English."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from selftest.conftest import Judge, Judged
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])

GERMAN = Path("/usr/share/locale/de/LC_MESSAGES/postgres-15.mo")

Encoded = Callable[..., str]


@pytest.fixture
def encoded(server: SystemServer) -> Encoded:
    """Makes a database of an encoding with the rows of `legacy`, without the characters that LATIN1 has not."""

    def make(name: str, encoding: str, *, migrate: bool) -> str:
        with server.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
        written = subprocess.run(
            [SYSTEM_BINARIES / "pg_dump", "-d", server.conninfo("legacy")], check=True, capture_output=True
        )
        narrow = written.stdout.decode().encode("latin1", "replace").decode("latin1")
        subprocess.run(
            [SYSTEM_BINARIES / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo(name)],
            input=narrow.encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        if migrate:
            with psycopg.connect(server.conninfo(name), client_encoding="UTF8", autocommit=True) as connection:
                for script in MIGRATION.scripts:
                    embedded.run_script(connection, script)
        return server.conninfo(name)

    return make


@pytest.mark.full
@pytest.mark.parametrize("encoding", few(["LATIN1", "SQL_ASCII"], full=()))
def test_another_encoding_changes_no_verdict(encoded: Encoded, judge: Judge, encoding: str) -> None:
    target = encoded(f"after_{encoding.lower()}", encoding, migrate=True)
    baseline = f"--baseline={encoded(f'before_{encoding.lower()}', 'UTF8', migrate=False)}"
    judged = judge(f"--db-url={target}", baseline)
    assert judged.status == 0, judged.output
    with psycopg.connect(target, client_encoding="UTF8", autocommit=True) as connection:
        connection.execute("UPDATE reviews SET comments = 'é' WHERE id = (SELECT min(id::text)::uuid FROM reviews)")
    assert judge(f"--db-url={target}", baseline).status == 1


@pytest.mark.full
def test_bytes_that_are_no_text_are_not_judged(encoded: Encoded, judge: Judge) -> None:
    target = encoded("after_bytes", "SQL_ASCII", migrate=True)
    before = encoded("before_bytes", "SQL_ASCII", migrate=False)
    for conninfo in (target, before):
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(b"UPDATE contacts SET contact_name = E'caf\\xe9' || id, company_name = company_name")
    judged = judge(f"--db-url={target}", f"--baseline={before}")
    assert judged.status == 1, judged.output
    assert "failed" not in {result.outcome for result in judged.results}
    assert "broken" not in {result.outcome for result in judged.results}
    reasons = " ".join(result.reason for result in judged.results)
    # Which bytes they are is content of a row.
    assert "invalid byte sequence for encoding" in reasons
    assert "0xe9" not in reasons
    assert "the server's encoding is not what it says" in reasons
    assert not re.search("Traceback|INTERNALERROR", judged.output)


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemServer]:
    """A server that speaks German, with the databases `legacy` and `migrated`."""
    monkeypatch.setenv("LANGUAGE", "de")
    server = SystemServer()
    try:
        demonstration_world(server, MIGRATION, seed=1, size=60)
        yield server
    finally:
        server.stop()


@pytest.mark.full
@pytest.mark.skipif(not GERMAN.exists(), reason=f"the messages of PostgreSQL 15 are not there in German: {GERMAN}")
def test_messages_in_another_language_are_understood(server: SystemServer, german: SystemServer, judge: Judge) -> None:
    target = german.conninfo("migrated")
    with german.connect("migrated") as other, pytest.raises(psycopg.Error, match="Division durch Null"):
        other.execute("SELECT 1 / 0")
    assert judge(f"--db-url={target}").status == 0
    locked, english = (judge_locked(one, judge) for one in (german, server))
    assert locked.outcome("6") == "not judged"
    assert "another session held a lock" in locked.output
    assert (locked.status, outcomes(locked)) == (english.status, outcomes(english))
    with german.connect("migrated") as connection:
        embedded.run_script(connection, MIGRATION.faults / "16__dangling.sql")
    assert judge(f"--db-url={target}").red() == {"16", "constraints_hold_for_every_row"}


def judge_locked(server: SystemServer, judge: Judge) -> Judged:
    with server.connect("migrated") as other:
        other.autocommit = False
        other.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        return judge(f"--db-url={server.conninfo('migrated')}", "--lock-timeout=1", "-k", "contacts")


def outcomes(judged: Judged) -> dict[str, str]:
    return {result.nodeid: result.outcome for result in judged.results}
