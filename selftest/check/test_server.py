"""Replication, sessions, jobs, roles and settings: each fault is found by its check alone, and what is sound is not."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from postmigration.checks.server import sessions
from postmigration.postgres import embedded
from selftest.check.judging import judge
from selftest.check.server_faults import FAULTS, FORGET, LEFT_OVER, SOUND, SUBSCRIBE, Fault
from selftest.check.server_pair import CRON, Pair
from selftest.servers import Servers


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    if not CRON.exists():
        pytest.skip(reason=f"no pg_cron of PostgreSQL 15: {CRON}")
    pair = Pair()
    yield pair
    pair.stop()


@pytest.fixture
def planted(pair: Pair, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Fault]:
    fault: Fault = request.param
    before, after = pair.servers
    monkeypatch.setattr(sessions, "PREPARED", 0)
    for server in (before, after):
        pair.run(server, fault.before)
    pair.run(after, fault.sql)
    yield fault
    pair.run(after, fault.undo)
    gone = fault.sql is FORGET
    for server in (before, after)[: 1 if gone else 2]:
        pair.run(server, FORGET if gone else fault.undo_before)


@pytest.mark.full
@pytest.mark.parametrize("planted", FAULTS, ids=lambda fault: fault.words[:60], indirect=True)
def test_a_fault_is_found_by_its_check(pair: Pair, planted: Fault) -> None:
    verdict = pair.judge()
    named = f"test_{planted.check}"
    assert any(planted.words in words for words in verdict.words(planted.level)), verdict
    assert verdict.red() == ({named} if planted.level == "blocker" else set()), verdict.words("blocker")
    # A subscription that does not receive is left over besides.
    also = {f"test_{LEFT_OVER}"} if planted.check == "subscriptions_receive" else set()
    assert verdict.yellow() - also == ({named} if planted.level == "warning" else set()), verdict.words("warning")
    assert "secret" not in str(verdict)


@pytest.mark.full
@pytest.mark.parametrize("what", SOUND)
def test_what_is_sound_is_not_accused(pair: Pair, what: str) -> None:
    both, done, undo = SOUND[what]
    for server in pair.servers:
        pair.run(server, both)
    pair.run(pair.servers[1], done)
    verdict = pair.judge()
    alone = pair.judge(alone=True)
    for server in pair.servers if both else pair.servers[1:]:
        pair.run(server, undo)
    assert not verdict.red() | alone.red(), (verdict.words("blocker"), alone.words("blocker"))
    # What is set for a role is compared with what was set, whatever it is.
    assert verdict.yellow() <= {"test_settings_are_as_before"}, verdict.words("warning")
    assert "work_mem was 4096kB, is 8192kB" in verdict.words("told")
    assert ("subscriptions, as before: moved" in verdict.words("told")) == (both == SUBSCRIBE)


@pytest.mark.full
def test_a_session_that_is_idle_in_a_transaction_is_found(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = pair.conninfos()
    with psycopg.connect(after, application_name="left open") as session:
        session.execute("SELECT FROM client")
        assert not pair.judge().yellow()
        monkeypatch.setattr(sessions, "IDLE", 0)
        verdict = pair.judge()
        assert verdict.yellow() == {"test_no_transaction_is_left_open"}
        assert "of role postgres (left open) has been idle in a transaction for" in verdict.words("warning")[0]
        with psycopg.connect(before, application_name="left open") as other:
            other.execute("SELECT FROM client")
            inherited = pair.judge()
        assert not inherited.yellow()
        # Who may not see the sessions of others says so.
        reader = psycopg.conninfo.make_conninfo(after, user="shop_reader", password="secret")
        blind = judge("", reader, only=["test_server"])
    assert "sessions of other roles: GRANT pg_read_all_stats" in blind.unjudged["test_no_transaction_is_left_open"]
    assert "only a superuser may read pg_authid" in blind.unjudged["test_roles_keep_their_passwords"]


@pytest.mark.full
def test_a_database_that_is_closed_is_found_without_a_state_before(pair: Pair) -> None:
    closed = (
        "REVOKE CONNECT ON DATABASE shop FROM PUBLIC",
        "ALTER DATABASE shop SET search_path = pg_catalog",
        "ALTER DATABASE shop CONNECTION LIMIT 0",
    )
    pair.run(pair.servers[1], closed)
    verdict = pair.judge(alone=True)
    pair.run(
        pair.servers[1],
        (
            "GRANT CONNECT ON DATABASE shop TO PUBLIC",
            "ALTER DATABASE shop RESET search_path",
            "ALTER DATABASE shop CONNECTION LIMIT -1",
        ),
    )
    assert verdict.red() == {"test_the_database_is_open"}
    words = " ".join(verdict.words("blocker"))
    assert "no role that holds something here may connect to the database: shop_app, shop_reader" in words
    assert "the database has search_path = pg_catalog, where none of the application's tables is" in words
    assert "the database lets in no connections at a time" in words


@pytest.mark.full
def test_a_publication_that_the_database_reads_itself_is_told(pair: Pair) -> None:
    pair.run(pair.servers[0], ("CREATE PUBLICATION move FOR TABLE client",))
    pair.run(pair.servers[1], SUBSCRIBE)
    verdict = judge(*pair.conninfos(), only=["test_objects"])
    pair.run(pair.servers[1], FORGET[1:])
    other = judge(*pair.conninfos(), only=["test_objects"])
    pair.run(pair.servers[0], ("DROP PUBLICATION move",))
    told = "publication move is gone: a subscription of this database reads it there"
    assert told in verdict.words("told")
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")
    assert other.words("warning") == ["publication move is gone"]


def test_a_subscription_that_is_left_over_is_found(servers: Servers) -> None:
    server: embedded.Server = servers[18]
    server.create("left_over")
    with server.connect("left_over") as connection:
        for statement in SUBSCRIBE:
            connection.execute(statement.encode())
        found = judge("", server.conninfo("left_over"), only=["test_replication"])
        for statement in FORGET[1:]:
            connection.execute(statement.encode())
    nothing = judge("", server.conninfo("left_over"), only=["test_replication", "test_jobs"])
    server.drop("left_over")
    assert found.words("warning") == [
        "subscription moved is left over: it is disabled; drop it when the database is to go live"
    ]
    assert f"test_{LEFT_OVER}" in nothing.unjudged
    assert "there is no job of pg_cron on either side" in nothing.unjudged["test_jobs_run_as_before"]
