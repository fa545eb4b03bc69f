"""Other tools that compare two databases, called as their documentation says, and what they answer.

Each gets a virtual environment of its own in `build/peers/`, made when it is first asked, so that their dependencies
meet neither ours nor each other's.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
import venv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from psycopg.conninfo import conninfo_to_dict

from benchmarks.processes import Cost, cost, find_postmaster
from postmigration.postgres import embedded

ENVIRONMENTS = Path(__file__).parent.parent / "build" / "peers"
VERSIONS = {
    "reladiff": "reladiff[postgresql]==0.6.0",
    "data-validation": "google-pso-data-validator==8.10.1",
    "results": "results==2.0.1789346060",
    # Of SQLAlchemy 2.1 it would ask for another driver than the one that it brings.
    "migra": "migradiff[pg]==1.7.2 sqlalchemy<2.1",
    "pgdelta": "@supabase/pg-delta@1.0.0-alpha.34",
}

Kind = Literal["missing", "extra", "changed"]


@dataclass(frozen=True)
class Finding:
    """One row that a tool reports.

    Args:
        kind: what is wrong with it.
        key: the value of its key.
        columns: those in which it differs, where the tool says it.
    """

    kind: Kind
    key: str
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Answer:
    """What a tool said of two tables.

    Args:
        cost: what it took.
        findings: the rows that it reports.
        error: what it broke down with, or nothing.
    """

    cost: Cost
    findings: tuple[Finding, ...]
    error: str = ""


@dataclass(frozen=True)
class Pair:
    """Two databases of one server, that of before and that of after.

    Args:
        server: the server.
        before, after: the names of the databases.
        connections: a directory in which the data validator keeps how to reach them.
    """

    server: embedded.Server
    before: str
    after: str
    connections: Path

    def leave_nothing_running(self) -> None:
        """Ends what a tool that was cut off has left running in the server."""
        with self.server.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)",
                (self.before, self.after),
            )

    def postmaster(self) -> int:
        """The process that all others of the server are children of."""
        return find_postmaster(self.server)

    def wait_until_idle(self) -> None:
        """Waits until nobody is connected to either database."""
        with self.server.connect("postgres") as connection:
            while connection.execute(
                "SELECT FROM pg_stat_activity WHERE datname IN (%s, %s)", (self.before, self.after)
            ).fetchone():
                time.sleep(0.01)


def ours(pair: Pair, tables: Sequence[str], *, limit: float | None = None) -> dict[str, Answer]:
    """What `postmigration compare` says of each table, in one run; its cost is that of all of them."""
    taken = _taken(
        pair,
        [
            *(Path(sys.executable).with_name("postmigration"), "compare", "--json", "--evidence-rows=100"),
            *(f"--baseline={pair.server.conninfo(pair.before)}", f"--db-url={pair.server.conninfo(pair.after)}"),
            *(f"--table={table}" for table in tables),
        ],
        limit,
    )
    said = {table["table"].rpartition(".")[2]: table for table in _objects(taken.output)}
    return {name: _our_answer(taken, said.get(name)) for name in tables}


def _our_answer(taken: Cost, table: Mapping[str, Any] | None) -> Answer:
    if table is None or taken.status not in (0, 1):
        return Answer(taken, (), taken.output.strip())
    found = tuple(
        Finding(row["kind"], str(next(iter(row["key"].values()), "")), frozenset(row.get("columns") or ()))
        for row in table["differences"]
    )
    return Answer(taken, found)


def reladiff(pair: Pair, table: str, *options: str, key: str = "id", limit: float | None = None) -> Answer:
    """What reladiff says of all columns of a table; it takes its connection from libpq's variables."""
    taken = _taken(
        pair,
        [
            *(find_program("reladiff"), f"postgresql:///{pair.before}", table, f"postgresql:///{pair.after}", table),
            # The order of the columns is by chance; only its log names them.
            *("-k", key, "-c", "%", "--json", "-v", *options),
        ],
        limit,
        # It breaks lines where the terminal ends, JSON too.
        COLUMNS="10000000",
    )
    named = re.search(r"Diffing using columns: key=(\(.*?\)) update=None extra=(\(.*?\))\.", taken.output)
    columns = [name for group in named.groups() for name in ast.literal_eval(group)] if named else []
    signs: dict[str, dict[str, list[str]]] = {}
    for sign, values in _objects(taken.output):
        signs.setdefault(values[0], {})[sign] = values
    error = re.search(r"ERROR - (.*)", taken.output)
    return Answer(taken, tuple(_reladiff_findings(signs, columns)), error[1].strip() if error else _status(taken))


def _reladiff_findings(signs: Mapping[str, Mapping[str, list[str]]], columns: list[str]) -> Iterator[Finding]:
    for key, rows in signs.items():
        if len(rows) == 2:
            pairs = zip(columns, rows["-"], rows["+"], strict=True)
            yield Finding("changed", key, frozenset(name for name, want, have in pairs if want != have))
        else:
            yield Finding("missing" if "-" in rows else "extra", key)


def data_validator(
    pair: Pair, table: str, *, without: Collection[str] = (), key: str = "id", limit: float | None = None
) -> Answer:
    """What Google's data validator says of the hash of each row, over all columns but those that it cannot read."""
    columns = ["--exclude-columns", f"--hash={','.join(without)}"] if without else ["--hash=*"]
    taken = _taken(
        pair,
        [
            *(find_program("data-validation"), "validate", "row", "-sc", _stored(pair, pair.before)),
            *("-tc", _stored(pair, pair.after), "-tbls", f"public.{table}=public.{table}", f"--primary-keys={key}"),
            *(*columns, "--filter-status=fail", "--format=json"),
        ],
        limit,
        PSO_DV_CONN_HOME=str(pair.connections),
    )
    rows = [row for said in _objects(taken.output) for row in said.values()]
    found = tuple(
        Finding(_kind(row["source_agg_value"], row["target_agg_value"]), json.loads(row["group_by_columns"])[key])
        for row in rows
        if row["validation_status"] == "fail"
    )
    return Answer(taken, found, _status(taken))


def _kind(want: object, have: object) -> Kind:
    return "extra" if want is None else "missing" if have is None else "changed"


def _stored(pair: Pair, database: str) -> str:
    """The name under which the data validator knows a database."""
    if not (pair.connections / f"{database}.connection.json").exists():
        parts = conninfo_to_dict(pair.server.conninfo(database))
        subprocess.run(
            [
                *(find_program("data-validation"), "connections", "add", "-c", database, "Postgres"),
                *("--host", str(parts["host"]), "--port", str(parts["port"]), "--user", str(parts["user"])),
                *("--password", str(parts.get("password", "none")), "--database", database),
            ],
            env={"PSO_DV_CONN_HOME": str(pair.connections)},
            check=True,
            capture_output=True,
        )
    return database


def _taken(pair: Pair, command: Sequence[str | Path], limit: float | None, **environment: str) -> Cost:
    parts = conninfo_to_dict(pair.server.conninfo(pair.before))
    libpq = {f"PG{name.upper()}": str(parts[name]) for name in ("host", "port", "user", "password") if name in parts}
    taken = cost(command, limit=limit, **libpq, **environment)
    if taken.cut_off:
        pair.leave_nothing_running()
    return taken


def _objects(output: str) -> Iterator[Any]:
    """The lines of an output that are JSON arrays or objects."""
    for line in output.splitlines():
        if line.startswith(("[", "{")):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                # A line of a log starts with its time in brackets.
                continue


def _status(taken: Cost) -> str:
    if taken.cut_off:
        return "cut off"
    last = next(iter(reversed(_errors(taken.output))), "") or f"exit status {taken.status}"
    return last if taken.status else ""


def _errors(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.match(r"[\w.]+(Error|Exception)\b", line)]


def install() -> None:
    """Installs the tools that compare rows, unless they are there."""
    for name in ("reladiff", "data-validation"):
        find_program(name)


def find_program(name: str) -> Path:
    """Finds a tool's program; installs it when it is first asked for.

    Args:
        name: of the program, one of `VERSIONS`: what is named there with `@` is a package of npm.
    """
    directory, package = ENVIRONMENTS / name, VERSIONS[name]
    if package.startswith("@"):
        program = directory / "node_modules" / ".bin" / name
        if not program.exists():
            subprocess.run(["npm", "install", "--silent", "--prefix", directory, package], check=True)
        return program
    program = directory / "bin" / name
    if not program.exists():
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([program.with_name("python"), "-m", "pip", "install", "-q", *package.split()], check=True)
    return program


def found(answer: Answer, expected: Iterable[Finding]) -> tuple[int, int]:
    """How many of the expected rows a tool reports, and of how many changed ones it names the very columns."""
    said = {(finding.kind, finding.key): finding.columns for finding in answer.findings}
    rows = [finding for finding in expected if (finding.kind, finding.key) in said]
    return len(rows), sum(f.kind == "changed" and said[f.kind, f.key] == f.columns for f in rows)
