"""Two servers with the same database, on the second of which faults of whole servers are planted."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from postmigration.postgres import embedded
from selftest.check.judging import Verdict, judge
from selftest.servers import SYSTEM_BINARIES, SystemServer

MODULES = ("test_replication", "test_server", "test_jobs", "test_settings")
# No worker of a subscription is to come and go while it is looked at; no job is to run.
SETTINGS = (
    "-c wal_level=logical -c max_prepared_transactions=5 -c max_logical_replication_workers=0 "
    "-c shared_preload_libraries=pg_cron -c cron.database_name=shop"
)
CRON = SYSTEM_BINARIES.parent / "lib" / "pg_cron.so"
JOBS = (
    "DELETE FROM cron.job",
    "ALTER SEQUENCE cron.jobid_seq RESTART",
    "SELECT cron.schedule('nightly', '0 3 1 1 *', 'SELECT 1')",
    "SELECT cron.schedule('0 4 1 1 *', 'SELECT 2')",
)
WORLD = (
    "CREATE ROLE shop_app LOGIN PASSWORD 'secret'",
    "CREATE ROLE shop_reader LOGIN PASSWORD 'secret'",
    "CREATE TABLE client (id integer PRIMARY KEY)",
    "ALTER TABLE client OWNER TO shop_app",
    "GRANT SELECT ON client TO shop_reader",
    "INSERT INTO client SELECT generate_series(1, 9)",
    "CREATE FOREIGN DATA WRAPPER nowhere",
    "CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'far.example.org')",
    "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'shop', password 'secret')",
)


class Pair:
    """Two servers with the same database, on the second of which faults are planted."""

    def __init__(self) -> None:
        self.servers = [SystemServer(f"{SETTINGS} -c work_mem={size}MB") for size in (4, 8)]
        for server in self.servers:
            server.create("shop")
            self.run(server, (*WORLD, "CREATE EXTENSION pg_cron", *JOBS))

    def run(self, server: embedded.Server, statements: Sequence[str]) -> None:
        """Runs statements in one session, each in a transaction of its own."""
        with server.connect("shop") as connection:
            for statement in statements:
                for one in JOBS if statement == "@jobs" else (statement,):
                    connection.execute(one.encode())

    def conninfos(self) -> tuple[str, str]:
        """The connection strings of both; the host of before has a name, too."""
        before, after = (server.conninfo("shop") for server in self.servers)
        named = psycopg.conninfo.make_conninfo(before, host="old-db.example.org", hostaddr="127.0.0.1")
        return named, after

    def judge(self, *, alone: bool = False) -> Verdict:
        """Judges the database beside the state before."""
        before, after = self.conninfos()
        return judge("" if alone else before, after, only=MODULES)

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
