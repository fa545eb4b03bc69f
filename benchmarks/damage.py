"""Who finds what a database lost: tools that compare two databases, on the faults and sound variants of the selftests.

`python -m benchmarks.damage [--every=N]` plants each of them in a copy of its world on a PostgreSQL 15 of Debian, has
each tool compare the world with the copy, and prints a table. It needs the packages postgresql-15 and check-postgres of
Debian and npm; the other tools are installed into `build/peers/`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.peers import ENVIRONMENTS
from postmigration.postgres import embedded
from selftest.check import contents, object_faults, privilege_faults, sound_objects, test_contents
from selftest.check.conftest import ROLES, WORLD, load
from selftest.servers import PASSWORD, SYSTEM_BINARIES, SystemServer

PG_DELTA = "@supabase/pg-delta@1.0.0-alpha.34"
PYTHON_TOOLS = {"results": "results==2.0.1789346060", "migra": "migradiff==1.7.2"}
OURS = "postmigration check"
_LIMIT = 120


@dataclass(frozen=True)
class Pair:
    """A world and what became of a copy of it.

    Args:
        world: the database of before.
        statements: what was done to the copy.
        damaged: whether that is damage; otherwise it is sound.
        about: what the damage is to: `objects` or `contents`.
    """

    world: str
    statements: tuple[str, ...]
    damaged: bool
    about: str


@dataclass(frozen=True)
class Answer:
    """What a tool said of two databases: its exit status, and the lines that it printed, without numbers."""

    status: int
    lines: frozenset[str]


@dataclass
class Score:
    """How often a tool was right.

    Args:
        told: the damaged pairs of which it printed something that it does not print of an equal copy, by what the
            damage is to.
        by_status: those of which its exit status says so too.
        accused: the sound pairs of which it says that they differ.
        equal: its exit statuses for equal copies of the two worlds.
    """

    equal: tuple[int, ...]
    told: dict[str, int] = field(default_factory=lambda: {"objects": 0, "contents": 0})
    by_status: int = 0
    accused: int = 0


class Tools:
    """The tools, each called as its documentation says."""

    def __init__(self, server: embedded.Server) -> None:
        self._server = server
        self._parts = conninfo_to_dict(server.conninfo("postgres"))

    def commands(self) -> dict[str, Callable[[str, str], Sequence[str | Path]]]:
        """The command line of each tool, for the databases of before and after."""
        results, migra = (_program(name) for name in PYTHON_TOOLS)
        check = ("--action=same_schema", f"--host={self._parts['host']}", f"--port={self._parts['port']}")
        return {
            OURS: lambda before, after: (
                *(Path(sys.executable).with_name("postmigration"), "check", self._url(before), self._url(after)),
                "--allow-empty",
            ),
            "pg-delta diff": lambda before, after: (
                *(_pg_delta(), "diff", "--source", self._url(before), "--desired", self._url(after)),
            ),
            "migradiff": lambda before, after: (
                *(migra, "--unsafe", "--with-privileges", self._url(before), self._url(after)),
            ),
            "results dbdiff": lambda before, after: (results, "dbdiff", self._url(before), self._url(after)),
            "check_postgres same_schema": lambda before, after: (
                *("check_postgres", *check, f"--dbname={before},{after}", "--dbuser=postgres"),
            ),
            "diff of pg_dump -s -C": lambda before, after: (
                "bash",
                "-c",
                # Each run has a token of its own in the commands \\restrict and \\unrestrict.
                'diff <("$0" -s -C "$1" | sed "s/$3/x/; /restrict/d") <("$0" -s -C "$2" | sed "s/$4/x/; /restrict/d")',
                *(SYSTEM_BINARIES / "pg_dump", self._url(before), self._url(after), before, after),
            ),
        }

    def _url(self, database: str) -> str:
        password = PASSWORD.replace(" ", "%20")
        return f"postgresql://postgres:{password}@{self._parts['host']}:{self._parts['port']}/{database}"


def ask(command: Sequence[str | Path], directory: str) -> Answer:
    """Runs a tool.

    Args:
        command: the program and its arguments.
        directory: where it is run, and may leave what it likes.
    """
    done = subprocess.run(
        list(command),
        cwd=directory,
        env={**os.environ, "PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
    )
    lines = (done.stdout + done.stderr).splitlines()
    return Answer(done.returncode, frozenset(re.sub(r"\d+", "", line) for line in lines))


def pairs() -> Iterator[Pair]:
    """Every fault of objects and of contents that a PostgreSQL 15 can have, and every sound variant of objects.

    What is sound for the contents alone, as a copy of a table without its key, is no sound database.
    """
    for fault in (*object_faults.BLOCKERS, *privilege_faults.BLOCKERS):
        # What concerns the whole server is nothing that two databases of one server differ in.
        if fault.since <= 15 and not fault.undo:
            yield Pair("objects", (fault.sql,), damaged=True, about="objects")
    for planted in contents.read_faults():
        if planted.red and not planted.before:
            yield Pair("contents", planted.plant, damaged=True, about="contents")
    for statements in sound_objects.SOUND.values():
        yield Pair("objects", (statements,), damaged=False, about="objects")


def build_worlds(server: embedded.Server) -> None:
    """Makes the databases `objects` and `contents`."""
    with server.connect("postgres") as connection:
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role}".encode())
    for name, script in (("objects", WORLD), ("contents", test_contents.WORLD)):
        server.create(name)
        load(server, name, script.read_text())


def compare(server: embedded.Server, chosen: Sequence[Pair], directory: str) -> dict[str, Score]:
    """Has each tool compare each pair.

    Args:
        server: holds the worlds.
        chosen: the pairs.
        directory: where the tools are run.
    """
    commands = Tools(server).commands()
    equal = {}
    for world in ("objects", "contents"):
        with _copy(server, world, ()) as name:
            equal[world] = {tool: ask(command(world, name), directory) for tool, command in commands.items()}
    scores = {tool: Score(tuple(answers[tool].status for answers in equal.values())) for tool in commands}
    for pair in track(chosen, "comparing"):
        with _copy(server, pair.world, pair.statements) as name:
            for tool, command in commands.items():
                # What ours tells beside its exit status is no accusation.
                answer, of_equal = ask(command(pair.world, name), directory), equal[pair.world][tool]
                _count(scores[tool], pair, answer, of_equal, by_lines=tool != OURS)
    return scores


@contextmanager
def _copy(server: embedded.Server, world: str, statements: Sequence[str]) -> Iterator[str]:
    name = f"{world}_after"
    server.create(name, template=world)
    try:
        if world == "objects":
            # A copy does not take what was set for its database.
            settings = [line for line in WORLD.read_text().splitlines() if "ALTER DATABASE" in line]
            for script in ("\n".join(settings), *statements):
                load(server, name, script)
        else:
            with server.connect(name) as connection:
                connection.execute("SET allow_system_table_mods = on")
                for statement in statements:
                    connection.execute(statement.encode())
        yield name
    finally:
        server.drop(name)


def _count(score: Score, pair: Pair, answer: Answer, equal: Answer, *, by_lines: bool) -> None:
    by_status = answer.status != 0 and answer.status != equal.status
    told = bool(answer.lines - equal.lines) if by_lines else by_status
    if pair.damaged:
        score.told[pair.about] += told
        score.by_status += by_status
    else:
        score.accused += told


def _pg_delta() -> Path:
    program = ENVIRONMENTS / "pg-delta" / "node_modules" / ".bin" / "pgdelta"
    if not program.exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", ENVIRONMENTS / "pg-delta", PG_DELTA], check=True)
    return program


def _program(name: str) -> Path:
    program = ENVIRONMENTS / name / "bin" / name
    if not program.exists():
        venv.create(program.parent.parent, with_pip=True, clear=True)
        subprocess.run([program.parent / "python", "-m", "pip", "install", "-q", PYTHON_TOOLS[name]], check=True)
    return program


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th pair")
    chosen = list(pairs())[:: parser.parse_args().every]
    server = SystemServer()
    try:
        build_worlds(server)
        with tempfile.TemporaryDirectory() as directory:
            scores = compare(server, chosen, directory)
    finally:
        server.stop()
    of = {about: sum(pair.damaged and pair.about == about for pair in chosen) for about in ("objects", "contents")}
    sound = sum(not pair.damaged for pair in chosen)
    table = Table(
        "tool",
        f"objects, of {of['objects']}",
        f"contents, of {of['contents']}",
        "by exit status",
        "sound ones accused",
        "status for equal copies",
    )
    for tool, score in scores.items():
        table.add_row(
            *(tool, str(score.told["objects"]), str(score.told["contents"])),
            *(f"{score.by_status} of {sum(of.values())}", f"{score.accused} of {sound}"),
            ", ".join(map(str, score.equal)),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
