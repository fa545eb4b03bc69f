"""The comparison of two large tables beside its peers: equal, and with 15 differences.

Run it with `python -m benchmarks.parity [--rows=2000000] [--embedded-version=18]`. It builds a table of that many rows
and 15 mixed columns in two databases of one embedded server, so that both are on the same machine with the same
settings and share its cache; on the second one the rows lie in another order. The peers are reladiff and Google's data
validator, and what no comparison can be cheaper than: both sides at once count their rows, or hash them whole.

With `--ours-only --rows=20000000` it measures only ours, at a tenth, three tenths and all of the rows.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.peers import Answer, Finding, Pair
from postmigration import embedded

RUNS = 3
# Whatever takes longer than this is measured once.
LONG = 60.0

TABLE = """
CREATE TYPE stage AS ENUM ('planned', 'active', 'on_hold', 'completed', 'cancelled');
CREATE TABLE projects (
    id uuid NOT NULL, owner_id uuid, code varchar(50) NOT NULL, title varchar(255) NOT NULL, notes text, status stage,
    is_active boolean, priority integer, views bigint, value numeric(15,2), rate numeric, settings jsonb, due date,
    created_at timestamptz NOT NULL, updated_at timestamptz
);
"""

# A multiplier that has no divisor in common with the number of rows visits each of them once, in another order.
FILL = """
INSERT INTO projects
SELECT
    md5('project' || i)::uuid, md5('owner' || h % 1000)::uuid, 'P-' || i,
    'Project ' || left(md5(i::text), 8 + (h % 20)::int),
    CASE WHEN h % 4 > 0 THEN repeat('Seen with ' || md5(h::text) || '. ', (h % 4)::int) END,
    (enum_range(NULL::stage))[1 + h % 5], h % 7 > 0, (h % 100)::int, h, h % 100000000 / 100.0, h % 1000 / 7.0,
    jsonb_build_object('tier', h % 3, 'tags', jsonb_build_array('a', h % 11), 'label', left(md5((h % 977)::text), 12)),
    CASE WHEN h % 10 > 0 THEN date '2020-01-01' + (h % 3000)::int END,
    timestamptz '2024-01-01 00:00+00' + i * interval '1.000001 s',
    timestamptz '2025-01-01 00:00+00' + h % 100000000000 * interval '1 us'
FROM (
    SELECT i, hashint8extended(i, {seed}) & 9223372036854775807 AS h
    FROM (SELECT g * {step} % {rows} + 1 AS i FROM generate_series(1, {rows}::bigint) AS g) AS numbers
) AS draws;
ALTER TABLE projects ADD PRIMARY KEY (id);
"""
STEPS = {"before": 1, "after": 7_368_787}

# One value of one row each, by column.
CHANGES = {
    "owner_id": "md5('nobody')::uuid",
    "code": "code || ' '",
    "title": "upper(title)",
    "notes": "CASE WHEN notes IS NULL THEN '' END",
    "status": "CASE status WHEN 'active' THEN 'planned' ELSE 'active' END::stage",
    "is_active": "NOT is_active",
    "priority": "priority + 1",
    "views": "views # 1",
    "value": "value + 0.01",
    "settings": """settings || '{"tier": 9}'""",
    "due": "CASE WHEN due IS NULL THEN date '2020-01-01' ELSE due + 1 END",
    "created_at": "created_at + interval '1 us'",
    "updated_at": "updated_at - interval '1 us'",
}

# The cheapest hash of a whole row that the server has; an enumeration is hashed by an oid of its own database.
BARE_HASH = "SELECT count(*), sum(hash_record_extended(projects, 0)) FROM projects"
BARE_COUNT = "SELECT count(*) FROM projects"

# As it is; without sorting what differs, because it breaks off where it would have to sort NULL; and with what gives it
# its best time here: threads, one pass of small segments, keys that are taken for unique.
RELADIFF = {
    "reladiff": (),
    "reladiff unsorted": ("--skip-sort-results",),
    "reladiff tuned": ("--skip-sort-results", "--assume-unique-key", "-j", "4", "--bisection-factor", "512"),
}
# With all columns; and without the enumeration, which it cannot read.
DATA_VALIDATOR = {"data validator": (), "data validator without the enum": ("status",)}


@dataclass(frozen=True)
class Measured:
    """What a tool took for two tables.

    Args:
        seconds: of each run.
        answer: what it said, where it compares.
    """

    seconds: list[float]
    answer: Answer | None

    @property
    def median(self) -> float:
        """Its usual time."""
        return statistics.median(self.seconds)

    @property
    def cut_off(self) -> bool:
        """Whether it was ended early."""
        return self.answer is not None and self.answer.cost.cut_off


def main() -> None:
    """Builds both databases, compares them with each tool, and prints what each took and found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--embedded-version", type=int, choices=embedded.VERSIONS, default=embedded.VERSIONS[-1])
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a tool is cut off")
    parser.add_argument("--ours-only", action="store_true", help="measure how ours grows with the rows")
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    options = parser.parse_args()
    console = Console(width=200 if options.markdown else None)
    console.print(f"{os.cpu_count()} cores; load average before: {os.getloadavg()[0]:.1f}")
    run = growth if options.ours_only else beside_peers
    console.print(run(options, console))
    console.print(f"load average after: {os.getloadavg()[0]:.1f}")


def beside_peers(options: argparse.Namespace, console: Console) -> Table:
    """Ours and its peers, on equal tables and on tables that differ in 15 rows."""
    tools: dict[str, Callable[[Pair], Answer | None]] = {
        "ours": lambda pair: ours(pair, options.limit),
        "bare count(*)": lambda pair: bare(pair, BARE_COUNT),
        "bare hash of rows": lambda pair: bare(pair, BARE_HASH),
        **{name: partial(reladiff, how, options.limit) for name, how in RELADIFF.items()},
        **{name: partial(data_validator, without, options.limit) for name, without in DATA_VALIDATOR.items()},
    }
    peers.install()
    with worlds(options.embedded_version) as build:
        pair = build(options.rows)
        equal = measured(tools, pair, console)
        expected = differ(pair, options.rows)
        different = measured(tools, pair, console)
    table = Table(
        *("what", "equal", "times ours", "15 differences", "times ours", "memory"),
        *("rows found", "columns named", "exit"),
        title=None if options.markdown else f"{options.rows:,} rows of 15 columns",
        box=box.MARKDOWN if options.markdown else box.HEAVY_HEAD,
    )
    for name in tools:
        table.add_row(
            *(name, *time_and_ratio(equal[name], equal["ours"]), *time_and_ratio(different[name], different["ours"])),
            *(memory(equal[name], different[name]), *success(different[name], expected)),
        )
    return table


def growth(options: argparse.Namespace, console: Console) -> Table:
    """Ours on tables of growing size."""
    tools: dict[str, Callable[[Pair], Answer | None]] = {
        "ours": lambda pair: ours(pair, options.limit),
        "bare hash of rows": lambda pair: bare(pair, BARE_HASH),
    }
    table = Table(
        *("rows", "equal", "µs per row", "times the bare hash", "15 differences", "rows found", "memory"),
        box=box.MARKDOWN if options.markdown else box.HEAVY_HEAD,
    )
    with worlds(options.embedded_version) as build:
        for rows in (options.rows // 10, options.rows * 3 // 10, options.rows):
            pair = build(rows)
            equal, bare_hash = measured(tools, pair, console).values()
            expected = differ(pair, rows)
            different = measured({"ours": tools["ours"]}, pair, console)["ours"]
            table.add_row(
                *(f"{rows:,}", f"{equal.median:.1f} s", f"{equal.median / rows * 1e6:.2f}"),
                *(f"{equal.median / bare_hash.median:.2f}", f"{different.median:.1f} s"),
                *(success(different, expected)[0], memory(equal, different)),
            )
    return table


@contextmanager
def worlds(version: int) -> Iterator[Callable[[int], Pair]]:
    """A function that builds both databases anew, equal, with so many rows each."""
    server = embedded.Server(version)
    with tempfile.TemporaryDirectory() as connections:

        def build(rows: int) -> Pair:
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda name: fill(server, name, rows), STEPS))
            with server.connect("postgres") as connection:
                connection.execute("CHECKPOINT")
            return Pair(server, "before", "after", Path(connections))

        try:
            yield build
        finally:
            server.stop()


def fill(server: embedded.Server, name: str, rows: int) -> None:
    """Builds one of the databases; what was in it is gone."""
    assert math.gcd(STEPS[name], rows) == 1
    with server.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.create(name)
    with server.connect(name) as connection:
        connection.execute(TABLE)
        connection.execute(FILL.format(seed=1, step=STEPS[name], rows=rows))
        connection.execute("VACUUM ANALYZE")


def differ(pair: Pair, rows: int) -> list[Finding]:
    """Makes 15 rows differ, and says how: one value of each column, a lost row and one too many."""
    expected = []
    with pair.server.connect(pair.after) as connection:
        for place, (column, value) in enumerate(CHANGES.items(), start=1):
            row = key(rows * place // 16)
            connection.execute(f"UPDATE projects SET {column} = {value} WHERE id = %s", (row,))
            expected.append(Finding("changed", row, frozenset({column})))
        lost, extra = key(rows * 14 // 16), str(uuid.UUID(int=1))
        connection.execute("UPDATE projects SET id = %s WHERE id = %s", (extra, lost))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return [*expected, Finding("missing", lost), Finding("extra", extra)]


def key(number: int) -> str:
    """The key of one of the generated rows."""
    return str(uuid.UUID(hashlib.md5(f"project{number}".encode(), usedforsecurity=False).hexdigest()))


def ours(pair: Pair, limit: float) -> Answer:
    return peers.ours(pair, ["projects"], limit=limit)["projects"]


def reladiff(options: tuple[str, ...], limit: float, pair: Pair) -> Answer:
    return peers.reladiff(pair, "projects", *options, limit=limit)


def data_validator(without: tuple[str, ...], limit: float, pair: Pair) -> Answer:
    return peers.data_validator(pair, "projects", without=without, limit=limit)


def bare(pair: Pair, sql: str) -> None:
    """One query, on both sides at once."""

    def run(database: str) -> None:
        with pair.server.connect(database) as connection:
            connection.execute(sql)

    with ThreadPoolExecutor() as threads:
        list(threads.map(run, (pair.before, pair.after)))


def measured(tools: Mapping[str, Callable[[Pair], Answer | None]], pair: Pair, console: Console) -> dict[str, Measured]:
    """Runs each once to warm up, and then all in turn, so that what else the machine does meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    answers: dict[str, Answer | None] = {}
    for _ in range(1 + RUNS):
        for name, run in tools.items():
            answer = answers.get(name)
            if seconds[name] and (seconds[name][0] > LONG or (answer is not None and answer.error)):
                continue
            start = time.perf_counter()
            answers[name] = run(pair)
            seconds[name].append(time.perf_counter() - start)
    for name, answer in answers.items():
        console.print(f"{name}: {', '.join(f'{s:.2f}' for s in seconds[name])} s", highlight=False, markup=False)
        if answer is not None and answer.error:
            console.print(f"{name}: {answer.error.splitlines()[0][:150]}", highlight=False, markup=False)
    return {name: Measured(seconds[name][1:] or seconds[name], answers[name]) for name in tools}


def time_and_ratio(taken: Measured, ours: Measured) -> tuple[str, str]:
    """The cells for how long it took."""
    if taken.answer is not None and taken.answer.error and not taken.cut_off:
        return f"error after {taken.median:.1f} s", "–"
    more = "more than " if taken.cut_off else ""
    return f"{more}{taken.median:.2f} s", f"{more}{taken.median / ours.median:.2f}"


def memory(*taken: Measured) -> str:
    """The cell for the most memory that the client held."""
    answers = [each.answer for each in taken if each.answer is not None]
    return f"{max(answer.cost.megabytes for answer in answers):,.0f} MB" if answers else "–"


def success(taken: Measured, expected: list[Finding]) -> tuple[str, str, str]:
    """The cells for what was found and what the exit status said of it."""
    if taken.answer is None:
        return "–", "–", "–"
    rows, columns = peers.found(taken.answer, expected)
    wrong = len({finding.key for finding in taken.answer.findings} - {finding.key for finding in expected})
    more = f", {wrong} wrong" if wrong else ""
    return f"{rows} of {len(expected)}{more}", f"{columns} of {len(CHANGES)}", str(taken.answer.cost.status)


if __name__ == "__main__":
    main()
