"""Ledgers of migration tools: each tool's own failed, dirty and locked states, behind what they were, and moved on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.ledgers import LEDGERS, find_ledger, find_ledgers
from selftest.check.history_faults import FAULTS, Fault
from selftest.check.judging import Verdict, judge
from selftest.dumps import dump
from selftest.servers import Servers
from selftest.tiers import few

SCRIPT = Path(__file__).with_name("ledgers.sql")
CHECK = "test_ledgers_of_migration_tools_are_in_order"
MODULES = ("test_history", "test_rows", "test_references")
COUNTER = itertools.count()

Judged = Callable[..., Verdict]


@pytest.fixture(scope="module")
def ledgers(servers: Servers) -> Iterator[embedded.Server]:
    """A server with the ledgers of all tools in the database `ledgers`."""
    server: embedded.Server = servers[18]
    server.create("ledgers")
    with server.connect("ledgers") as connection:
        embedded.run_script(connection, SCRIPT)
    yield server
    server.drop("ledgers")


@pytest.fixture
def judged(ledgers: embedded.Server) -> Iterator[Judged]:
    """Judges a copy in which a statement was run, beside what it was; `before` was run on both sides."""
    made: list[str] = []

    def run(sql: str, *, before: str = "", alone: bool = False, baseline: str = "") -> Verdict:
        template = copy(before, "ledgers") if before else "ledgers"
        after = copy(sql, template)
        named = "" if alone else baseline or ledgers.conninfo(template)
        return judge(named, ledgers.conninfo(after), only=MODULES)

    def copy(sql: str, template: str) -> str:
        made.append(f"ledgers_{next(COUNTER)}")
        ledgers.create(made[-1], template=template)
        with ledgers.connect(made[-1]) as connection:
            connection.execute(sql.encode())
        return made[-1]

    yield run
    for name in made:
        ledgers.drop(name)


def is_said(verdict: Verdict, fault: Fault, level: str) -> bool:
    return any(fault.words in words for words in verdict.words(level))


@pytest.mark.parametrize("fault", few(FAULTS, 0, 9, 23, 26), ids=lambda fault: fault.words[:60])
def test_a_ledger_that_is_not_in_order_turns_its_check_red_and_no_other(judged: Judged, fault: Fault) -> None:
    verdict = judged(fault.sql)
    assert is_said(verdict, fault, fault.level), (verdict.words("blocker"), verdict.words("warning"))
    assert verdict.red() == ({CHECK} if fault.level == "blocker" else set()), verdict.words("blocker")
    assert verdict.yellow() == ({CHECK} if fault.level == "warning" else set()), verdict.words("warning")


@pytest.mark.full
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.level == "blocker"][:9])
def test_a_trouble_that_was_there_before_is_a_warning(judged: Judged, fault: Fault) -> None:
    verdict = judged("SELECT 1", before=fault.sql)
    assert is_said(verdict, fault, "warning")
    assert not verdict.red(), verdict.words("blocker")


def test_without_a_state_before_the_own_states_are_judged(judged: Judged) -> None:
    dirty, empty = FAULTS[0], "TRUNCATE django_migrations"
    verdict = judged(f"{dirty.sql}; {empty}", alone=True)
    assert is_said(verdict, dirty, "blocker")
    assert len(verdict.words("blocker")) == 1
    assert [words for words in verdict.words("warning") if "django_migrations (Django): it is empty" in words]


def test_ledgers_in_order_are_accused_of_nothing(judged: Judged) -> None:
    verdict = judged("SELECT 1")
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")
    alone = judged("SELECT 1", alone=True)
    assert not alone.red() | alone.yellow(), alone.words("warning")


def test_a_ledger_that_is_gone_is_told_once(judged: Judged) -> None:
    verdict = judged("DROP TABLE alembic_version; DROP SCHEMA supabase_migrations CASCADE")
    assert [w for w in verdict.words("told") if "alembic_version (Alembic): it is gone, and ended with ae1027a" in w]
    assert not verdict.red(), verdict.words("blocker")


@pytest.mark.full
def test_a_dump_holds_ledgers_too(ledgers: embedded.Server, judged: Judged, tmp_path: Path) -> None:
    file = dump(ledgers, "ledgers", tmp_path / "before.dump", "-Fc")
    verdict = judged("UPDATE go.schema_migrations SET version = 6; DELETE FROM alembic_version", baseline=str(file))
    words = " ".join(verdict.words("blocker"))
    assert verdict.red() == {CHECK}
    assert "its version was 7, is 6" in words
    assert "alembic_version (Alembic): it is empty, and its head was ae1027a6acf" in words


def test_of_a_platform_the_ledger_of_the_application_is_judged_and_no_other(judged: Judged) -> None:
    platform = """
        CREATE SCHEMA auth; CREATE SCHEMA storage;
        CREATE TABLE auth.users (id uuid PRIMARY KEY); CREATE TABLE auth.identities (id uuid PRIMARY KEY);
        CREATE TABLE storage.buckets (id text PRIMARY KEY); CREATE TABLE storage.objects (id uuid PRIMARY KEY);
        CREATE TABLE auth.schema_migrations (version text PRIMARY KEY);
        INSERT INTO auth.schema_migrations VALUES ('1'), ('2')"""
    verdict = judged("DELETE FROM auth.schema_migrations; DROP SCHEMA supabase_migrations CASCADE", before=platform)
    assert verdict.words("blocker") == [
        "supabase_migrations.schema_migrations (Supabase): it is gone, and ended with 20240201: "
        "the tool would begin with the first migration"
    ]


def test_a_database_without_a_ledger_is_nothing_to_judge(servers: Servers) -> None:
    with servers[18].connect("postgres") as connection:
        connection.execute("SELECT 1")
    assert CHECK in judge("", servers[18].conninfo("postgres"), only=["test_history"]).unjudged


def test_a_ledger_that_may_not_be_read_is_not_judged(judged: Judged, ledgers: embedded.Server) -> None:
    name = f"ledgers_{next(COUNTER)}"
    ledgers.create(name, template="ledgers")
    with ledgers.connect(name) as connection:
        connection.execute(
            f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA public TO {name}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}; "
            "ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY".encode()
        )
    verdict = judge("", psycopg.conninfo.make_conninfo(ledgers.conninfo(name), user=name), only=["test_history"])
    ledgers.drop(name)
    with ledgers.connect("postgres") as connection:
        connection.execute(f"DROP ROLE {name}".encode())
    assert "alembic_version: query would be affected by row-level security" in verdict.unjudged[CHECK]
    assert "permission denied for schema sqitch" in verdict.unjudged[CHECK]


def test_every_ledger_is_found_by_its_name_and_some_by_their_columns(ledgers: embedded.Server) -> None:
    database = Database(ledgers.conninfo("ledgers"), option="--db-url")
    with closing(database), closing(Snapshot(database)) as snapshot:
        found = find_ledgers(snapshot)
    assert {ledger.tool for ledger in found.values()} >= {"Alembic", "Django", "Flyway", "Sqitch", "Atlas", "Supabase"}
    for ledger in LEDGERS:
        assert find_ledger(ledger.schema or "public", ledger.table, ledger.columns), ledger.tool
    assert find_ledger("public", "shop_migrations", ["version", "dirty"])
    assert not find_ledger("public", "migrations", ["id", "timestamp", "name", "country"])
    assert not find_ledger("public", "changes", ["id", "change"])
