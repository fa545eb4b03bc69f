"""A run of the gate that something ends or disturbs at a random moment, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from selftest.conftest import ROOT
from selftest.dumps import dump
from selftest.servers import SYSTEM_BINARIES, SystemServer

Disturbance = Literal["SIGKILL", "SIGTERM", "SIGINT", "terminate", "stop"]

# What a run may end with, beside what it ends with undisturbed.
MAY_END_WITH: dict[Disturbance, tuple[int, ...]] = {
    "SIGKILL": (),
    "SIGTERM": (2,),
    "SIGINT": (2,),
    "terminate": (1, 4),
    "stop": (1, 4),
}
# How the line begins that says what a run came to.
_WORDS = {0: ("GO: ",), 1: ("NO-GO: ",), 2: ("INTERRUPTED",), 4: ("ERROR: ", "PARTIAL: ")}
# Restoring a dump and starting workers take their time: how much longer a run takes with them, about.
_SLOWER = {"none": 1.0, "database": 1.2, "dump": 1.7}
# Seconds in which the operating system and the server notice that a process is gone.
_PATIENCE = 20


@dataclass(frozen=True)
class Moment:
    """What happens to a run, and when.

    Args:
        disturbance: a signal to the process, the end of its sessions, or the immediate stop of the server.
        world: the database that is judged.
        baseline: what it is compared with: nothing, a database, or a dump.
        workers: the run has two workers.
        share: how far the run has come, as a share of the time that it takes undisturbed.
    """

    disturbance: Disturbance
    world: str
    baseline: str
    workers: bool
    share: float

    @classmethod
    def draw(cls, seed: int) -> Moment:
        """The moment of a seed: five seeds in a row have all disturbances, ten have them on both databases."""
        chance = random.Random(seed)
        kinds = list(MAY_END_WITH)
        return cls(
            kinds[seed % len(kinds)],
            ("migrated", "broken")[seed // len(kinds) % 2],
            chance.choice(list(_SLOWER)),
            chance.random() < 0.2,
            chance.random(),
        )


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Args:
        status: its exit status, negative for a signal.
        output: what it printed.
        begun: when it was disturbed, the reports of the run before were gone.
    """

    status: int
    output: str
    begun: bool = True


class Stage:
    """A server with a sound and a broken database, a dump, and a directory in which the report of a GO lies."""

    def __init__(self, server: HaltingServer, directory: Path) -> None:
        self.server = server
        self.dump = dump(server, "legacy", directory / "legacy.dump", "-Fc")
        self.reports = directory / "reports"
        self.directory = directory
        self._good = directory / "good"
        self._whole: dict[str, dict[str, str]] = {}
        started = time.monotonic()
        self._take_whole("none")
        self._seconds = time.monotonic() - started
        self.reports.rename(self._good)

    def _take_whole(self, baseline: str) -> None:
        """Notes what each check comes to undisturbed, beside a form of the state before."""
        if baseline not in self._whole:
            ended = self.run(Moment("SIGKILL", "migrated", baseline, False, 0.0), disturbed=False)
            assert ended.status == 0, ended.output
            self._whole[baseline] = _outcomes(json.loads((self.reports / "validation.json").read_text()))

    def run(self, moment: Moment, *, disturbed: bool = True) -> Ended:
        """Runs the gate in a process of its own, beside the report of an earlier GO."""
        if disturbed:
            self._take_whole(moment.baseline)
        self.temporary = Path(tempfile.mkdtemp(dir=self.directory))
        if disturbed:
            shutil.rmtree(self.reports, ignore_errors=True)
            shutil.copytree(self._good, self.reports)
        page = self.reports / "validation.html"
        stale = page.read_bytes() if disturbed else b""
        named = {"none": "", "database": self.server.conninfo("legacy"), "dump": str(self.dump)}[moment.baseline]
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "POSTMIGRATION_", "GITHUB_"))}
        command = [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *(f"--html={page}", f"--junit-xml={page.with_suffix('.xml')}"),
            f"--db-url={self.server.conninfo(moment.world)}",
            *([f"--baseline={named}"] if named else []),
            *(["-n", "2"] if moment.workers else []),
        ]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean, "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            begun = True
            if disturbed:
                try:
                    process.wait(self._seconds * _SLOWER[moment.baseline] * (1 + moment.workers) * moment.share)
                except subprocess.TimeoutExpired:
                    begun = page.read_bytes() != stale
                    self._disturb(process, moment.disturbance)
            output, _ = process.communicate(timeout=300)
        return Ended(process.returncode, output, begun)

    def _disturb(self, process: subprocess.Popen[str], disturbance: Disturbance) -> None:
        if disturbance == "terminate":
            with self.server.connect("postgres") as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
        elif disturbance == "stop":
            self.server.halt()
        elif disturbance == "SIGINT":
            # A terminal sends it to all processes of the command.
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.Signals[disturbance])

    def find_lies(self, moment: Moment, ended: Ended) -> list[str]:
        """What the run says, by its status, its output and its reports, that is not so."""
        told = json.loads((self.reports / "validation.json").read_text())
        page = (self.reports / "validation.html").read_text()
        status, lines = ended.status, ended.output.splitlines()
        # A signal ends Python as it is about to end by itself, when all is said.
        killed = status == -signal.SIGKILL or (status in (-signal.SIGINT, -signal.SIGTERM) and told["finished"])
        go = status == 0 or bool(told["finished"] and told["verdict"]["go"])
        # Of a run that was interrupted before it began to judge, the report says so.
        unfinished = 2 if told.get("reason") == "it was interrupted" else 4
        said = told["verdict"]["exit_status"] if told["finished"] else unfinished
        if not ended.begun and moment.disturbance.startswith("SIG"):
            # Python was still starting, and nothing of ours had run: nothing was said.
            return [f"it ended with {status} before it began"] * (status in (0, 1))
        wrong = {
            f"exit status {status}": not killed
            and status not in (moment.world == "broken", *MAY_END_WITH[moment.disturbance]),
            "a traceback": bool(re.search(r"Traceback|INTERNALERROR", ended.output)),
            "GO for the broken database": moment.world == "broken" and (go or "✔ GO" in page),
            "GO without having judged all": go and _outcomes(told) != self._whole[moment.baseline],
            f"status {status} and {said} in the report": not killed and said != status,
            f"status {status} without a line that says so": not killed
            and not any(line.startswith(_WORDS.get(status, ())) for line in lines),
            "the page does not say that the run did not finish": not told["finished"] and "did not finish" not in page,
        }
        return [words for words, is_so in wrong.items() if is_so]

    def find_remains(self) -> list[str]:
        """What is left of the run, once others have had the time to notice its end."""
        end = time.monotonic() + _PATIENCE
        while (found := self._find()) and time.monotonic() < end:
            time.sleep(0.05)
        # What is left of one run must not stand in the way of the next.
        for number, _ in list_processes(str(self.temporary)):
            os.kill(number, signal.SIGKILL)
        return found

    def _find(self) -> list[str]:
        with self.server.connect("postgres") as connection:
            sessions = connection.execute(
                "SELECT datname, application_name, state, query FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
        return [
            *(f"session {session}" for session in sessions),
            *(f"process {line}" for _, line in list_processes(str(self.temporary))),
            # pytest itself keeps the directories of its last runs, which workers have.
            *(f"file {path.name}" for path in self.temporary.iterdir() if not path.name.startswith("pytest-of-")),
        ]


def _outcomes(told: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in told["checks"]}


def list_processes(words: str) -> list[tuple[int, str]]:
    """The running processes, by number and command line, that hold these words there or in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((path / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if command and words.encode() in command + environment:
            found.append((int(path.name), command.replace(b"\0", b" ").decode(errors="replace")))
    return found


class HaltingServer(SystemServer):
    """A server with the databases `legacy`, `migrated` and `broken` that can be stopped at once and started again."""

    def __init__(self) -> None:
        super().__init__()
        demonstration_world(self, MIGRATION, seed=1, size=60)
        self.create("broken", template="migrated")
        with self.connect("broken") as connection:
            embedded.run_script(connection, MIGRATION.faults / "16__dangling.sql")

    def halt(self) -> None:
        """Stops it without a shutdown, as a lost machine does."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def resume(self) -> None:
        """Starts it again, if it was stopped."""
        status = subprocess.run(
            [SYSTEM_BINARIES / "pg_ctl", "-D", self._data, "status"],
            user=self.user if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            check=False,
        )
        if status.returncode:
            self._start()
