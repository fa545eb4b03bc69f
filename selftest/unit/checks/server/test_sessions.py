from postmigration.checks.server.sessions import examine
from selftest.unit.uncommitted import Fill

# The server's views, as they are on a server on which somebody has left transactions open.
PREPARED = """
    CREATE OR REPLACE VIEW pg_catalog.pg_prepared_xacts AS
        SELECT CAST('9' AS xid) AS transaction, CAST(gid AS text) AS gid, clock_timestamp() - old AS prepared,
               CAST('shop' AS name) AS ownerid, current_database() AS database
        FROM (VALUES ('order''s', interval '3 hours'), ('fresh', interval '5 seconds')) AS v (gid, old)
"""
IDLE = """
    ALTER VIEW pg_catalog.pg_stat_activity RENAME TO pg_stat_activity_of_now;
    CREATE VIEW pg_catalog.pg_stat_activity AS
        SELECT current_database() AS datname, CAST('shop' AS name) AS usename, application_name, pid, backend_type,
               state, clock_timestamp() - old AS state_change
        FROM (VALUES ('worker', 71, 'client backend', 'idle in transaction', interval '2 days'),
                     ('fresh', 72, 'client backend', 'idle in transaction', interval '1 minute'),
                     ('busy', 73, 'client backend', 'active', interval '2 days'),
                     ('postmigration 1', 74, 'client backend', 'idle in transaction', interval '2 days'))
             AS v (application_name, pid, backend_type, state, old)
"""
HIDDEN = IDLE.replace("('worker', 71, 'client backend'", "('', 71, NULL")
VIEW = "DROP VIEW pg_catalog.pg_prepared_xacts; " + PREPARED.replace("ownerid", "owner")


def test_a_prepared_transaction_that_nobody_ended_is_found(was: Fill, now: Fill) -> None:
    found = examine(now(VIEW), was())
    (finding,) = found.findings
    assert finding.statement == (
        "transaction order's of role shop has been prepared for 3 hours: it keeps its locks, over every restart, and "
        "VACUUM from its work"
    )
    assert (finding.severity, finding.code) == ("blocker", "transaction_prepared")
    assert finding.repair.startswith("ROLLBACK PREPARED 'order''s';")
    assert found.notes == ["transaction fresh of role shop has been prepared for 5 seconds"]


def test_a_session_that_is_idle_in_a_transaction_is_found(was: Fill, now: Fill) -> None:
    found = examine(now(IDLE), was())
    (finding,) = found.findings
    assert finding.statement.startswith(
        "session 71 of role shop (worker) has been idle in a transaction for 2 days: it keeps its locks"
    )
    assert (finding.severity, finding.repair) == ("warning", "SELECT pg_terminate_backend(71);")
    # One for the database, and one for each session that was idle in a transaction.
    assert found.facts == 3


def test_what_was_so_before_is_no_new_fault(was: Fill, now: Fill) -> None:
    found = examine(now(VIEW, IDLE), was(VIEW, IDLE))
    (finding,) = found.findings
    assert finding.severity == "warning"
    assert finding.statement.endswith("it was so before")
    assert [note.endswith("; it was so before") for note in found.notes] == [False, True]


def test_sessions_that_may_not_be_seen_are_not_judged(now: Fill) -> None:
    assert examine(now(HIDDEN), None).unjudged == ["1 session of another role: GRANT pg_read_all_stats"]


def test_a_database_without_open_transactions_has_no_finding(now: Fill) -> None:
    found = examine(now(), None)
    assert (found.findings, found.unjudged, found.facts) == ([], [], 1)
