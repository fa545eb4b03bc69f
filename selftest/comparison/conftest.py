"""A server of each kind, and the comparison of all cases between any two of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postmigration.diff import row_diff
from postmigration.diff.hashing import Method
from postmigration.diff.scope import relations
from postmigration.diff.table_diff import TableComparison, diff_tables
from postmigration.gate.commands import cli
from postmigration.postgres import dsn, embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest import servers
from selftest.comparison.cases import KINDS, Case
from selftest.comparison.shapes import SHAPES
from selftest.comparison.stored import STORED
from selftest.comparison.structures import STRUCTURES
from selftest.comparison.values import VALUES
from selftest.comparison.written import WRITTEN

CASES: tuple[Case, ...] = (*VALUES, *STRUCTURES, *SHAPES, *STORED, *WRITTEN)
SIDES = ("before", "after")
_COUNTER = itertools.count()


@dataclass(frozen=True)
class Pairing:
    """The server of the baseline, that of the target, and how both hash."""

    before: int
    after: int
    method: Method

    def __str__(self) -> str:
        return f"{self.before}-{self.after}-{self.method}"

    def holds(self, case: Case) -> bool:
        """Whether these servers can have the case."""
        return self.before in case.on[0] and self.after in case.on[1]


_METHODS: tuple[Method, ...] = ("native", "portable")
PAIRINGS = tuple(itertools.starmap(Pairing, itertools.product(KINDS, KINDS, _METHODS)))


_USUAL = (Pairing(18, 18, "native"), Pairing(15, 18, "portable"), Pairing(15, 15, "native"), Pairing(16, 18, "native"))


def usual(case: Case) -> Pairing:
    """The pairing by which the default tier proves a case: two servers of the newest version where they can have it."""
    return next(pairing for pairing in (*_USUAL, *PAIRINGS) if pairing.holds(case))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves a case out where a pairing cannot hold it, and to later tiers all but its usual pairing.

    A third of them, in turn, is the full tier's, so that it has cases of each pairing, and each case with several.
    """
    left_out = []
    for item in items:
        case, pairing = parameters(item)
        if case is None or pairing is None:
            continue
        # One process compares all cases of a pairing at once.
        item.add_marker(pytest.mark.xdist_group(f"compared {pairing}"))
        if not pairing.holds(case):
            left_out.append(item)
        elif pairing != usual(case):
            item.add_marker("nightly" if (CASES.index(case) + PAIRINGS.index(pairing)) % 3 else "full")
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def parameters(item: pytest.Item) -> tuple[Case | None, Pairing | None]:
    """The case and the pairing of a selftest, if it has them."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None, None
    case, pairing = item.callspec.params.get("case"), item.callspec.params.get("pairing")
    return case if isinstance(case, Case) else None, pairing if isinstance(pairing, Pairing) else None


class Servers:
    """The databases `before` and `after` of each server, with the tables of the cases that are asked for."""

    def __init__(self, shared: servers.Servers) -> None:
        self._shared = shared
        self._built: set[tuple[int, int, str]] = set()
        self._there: set[int] = set()

    def __getitem__(self, version: int) -> embedded.Server:
        server = self._shared[version]
        if version not in self._there:
            self._there.add(version)
            for side in SIDES:
                server.create(side)
        return server

    def holding(self, version: int, side: int, cases: Sequence[Case]) -> str:
        """The connection string of the database of one side, which holds these cases."""
        with self[version].connect(SIDES[side]) as connection:
            for case in cases:
                if (version, side, case.name) not in self._built:
                    self._built.add((version, side, case.name))
                    for statement in case.statements(side):
                        connection.execute(statement.encode())
        return self[version].conninfo(SIDES[side])

    def world(self, version: int) -> embedded.Server:
        """The server with the databases `legacy` and `migrated`."""
        return self._shared.world(version)


@pytest.fixture(scope="session", name="servers")
def servers_with_sides(servers: servers.Servers) -> Servers:
    """The servers of the session, with the databases `before` and `after`."""
    return Servers(servers)


@pytest.fixture(scope="session", params=PAIRINGS, ids=str)
def pairing(request: pytest.FixtureRequest) -> Pairing:
    """Two servers, and how both hash."""
    assert isinstance(request.param, Pairing)
    return request.param


@pytest.fixture(scope="session")
def compared(request: pytest.FixtureRequest, pairing: Pairing, servers: Servers) -> dict[str, TableComparison]:
    """What the comparison says of the tables of all selected cases, by their names."""
    cases = [case for case, its in map(parameters, request.session.items) if case is not None and its == pairing]
    conninfos = [servers.holding(version, side, cases) for side, version in enumerate((pairing.before, pairing.after))]
    return compared_databases(conninfos, pairing.method, [case.name for case in cases])


@pytest.fixture
def fresh(servers: Servers) -> Iterator[Callable[..., str]]:
    """Makes a database, by options of its own and with what some statements make in it; gives its connection string."""
    made: list[tuple[int, str]] = []

    def make(version: int, *statements: str, how: str = "TEMPLATE template0") -> str:
        made.append((version, f"fresh_{next(_COUNTER)}"))
        with servers[version].connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {made[-1][1]} {how}".encode())
        with servers[version].connect(made[-1][1]) as connection:
            connection.execute("SET client_encoding = 'UTF8'")
            for statement in statements:
                connection.execute(statement.encode())
        return servers[version].conninfo(made[-1][1])

    yield make
    for version, name in made:
        servers[version].drop(name)


@dataclass(frozen=True)
class Done:
    """What a command has done: its exit status, what it printed, how it named the two sides, and what it left out."""

    status: int
    out: str
    err: str
    sides: str = field(default="", compare=False)
    scope: str = field(default="", compare=False)

    def tables(self) -> dict[str, dict[str, Any]]:
        """What it printed as JSON Lines, by the name of the table."""
        return {found["table"]: found for found in map(json.loads, self.out.splitlines())}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs the command `postmigration` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        status = cli.main(arguments)
        printed = capsys.readouterr()
        first, _, rest = printed.err.partition("\n")
        named = first.startswith("before: ")
        # What every comparison says last is of the database and not of the case.
        told, _, scope = rest.rpartition("compared: rows of schema ")
        rest = told if scope else rest
        return Done(status, printed.out, rest if named else printed.err, first if named else "", scope)

    return run


def compared_databases(
    conninfos: Sequence[str], method: Method | None, names: Sequence[str]
) -> dict[str, TableComparison]:
    """What the comparison says of tables of two databases, by their names.

    Args:
        conninfos: of the baseline and the target.
        method: how both must hash; None where it is up to them.
        names: the tables.
    """
    with ExitStack() as cleanup, pytest.MonkeyPatch.context() as patch:
        if method == "portable":
            patch.setattr(row_diff, "calibration", lambda snapshot: snapshot)
        snapshots = []
        for conninfo, side in zip(conninfos, SIDES, strict=True):
            database = Database(dsn.conninfo(conninfo, side), option=side, limits=Limits(jobs=2))
            cleanup.callback(database.close)
            snapshots.append(Snapshot(database))
            cleanup.callback(snapshots[-1].close)
        known = {name: relation for snapshot in snapshots for name, relation in relations(snapshot).items()}
        assert method in (None, row_diff.method(snapshots[0], snapshots[1]))
        found = diff_tables(snapshots[0], snapshots[1], [known[name] for name in names], keep=100)
        return {result.table: result for result in found}
