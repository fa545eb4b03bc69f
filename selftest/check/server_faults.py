"""What can go wrong beside the schemas of a database, one fault each: SQL, the check that says so, and its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        sql: what is done to the database, statement by statement.
        check: the check that says so.
        words: what is said.
        level: how grave it is.
        undo: what takes it back.
        before: what is done first, on both sides.
        undo_before: what takes that back.
    """

    sql: tuple[str, ...]
    check: str
    words: str
    level: str = "blocker"
    undo: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    undo_before: tuple[str, ...] = ()


LEFT_OVER, RECEIVE = "nothing_is_left_over_of_replication", "subscriptions_receive"
OPEN, SESSIONS, PASSWORDS = "the_database_is_open", "no_transaction_is_left_open", "roles_keep_their_passwords"
JOBS, HOSTS = "jobs_run_as_before", "nothing_names_the_old_host"
SUBSCRIBE = (
    "CREATE SUBSCRIPTION moved CONNECTION 'dbname=nowhere' PUBLICATION move WITH (connect = false, slot_name = NONE)",
)
ENABLE = (*SUBSCRIBE, "ALTER SUBSCRIPTION moved SET (slot_name = 'moved')", "ALTER SUBSCRIPTION moved ENABLE")
FORGET = (
    "ALTER SUBSCRIPTION moved DISABLE",
    "ALTER SUBSCRIPTION moved SET (slot_name = NONE)",
    "DROP SUBSCRIPTION moved",
)
_COPYING = "INSERT INTO pg_subscription_rel SELECT oid, 'client'::regclass, 'd' FROM pg_subscription"
_LIMIT = "ALTER DATABASE shop CONNECTION LIMIT"
_READ_ONLY = "default_transaction_read_only"

# Those of whole servers need some of their own, with wal_level = logical, and pg_cron.
FAULTS = (
    Fault(SUBSCRIBE, LEFT_OVER, "subscription moved is left over: it is disabled", "warning", FORGET[1:]),
    Fault(
        ("SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')",),
        LEFT_OVER,
        "replication slot forgotten is inactive: nobody reads it, and it keeps",
        "warning",
        ("SELECT pg_drop_replication_slot('forgotten')",),
    ),
    Fault(
        ("SELECT pg_create_physical_replication_slot('spare', true)",),
        LEFT_OVER,
        "physical replication slot of the server spare is inactive",
        "told",
        ("SELECT pg_drop_replication_slot('spare')",),
    ),
    Fault(
        ("SELECT pg_replication_origin_create('tool_of_the_move')",),
        LEFT_OVER,
        "replication origin tool_of_the_move is left over",
        "warning",
        ("SELECT pg_replication_origin_drop('tool_of_the_move')",),
    ),
    Fault(
        ("SET allow_system_table_mods = on", "INSERT INTO pg_replication_origin VALUES (999, 'pg_99999')"),
        LEFT_OVER,
        "replication origin pg_99999 is left over",
        "warning",
        ("SET allow_system_table_mods = on", "DELETE FROM pg_replication_origin WHERE roname = 'pg_99999'"),
    ),
    Fault(FORGET, LEFT_OVER, "subscription moved is gone", "warning", before=ENABLE, undo_before=("SELECT 1",)),
    Fault(ENABLE, RECEIVE, "subscription moved: it is enabled, and no worker of it runs", undo=FORGET),
    Fault(
        ("SET allow_system_table_mods = on", _COPYING),
        RECEIVE,
        "subscription moved: 1 table is not copied whole: public.client",
        before=SUBSCRIBE,
        undo_before=FORGET[1:],
    ),
    Fault(
        ("ALTER SUBSCRIPTION moved DISABLE",),
        RECEIVE,
        "subscription moved: it is disabled, and was enabled",
        before=ENABLE,
        undo_before=FORGET,
    ),
    # Open transactions
    Fault(
        ("BEGIN", "INSERT INTO client VALUES (1000)", "PREPARE TRANSACTION 'payment-17'"),
        SESSIONS,
        "transaction payment-17 of role postgres has been prepared for",
        undo=("ROLLBACK PREPARED 'payment-17'",),
    ),
    # Closed
    Fault(
        (f"ALTER DATABASE shop SET {_READ_ONLY} = on",),
        OPEN,
        f"the database has {_READ_ONLY} = on: nobody can write",
        undo=(f"SET {_READ_ONLY} = off", f"ALTER DATABASE shop RESET {_READ_ONLY}"),
    ),
    Fault(
        (f"ALTER ROLE ALL SET {_READ_ONLY} = on",),
        OPEN,
        f"all roles have {_READ_ONLY} = on: nobody can write",
        undo=(f"SET {_READ_ONLY} = off", f"ALTER ROLE ALL RESET {_READ_ONLY}"),
    ),
    Fault((f"{_LIMIT} 0",), OPEN, "lets in no connections at a time (CONNECTION LIMIT)", undo=(f"{_LIMIT} -1",)),
    Fault((f"{_LIMIT} 5",), OPEN, "lets in 5 connections at a time", undo=(f"{_LIMIT} -1",)),
    Fault(
        (f"{_LIMIT} 7",),
        OPEN,
        "lets in 7 connections at a time (CONNECTION LIMIT), and let in 20 before",
        before=(f"{_LIMIT} 20",),
        undo_before=(f"{_LIMIT} -1",),
    ),
    Fault(
        ("REVOKE CONNECT ON DATABASE shop FROM PUBLIC",),
        OPEN,
        "shop_app, shop_reader may no longer connect to the database (CONNECT)",
        undo=(
            "GRANT CONNECT ON DATABASE shop TO PUBLIC",
            "REVOKE CONNECT ON DATABASE shop FROM shop_app, shop_reader",
        ),
    ),
    Fault(
        ("SELECT 1",),
        OPEN,
        "no role that holds something here may connect to the database: shop_app, shop_reader; it was so before",
        "warning",
        before=("REVOKE CONNECT ON DATABASE shop FROM PUBLIC",),
        undo_before=("GRANT CONNECT ON DATABASE shop TO PUBLIC",),
    ),
    # Roles
    Fault(
        ("ALTER ROLE shop_app PASSWORD NULL",),
        PASSWORDS,
        "role shop_app has no password, and had one",
        "warning",
        ("ALTER ROLE shop_app PASSWORD 'secret'",),
    ),
    Fault(
        ("ALTER ROLE shop_app VALID UNTIL '2020-01-01'",),
        PASSWORDS,
        "the password of role shop_app is no longer valid",
        "warning",
        ("ALTER ROLE shop_app VALID UNTIL 'infinity'",),
    ),
    Fault(
        ("SET password_encryption = md5", "ALTER ROLE shop_app PASSWORD 'secret'"),
        PASSWORDS,
        "passwords that are kept as MD5 hashes: shop_app",
        "told",
        ("ALTER ROLE shop_app PASSWORD 'secret'",),
    ),
    # Jobs, and the old host
    Fault(
        ("CREATE TEMP TABLE kept AS TABLE cron.job", "DELETE FROM cron.job"),
        JOBS,
        "all jobs of pg_cron are gone: job nightly (0 3 1 1 *), job 2 (0 4 1 1 *)",
        undo=("@jobs",),
    ),
    Fault(("SELECT cron.unschedule('nightly')",), JOBS, "job nightly (0 3 1 1 *) is gone", undo=("@jobs",)),
    Fault(
        ("UPDATE cron.job SET active = false WHERE jobname = 'nightly'",),
        JOBS,
        "job nightly (0 3 1 1 *) is switched off, and was active",
        undo=("@jobs",),
    ),
    Fault(
        ("UPDATE cron.job SET database = 'shop_old' WHERE jobname = 'nightly'",),
        JOBS,
        "job nightly (0 3 1 1 *) runs in shop_old, and not where it ran",
        undo=("@jobs",),
    ),
    Fault(
        ("SELECT cron.schedule('0 4 1 1 *', 'SELECT 2')",),
        JOBS,
        "job 2 (0 4 1 1 *) stands there 2 times",
        "warning",
        ("@jobs",),
    ),
    Fault(
        ("UPDATE cron.job SET schedule = '0 5 1 1 *' WHERE jobname = 'nightly'",),
        JOBS,
        "job nightly (0 3 1 1 *) has another schedule than before",
        "warning",
        ("@jobs",),
    ),
    Fault(
        ("ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (DROP password)",),
        "user_mappings_keep_their_options",
        "user mapping of far for PUBLIC has no password, and had: nobody can log in",
        undo=("ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (ADD password 'secret')",),
    ),
    Fault(
        ("CREATE FUNCTION ask() RETURNS text LANGUAGE sql AS $$ SELECT 'host=old-db.example.org dbname=shop' $$",),
        HOSTS,
        "function public.ask() still names the host of before",
        "warning",
        ("DROP FUNCTION ask()",),
    ),
    Fault(
        ("CREATE SERVER old FOREIGN DATA WRAPPER nowhere OPTIONS (host 'Old-DB.example.org')",),
        HOSTS,
        "foreign server old still names the host of before",
        "warning",
        ("DROP SERVER old",),
    ),
    Fault(
        ("SELECT cron.schedule('new', '0 6 1 1 *', 'CALL f(''old-db.example.org'')')",),
        HOSTS,
        "of pg_cron still names the host of before",
        "warning",
        ("@jobs",),
    ),
)

# What is done on both sides, to the database alone, and what takes it back.
SOUND: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "nothing": ((), (), ()),
    "a reporting role that is read-only": (
        (),
        (f"ALTER ROLE shop_reader SET {_READ_ONLY} = on",),
        (f"ALTER ROLE shop_reader RESET {_READ_ONLY}",),
    ),
    "more connections than before": ((f"{_LIMIT} 20",), (f"{_LIMIT} 40",), (f"{_LIMIT} -1",)),
    "connections granted to roles instead of everybody": (
        (),
        ("REVOKE CONNECT ON DATABASE shop FROM PUBLIC", "GRANT CONNECT ON DATABASE shop TO shop_app, shop_reader"),
        ("GRANT CONNECT ON DATABASE shop TO PUBLIC", "REVOKE CONNECT ON DATABASE shop FROM shop_app, shop_reader"),
    ),
    "a subscription of both": (SUBSCRIBE, (), FORGET[1:]),
    "a password that was renewed": (
        (),
        ("ALTER ROLE shop_app PASSWORD 'other' VALID UNTIL '2999-01-01'",),
        ("ALTER ROLE shop_app PASSWORD 'secret' VALID UNTIL 'infinity'",),
    ),
    "jobs of other numbers, and one more": (
        (),
        (
            "UPDATE cron.job SET jobid = jobid + 100",
            "SELECT cron.schedule('more', '0 7 1 1 *', 'SELECT 3')",
        ),
        ("@jobs",),
    ),
    "another host": (
        (),
        ("CREATE FUNCTION ask() RETURNS text LANGUAGE sql AS $$ SELECT 'very-old-db.example.org' $$",),
        ("DROP FUNCTION ask()",),
    ),
}
