"""Who finds what a database lost: tools that compare two databases, on the faults and sound variants of the selftests.

`python -m benchmarks.damage [--every=N] [--details=FILE]` plants each of them in a copy of its world on a PostgreSQL 15
of Debian, has each tool compare the world with the copy, and prints a table. It needs the packages postgresql-15 and
check-postgres of Debian and npm; the other tools are installed into `build/peers/`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import each_table
from benchmarks.peers import find_program
from postmigration.postgres import embedded
from selftest.check import contents, object_faults, privilege_faults, sound_objects, test_contents
from selftest.check.conftest import ROLES, WORLD, load
from selftest.servers import PASSWORD, SYSTEM_BINARIES, SystemServer

OURS = "postmigration check"
WORLDS = {"objects": WORLD, "contents": test_contents.WORLD}
# So many pairs are compared at a time.
AT_A_TIME = 4
Command = Callable[[str, str], Sequence[str | Path]]
# Seconds for one tool and one pair, and the status of one that took longer.
_LIMIT = 180
_CUT_OFF = 124
# The tables that reladiff is called for, and what it may take for their keys: the primary key, but for dates in it, or
# else the first column of a type that it takes. Of a numeric key it breaks off or not, by chance.
_TABLES = """
    SELECT n.nspname || '.' || c.relname,
        coalesce(
            array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY (i.indkey)),
            (array_agg(a.attname ORDER BY a.attnum))[:1]
        )::text[]
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        AND a.atttypid = ANY ('{int2,int4,int8,text,varchar,bpchar,uuid}'::regtype[])
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    GROUP BY n.nspname, c.relname
"""


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
        accused: the sound pairs of which it printed such a thing, too.
        stopped: those of which its exit status says so.
        cut_off: the pairs for which it took longer than it may; what it had said by then counts.
        equal: its exit statuses for equal copies of the two worlds.
    """

    equal: tuple[int, ...]
    told: dict[str, int] = field(default_factory=lambda: {"objects": 0, "contents": 0})
    by_status: int = 0
    accused: int = 0
    stopped: int = 0
    cut_off: int = 0


class Tools:
    """The tools, each called as its documentation says.

    Args:
        server: holds the worlds.
    """

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self._parts = conninfo_to_dict(server.conninfo("postgres"))

    def commands(self) -> dict[str, Command]:
        """The command line of each tool, for the databases of before and after."""
        pg_delta, results, migra = (find_program(name) for name in ("pgdelta", "results", "migra"))
        check = (
            # That columns stand in another order is no damage.
            *("--action=same_schema", "--filter=noposition", "--dbuser=postgres"),
            *(f"--host={self._parts['host']}", f"--port={self._parts['port']}"),
        )
        return {
            OURS: lambda before, after: (
                *(Path(sys.executable).with_name("postmigration"), "check", self._url(before), self._url(after)),
                "--allow-empty",
            ),
            # Of its commands that compare, this one says by its exit status what it found.
            "pg-delta drift": lambda before, after: (
                "bash",
                "-c",
                '"$0" snapshot --source "$1" --out before.json && exec "$0" drift --snapshot before.json --env "$2"',
                *(pg_delta, self._url(before), self._url(after)),
            ),
            "migradiff": lambda before, after: (
                *(migra, "--unsafe", "--with-privileges", self._url(before), self._url(after)),
            ),
            "results dbdiff": lambda before, after: (
                *(results, "dbdiff", "--with-privileges", "--exact", self._url(before), self._url(after)),
            ),
            "check_postgres same_schema": lambda before, after: (
                *("check_postgres", *check, f"--dbname={before},{after}"),
            ),
            "diff of pg_dump -s -C": lambda before, after: (
                "bash",
                "-c",
                # Each run has a token of its own in the commands \\restrict and \\unrestrict.
                'diff <("$0" -s -C "$1" | sed "s/$3/x/; /restrict/d") <("$0" -s -C "$2" | sed "s/$4/x/; /restrict/d")',
                *(SYSTEM_BINARIES / "pg_dump", self._url(before), self._url(after), before, after),
            ),
            "reladiff of each table": self._reladiff,
        }

    def environment(self) -> dict[str, str]:
        """The variables by which libpq reaches the server."""
        names = ("host", "port", "user", "password")
        return {f"PG{name.upper()}": str(self._parts[name]) for name in names if name in self._parts}

    def _reladiff(self, before: str, after: str) -> Sequence[str | Path]:
        with self.server.connect(before) as of_before, self.server.connect(after) as of_after:
            tables, kept = (dict(side.execute(_TABLES).fetchall()) for side in (of_before, of_after))
        calls = [
            [
                *(f"postgresql:///{before}", table, f"postgresql:///{after}", table),
                *(word for column in key for word in ("-k", column)),
                *("-c", "%", "--case-sensitive", "--allow-empty-tables", "--skip-sort-results"),
            ]
            for table, key in tables.items()
            if table in kept
        ]
        return find_program("reladiff").with_name("python"), Path(each_table.__file__), json.dumps(calls)

    def _url(self, database: str) -> str:
        password = PASSWORD.replace(" ", "%20")
        return f"postgresql://postgres:{password}@{self._parts['host']}:{self._parts['port']}/{database}"


def ask(command: Sequence[str | Path], directory: str, environment: Mapping[str, str]) -> Answer:
    """Runs a tool.

    Args:
        command: the program and its arguments.
        directory: where it is run, and may leave what it likes.
        environment: how the server is reached, for a tool that takes it from libpq's variables.
    """
    with subprocess.Popen(
        list(command),
        cwd=directory,
        env={**os.environ, **environment, "COLUMNS": "10000"},
        # Who asks back gets no answer.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=_LIMIT)
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            status = _CUT_OFF
    return Answer(status, frozenset(re.sub(r"\d+", "", line) for line in output.splitlines()))


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
    """Makes the databases `objects` and `contents`, and of each a second one to copy."""
    with server.connect("postgres") as connection:
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role}".encode())
    for name, script in WORLDS.items():
        server.create(name)
        load(server, name, script.read_text())
        # Nobody may be connected to what is copied.
        server.create(f"{name}_template", template=name)


def compare(
    server: embedded.Server, chosen: Sequence[Pair], directory: str, details: TextIO | None = None
) -> dict[str, Score]:
    """Has each tool compare each pair.

    Args:
        server: holds the worlds.
        chosen: the pairs.
        directory: where the tools are run.
        details: takes what each tool said of each pair, a line of JSON for both.
    """
    tools = Tools(server)
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as threads:
        equal = {world: ask_all(tools, Pair(world, (), damaged=False, about=""), directory) for world in WORLDS}
        scores = {tool: Score(tuple(said[tool].status for said in equal.values())) for tool in tools.commands()}
        said = threads.map(lambda pair: ask_all(tools, pair, directory), chosen)
        for pair, answers in track(zip(chosen, said, strict=True), "comparing", total=len(chosen)):
            for tool, answer in answers.items():
                of_equal = equal[pair.world][tool]
                # What ours tells beside its exit status is no accusation.
                told, by_status = _judge(answer, of_equal, by_lines=tool != OURS)
                _count(scores[tool], pair, told=told, by_status=by_status)
                scores[tool].cut_off += answer.status == _CUT_OFF
                if details:
                    line = {
                        **{"statements": pair.statements, "damaged": pair.damaged, "tool": tool, "told": told},
                        **{"status": answer.status, "new": sorted(answer.lines - of_equal.lines)},
                    }
                    print(json.dumps(line), file=details, flush=True)
    return scores


def ask_all(tools: Tools, pair: Pair, directory: str) -> dict[str, Answer]:
    """What each tool says of a pair, in turn.

    Args:
        tools: with the server that holds the worlds.
        pair: whose copy is made, and dropped again.
        directory: where each pair gets a directory of its own.
    """
    place = tempfile.mkdtemp(dir=directory)
    with _copy(tools.server, pair.world, pair.statements) as name:
        return {
            tool: ask(command(pair.world, name), place, tools.environment())
            for tool, command in tools.commands().items()
        }


@contextmanager
def _copy(server: embedded.Server, world: str, statements: Sequence[str]) -> Iterator[str]:
    # Of digits, which do not count in what a tool prints.
    name = f"{world}_after{uuid.uuid4().int % 10**12}"
    server.create(name, template=f"{world}_template")
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


def _judge(answer: Answer, equal: Answer, *, by_lines: bool) -> tuple[bool, bool]:
    """Whether it says that the two differ, and whether its exit status does."""
    by_status = answer.status not in (0, equal.status, _CUT_OFF)
    return bool(answer.lines - equal.lines) if by_lines else by_status, by_status


def _count(score: Score, pair: Pair, *, told: bool, by_status: bool) -> None:
    if pair.damaged:
        score.told[pair.about] += told
        score.by_status += by_status
    else:
        score.accused += told
        score.stopped += by_status


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="only every N-th damaged pair, and all that are sound"
    )
    parser.add_argument("--details", type=argparse.FileType("w"), metavar="FILE", help="what each said of each pair")
    called = parser.parse_args()
    damaged = [pair for pair in pairs() if pair.damaged]
    chosen = [*damaged[:: called.every], *(pair for pair in pairs() if not pair.damaged)]
    server = SystemServer()
    try:
        build_worlds(server)
        with tempfile.TemporaryDirectory() as directory:
            scores = compare(server, chosen, directory, called.details)
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
        "by exit status",
        "cut off",
        "status for equal copies",
    )
    for tool, score in scores.items():
        table.add_row(
            *(tool, str(score.told["objects"]), str(score.told["contents"])),
            *(f"{score.by_status} of {sum(of.values())}", f"{score.accused} of {sound}"),
            *(str(score.stopped), str(score.cut_off)),
            ", ".join(map(str, score.equal)),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
