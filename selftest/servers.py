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
from psycopg.conninfo import make_conninfo

from postmigration import embedded

SYSTEM_BINARIES = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "correct horse"


class SystemServer(embedded.Server):
    """PostgreSQL 15 with contrib and passwords, on TCP and a unix socket, in a directory of its own."""

    def __init__(self) -> None:
        self.version = 15
        # PostgreSQL does not run as root.
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.directory = Path(tempfile.mkdtemp(prefix="postmigration-15-"))
        password_file = self.directory / "password"
        password_file.write_text(PASSWORD)
        shutil.chown(self.directory, self._user)
        shutil.chown(password_file, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        data = str(self.directory / "data")
        self._run(
            *("initdb", "-D", data, "-U", "postgres", "--pwfile", str(password_file), "--no-sync"),
            *("--auth-host=scram-sha-256", "--auth-local=trust", "--locale=C.UTF-8", "--encoding=UTF8"),
        )
        settings = f"-p {self.port} -k {self.directory} -h 127.0.0.1 -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", data, "-l", str(self.directory / "log"), "-w", "-o", settings, "start")
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
            user=self._user if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def socket_conninfo(self, database: str) -> str:
        """The connection string over the unix socket."""
        return make_conninfo("", host=str(self.directory), port=self.port, user="postgres", dbname=database)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.directory)


def url(conninfo: str) -> str:
    """The same connection string as a postgresql:// URL."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    user, password = parts["user"], parts.get("password")
    secret = f":{str(password).replace(' ', '%20')}" if password else ""
    return f"postgresql://{user}{secret}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"
