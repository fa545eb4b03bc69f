"""Servers for the selftests: the embedded ones, and PostgreSQL 15 as Debian packages it, where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded

SYSTEM_BINARIES = Path("/usr/lib/postgresql/15/bin")
# The newest first: it is the one on which everything is proven by default.
VERSIONS = (18, 16, 15) if SYSTEM_BINARIES.exists() else (18, 16)
POOLER = Path("/usr/sbin/pgbouncer")
PASSWORD = "correct horse"


class SystemServer(embedded.Server):
    """PostgreSQL 15 with contrib and passwords, on TCP and a unix socket, in a directory of its own.

    Args:
        settings: further options of the server, as its command line takes them.
    """

    more_settings = ""

    def __init__(self, settings: str = "") -> None:
        self.more_settings = settings
        self._settle()
        password_file = self.directory / "password"
        password_file.write_text(PASSWORD)
        shutil.chown(password_file, self.user)
        self._run(
            *("initdb", "-D", self._data, "-U", "postgres", "--pwfile", str(password_file), "--no-sync"),
            *("--auth-host=scram-sha-256", "--auth-local=trust", "--locale=C.UTF-8", "--encoding=UTF8"),
        )
        self._start()

    def _settle(self) -> None:
        self.version = 15
        self.label = "PostgreSQL 15 of Debian"
        # Neither PostgreSQL nor pgbouncer runs as root.
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.directory = Path(tempfile.mkdtemp(prefix="postmigration-15-"))
        shutil.chown(self.directory, self.user)
        self._data = str(self.directory / "data")
        self.port = free_port()

    def _start(self) -> None:
        settings = f"-p {self.port} -k {self.directory} -h 127.0.0.1 -c fsync=off -c full_page_writes=off"
        settings = f"{settings} {self.more_settings}"
        self._run("pg_ctl", "-D", self._data, "-l", str(self.directory / "log"), "-w", "-o", settings, "start")
        self._parts: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": str(self.port),
            "user": "postgres",
            "password": PASSWORD,
            "sslmode": "disable",
        }

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [SYSTEM_BINARIES / program, *arguments],
            check=True,
            user=self.user if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def socket_conninfo(self, database: str) -> str:
        """The connection string over the unix socket."""
        return make_conninfo("", host=str(self.directory), port=self.port, user="postgres", dbname=database)

    def stop_at_once(self) -> None:
        """Stops the server as a crash does; its files stay."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def start_again(self) -> None:
        """Starts the server after that, at the same address."""
        self._start()

    def stop(self) -> None:
        self.stop_at_once()
        shutil.rmtree(self.directory)


class Servers:
    """One server of each version for a whole session, started when it is asked for.

    Selftests share them: what ends sessions of others, stops the server or changes its settings needs one of its own.
    """

    def __init__(self) -> None:
        self._running: dict[int, embedded.Server] = {}
        self._worlds: set[tuple[int, str]] = set()

    def __getitem__(self, version: int) -> embedded.Server:
        if version not in self._running:
            if version == 15 and not SYSTEM_BINARIES.exists():
                pytest.skip(reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
            self._running[version] = SystemServer() if version == 15 else embedded.Server(version)
            with self._running[version].connect("postgres") as connection:
                # It is never recovered: WAL that is kept is room that is lost.
                connection.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
                connection.execute("SELECT pg_reload_conf()")
        return self._running[version]

    def world(self, version: int, *, size: int = 60, ending: str = "") -> embedded.Server:
        """The server with a demonstration world in the databases `legacy` and `migrated`, both with this ending."""
        if (version, ending) not in self._worlds:
            demonstration_world(self[version], MIGRATION, seed=1, size=size, ending=ending)
            self._worlds.add((version, ending))
        return self[version]

    def stop(self) -> None:
        """Stops them all."""
        for server in self._running.values():
            server.stop()


class Standby(SystemServer):
    """A hot standby of a server, which follows it until it is stopped."""

    def __init__(self, primary: SystemServer) -> None:
        self._settle()
        self._run(
            *("pg_basebackup", "-D", self._data, "-R", "--checkpoint=fast", "--no-sync"),
            *("-h", str(primary.directory), "-p", str(primary.port), "-U", "postgres"),
        )
        self._start()


class Pooler:
    """pgbouncer in front of a server.

    Args:
        server: what it connects to.
        mode: what gets one of the server's connections: a session, a transaction or a statement.
        size: how many connections to each database it has.
    """

    def __init__(self, server: SystemServer, mode: str = "transaction", size: int = 20) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="postmigration-pooler-"))
        self._port = free_port()
        users, settings = self.directory / "users", self.directory / "settings"
        users.write_text(f'"postgres" "{PASSWORD}"\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\n"
            f"pool_mode = {mode}\ndefault_pool_size = {size}\nauth_type = scram-sha-256\nauth_file = {users}\n"
        )
        for path in (self.directory, users, settings):
            shutil.chown(path, server.user)
        self._process = subprocess.Popen(
            [POOLER, "-q", settings],
            user=server.user if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while self._process.poll() is None:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self._port)) == 0:
                    break

    def conninfo(self, database: str) -> str:
        """The connection string of a database behind it."""
        return make_conninfo(
            "",
            host="127.0.0.1",
            port=self._port,
            user="postgres",
            password=PASSWORD,
            sslmode="disable",
            dbname=database,
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.directory)


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def url(conninfo: str) -> str:
    """The same connection string as a postgresql:// URL."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    user, password = parts["user"], parts.get("password")
    secret = f":{str(password).replace(' ', '%20')}" if password else ""
    return f"postgresql://{user}{secret}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"
