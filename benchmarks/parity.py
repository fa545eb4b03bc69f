"""The comparison of two large tables beside its peers: equal, and with 15 differences.

Run it with `python -m benchmarks.parity [--rows=2000000] [--embedded-version=18]`. It builds a table of that many rows
and 15 mixed columns in two databases of one embedded server. The peers are reladiff and Google's data validator, and
what no comparison can be cheaper than: both sides at once count their rows, hash them whole, or hash them into as many
buckets as ours. The bare queries start no program, so ours stands there twice: as a command, and in a Python that has
already started.

With `--ours-only --rows=20000000` it measures only ours, at a tenth, three tenths and all of the rows.

Beside the time stands what client and server together used of the processors, which other work on the machine changes
much less.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.large_table import CHANGES, differ, worlds
from benchmarks.peers import Answer, Finding, Pair
from benchmarks.processes import children_cpu
from postmigration.diff.scan.settings import SCAN
from postmigration.gate.commands import cli
from postmigration.model.verdict import GO, NO_GO
from postmigration.postgres import embedded

RUNS = 3
# Whatever takes longer than this is measured once.
LONG = 60.0

# The cheapest hash of a whole row that the server has; an enumeration is hashed by an oid of its own database.
BARE_HASH = "SELECT count(*), sum(hash_record_extended(projects, 0)) FROM projects"
BARE_COUNT = "SELECT count(*) FROM projects"
# The same as a hash aggregate, without which nobody knows where to look when the sums differ.
BARE_BUCKETS = """
SELECT uuid_hash_extended(id, 0) & 1023, count(*), sum(hash_record_extended(ROW(projects.*), 0))
FROM projects GROUP BY 1
"""

# As it is; without sorting what differs, because it breaks off where it would have to sort NULL; and with what gave it
# its best time here: threads, one pass of small segments, keys that are taken for unique.
RELADIFF: Mapping[str, tuple[str, ...]] = {
    "reladiff": (),
    "reladiff unsorted": ("--skip-sort-results",),
    "reladiff tuned": ("--skip-sort-results", "--assume-unique-key", "-j", "4", "--bisection-factor", "512"),
}
# With all columns; and without the enumeration, which it cannot read.
DATA_VALIDATOR: Mapping[str, tuple[str, ...]] = {"data validator": (), "data validator without the enum": ("status",)}

# What the bare queries, which start no program, are fairly compared with.
STARTED = "ours, once started"

Tools = Mapping[str, Callable[[Pair], Answer | None]]


@dataclass(frozen=True)
class Run:
    """What one run of a tool took.

    Args:
        seconds: from start to end.
        cpu: seconds of a processor, of client and server.
        answer: what it said, where it compares.
    """

    seconds: float
    cpu: float
    answer: Answer | None

    @property
    def once(self) -> bool:
        """Whether to leave it at this run."""
        return self.seconds > LONG or (self.answer is not None and bool(self.answer.error))


def main() -> None:
    """Builds both databases, compares them with each tool, and prints what each took and found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--embedded-version", type=int, choices=embedded.VERSIONS, default=embedded.VERSIONS[-1])
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a tool is cut off")
    parser.add_argument("--ours-only", action="store_true", help="measure how ours grows with the rows")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the README")
    options = parser.parse_args()
    console = Console(width=160 if options.markdown else None, highlight=False, markup=False)
    with worlds(options.embedded_version) as build:
        for table in (growth if options.ours_only else beside_peers)(options, build, console):
            table.box = box.MARKDOWN if options.markdown else box.HEAVY_HEAD
            console.print(table)


def beside_peers(options: argparse.Namespace, build: Callable[[int], Pair], console: Console) -> Iterator[Table]:
    """Ours and its peers, on equal tables and on tables that differ in 15 rows."""
    tools: Tools = {
        "ours": partial(ours, options.limit),
        STARTED: started,
        "bare count(*)": partial(bare, BARE_COUNT),
        "bare hash of rows": partial(bare, BARE_HASH),
        "bare hash in buckets": partial(bare, BARE_BUCKETS),
        **{name: partial(reladiff, how, options.limit) for name, how in RELADIFF.items()},
        **{name: partial(data_validator, without, options.limit) for name, without in DATA_VALIDATOR.items()},
    }
    peers.install()
    pair = build(options.rows)
    table = Table("equal", "time", "times ours", "CPU", "times ours", "memory")
    equal = measured(tools, pair, console)
    for name, runs in equal.items():
        table.add_row(name, *taken(runs, equal["ours"]))
    yield table
    expected = differ(pair, options.rows)
    table = Table("15 differences", "time", "times ours", "CPU", "times ours", "memory", "rows", "columns", "exit")
    different = measured({name: tool for name, tool in tools.items() if name != STARTED}, pair, console)
    for name, runs in different.items():
        table.add_row(name, *taken(runs, different["ours"]), *found(runs, expected))
    yield table


def growth(options: argparse.Namespace, build: Callable[[int], Pair], console: Console) -> Iterator[Table]:
    """Ours on tables of growing size."""
    tools: Tools = {"ours": partial(ours, options.limit), "bare hash of rows": partial(bare, BARE_HASH)}
    table = Table(
        "rows",
        *("equal", "CPU per million", "times the bare hash", "15 differences", "CPU per million", "rows", "memory"),
    )
    for rows in (options.rows // 10, options.rows * 3 // 10, options.rows):
        pair = build(rows)
        same, bare_hash = measured(tools, pair, console).values()
        expected = differ(pair, rows)
        different = measured({"ours": tools["ours"]}, pair, console)["ours"]
        equal_time, *_ = taken(same, same)
        different_time, *_, memory = taken(different, different)
        table.add_row(
            *(f"{rows:,}", equal_time, per_million(same, rows), taken(same, bare_hash)[3]),
            *(different_time, per_million(different, rows), found(different, expected)[0], memory),
        )
    yield table


def per_million(runs: list[Run], rows: int) -> str:
    """The cell for the seconds of a processor that a million rows take."""
    return f"{median(run.cpu for run in runs) / rows * 1e6:.2f} s"


def ours(limit: float, pair: Pair) -> Answer:
    return peers.ours(pair, ["projects"], limit=limit)["projects"]


def started(pair: Pair) -> None:
    """The same command in this process, which has already imported what it needs."""
    sides = (f"--baseline={pair.server.conninfo(pair.before)}", f"--db-url={pair.server.conninfo(pair.after)}")
    with redirect_stdout(io.StringIO()):
        assert cli.main(["compare", "--json", "--evidence-rows=100", "--table=projects", *sides]) in (GO, NO_GO)


def reladiff(options: tuple[str, ...], limit: float, pair: Pair) -> Answer:
    return peers.reladiff(pair, "projects", *options, limit=limit)


def data_validator(without: tuple[str, ...], limit: float, pair: Pair) -> Answer:
    return peers.data_validator(pair, "projects", without=without, limit=limit)


def bare(sql: str, pair: Pair) -> None:
    """One query, on both sides at once, under the settings that make it quickest: those of ours."""

    def run(database: str) -> None:
        with pair.server.connect(database) as connection:
            for name, value in SCAN.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            connection.execute(sql)

    with ThreadPoolExecutor() as threads:
        list(threads.map(run, (pair.before, pair.after)))


def measured(tools: Tools, pair: Pair, console: Console) -> dict[str, list[Run]]:
    """Runs each once to warm up, and then all in turn, so that what else the machine does meets all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in tools}
    for _ in range(1 + RUNS):
        console.print(f"load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for name, tool in tools.items():
            if not (runs[name] and runs[name][-1].once):
                runs[name].append(run(tool, pair))
    for name, each in runs.items():
        console.print(f"{name}: {', '.join(f'{run.seconds:.2f} s ({run.cpu:.2f} s CPU)' for run in each)}")
        if (answer := each[-1].answer) and answer.error:
            console.print(f"  {answer.error.splitlines()[0][:150]}")
    return {name: each[1:] or each for name, each in runs.items()}


def run(tool: Callable[[Pair], Answer | None], pair: Pair) -> Run:
    """Runs it once."""
    postmaster = pair.postmaster()
    before, start, own = children_cpu(postmaster), time.perf_counter(), time.process_time()
    answer = tool(pair)
    seconds = time.perf_counter() - start
    client = time.process_time() - own if answer is None else answer.cost.cpu
    pair.wait_until_idle()
    return Run(seconds, client + children_cpu(postmaster) - before, answer)


def taken(runs: list[Run], ours: list[Run]) -> tuple[str, str, str, str, str]:
    """The cells for time and processors, each with its ratio to ours, and for the memory of the client."""
    seconds, cpu = median(run.seconds for run in runs), median(run.cpu for run in runs)
    answers = [run.answer for run in runs if run.answer is not None]
    memory = f"{max(answer.cost.megabytes for answer in answers):,.0f} MB" if answers else "–"
    if answers and answers[-1].error and not answers[-1].cost.cut_off:
        return f"error after {seconds:.1f} s", "–", f"{cpu:.1f} s", "–", memory
    more = "more than " if answers and answers[-1].cost.cut_off else ""
    return (
        *(f"{more}{seconds:.2f} s", f"{more}{seconds / median(run.seconds for run in ours):.2f}"),
        *(f"{more}{cpu:.2f} s", f"{more}{cpu / median(run.cpu for run in ours):.2f}", memory),
    )


def found(runs: list[Run], expected: list[Finding]) -> tuple[str, str, str]:
    """The cells for the rows that were found, the columns that were named, and the exit status."""
    answer = runs[-1].answer
    if answer is None:
        return "–", "–", "–"
    rows, columns = peers.found(answer, expected)
    wrong = len({finding.key for finding in answer.findings} - {finding.key for finding in expected})
    more = f", {wrong} wrong" if wrong else ""
    return f"{rows} of {len(expected)}{more}", f"{columns} of {len(CHANGES)}", str(answer.cost.status)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
