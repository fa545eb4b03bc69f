"""A throw-away cluster of installed programs: on a unix socket alone, in a directory that goes with this process."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, temporary, throwaway, watchdog
from postmigration.postgres.scratch.programs import Installation, give_away, run_program

_PORT = "5432"
# What the operating system takes for the path of a unix socket.
_LONGEST_SOCKET = 107
# Seconds for a start; recovery reads what was written while a base backup was taken.
_PATIENCE = 3_600
_COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error):\s+(.+)")


class Cluster(throwaway.Server):
    """A running cluster; deleted when it is stopped or the process ends.

    Args:
        installation: whose server it is.
    """

    def __init__(self, installation: Installation) -> None:
        self.version = installation.version
        self.binaries = installation.binaries
        self.label = installation.label
        with embedded.in_room():
            self.directory = temporary.make_directory()
            try:
                self._make()
                self._start()
            except BaseException:
                watchdog.clear(self.directory)
                raise

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.directory / "data"

    def _make(self) -> None:
        give_away(self.directory)
        self._run(
            *("initdb", "-D", self.data, f"--username={self.superuser}", "--auth=trust", "--encoding=UTF8"),
            *(f"--locale={throwaway.LOCALE}", "--no-sync", "--no-instructions"),
        )
        self._configure({})

    def _configure(self, settings: dict[str, str]) -> None:
        """Writes its settings; what the packager has put into them counts no more."""
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "unix_socket_permissions": "0700",
            "port": _PORT,
            "max_wal_size": "4GB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            **throwaway.SETTINGS,
        }
        lines = [f"{name} = '{value}'\n" for name, value in {**fixed, **settings}.items()]
        (self.data / "postgresql.conf").write_text("".join(lines))

    def _start(self) -> None:
        socket = self.directory / f".s.PGSQL.{_PORT}"
        if len(str(socket).encode()) > _LONGEST_SOCKET:
            raise CannotJudge(
                f"the path {socket} is too long for a unix socket: name another directory in the environment variable "
                "TMPDIR"
            )
        self.log = self.directory / "log"
        self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", str(_PATIENCE), "-s", "start")
        self._parts = {
            "host": str(self.directory),
            "port": _PORT,
            "sslmode": "disable",
            "target_session_attrs": "any",
            "options": " ",
        }

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> str:
        """Runs one of its programs.

        Raises:
            CannotJudge: it failed.
        """
        done = run_program([self.binaries / program, *arguments], self.directory, text=text)
        if done.returncode:
            log = self.directory / "log"
            said = (log.read_text(errors="replace") if log.exists() else "") + done.stdout
            words = _COMPLAINT.findall(said) or [f"it ended with status {done.returncode}"]
            raise CannotJudge(f"{self.label} cannot work: {program}: {words[0][:300]}")
        return done.stdout

    def stop(self) -> None:
        """Stops the server and deletes its files."""
        if self.directory.exists():
            run_program([self.binaries / "pg_ctl", "-D", self.data, "-m", "immediate", "-s", "stop"], self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)
