"""The share of faults that are repaired by what is printed; `python -m selftest.repairs` writes docs/repairs.md.

It takes the better part of an hour. What is not measured in this run stands as the page has it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from selftest.check.server_pair import CRON, Pair
from selftest.faults import FAULTS
from selftest.judging import Judges
from selftest.processes import work_in_memory
from selftest.repairs.document import PAGE, Measured, read, write
from selftest.repairs.of_any import Case, list_cases, make_worlds, repair_case
from selftest.repairs.of_migration import repair_fault
from selftest.repairs.of_server import list_server_faults, name_server_fault, repair_server_fault
from selftest.repairs.running import End
from selftest.servers import Servers


class _Means:
    """What faults are planted in and judged by, made once it is needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.servers = Servers()
        stack.callback(self.servers.stop)
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    @cached_property
    def judges(self) -> Judges:
        judges = Judges()
        self._stack.callback(judges.stop)
        return judges

    @cached_property
    def pair(self) -> Pair:
        pair = Pair()
        self._stack.callback(pair.stop)
        return pair

    @cached_property
    def worlds(self) -> Servers:
        make_worlds(self.servers[18])
        return self.servers

    def repair_case(self, case: Case) -> tuple[End, list[str]]:
        return repair_case(case, self.worlds[18], self.directory)


@dataclass(frozen=True)
class _Task:
    group: str
    name: str
    what: str
    measure: Callable[[], tuple[End, list[str]]]


def _list_tasks(means: _Means) -> Iterator[_Task]:
    for fault in FAULTS:
        measure = partial(lambda one: repair_fault(one, means.servers, means.judges, means.directory), fault)
        yield _Task("this migration", fault.name, fault.what, measure)
    for case in list_cases():
        yield _Task(case.group, case.name, "", partial(means.repair_case, case))
    for one in list_server_faults():
        measure = partial(lambda one: repair_server_fault(one, means.pair, means.directory), one)
        yield _Task("servers", name_server_fault(one), "", measure)


def main(begins: tuple[str, ...], groups: tuple[str, ...], minutes: float, *, missing: bool) -> None:
    """Measures faults, and writes the page of the docs.

    Args:
        begins: how the names of those begin that are measured.
        groups: their groups; all if there are none.
        minutes: none is begun later.
        missing: only those are measured that the page says nothing of.
    """
    work_in_memory()
    known = read(PAGE.read_text())
    measured = list[Measured]()
    end = time.monotonic() + 60 * minutes
    if not CRON.exists():
        print(f"no fault of a server is measured: no pg_cron of PostgreSQL 15: {CRON}", file=sys.stderr)
    with ExitStack() as stack:
        for task in _list_tasks(_Means(stack)):
            said = known.get(task.name, "not measured")
            possible = task.group != "servers" or CRON.exists()
            wanted = possible and task.name.startswith(begins) and (not groups or task.group in groups)
            if not wanted or (missing and said != "not measured") or time.monotonic() > end:
                measured.append(Measured(task.group, task.name, task.what, said))
                continue
            ended, complaints = task.measure()
            measured.append(Measured(task.group, task.name, task.what, ended))
            print(f"{ended:16} {task.name}", *complaints, sep="\n  ", file=sys.stderr, flush=True)
    PAGE.write_text(write(measured))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m selftest.repairs")
    parser.add_argument("begins", nargs="*", default=[""], help="how the names of faults begin")
    parser.add_argument("--group", action="append", default=[], help="a group of faults")
    parser.add_argument("--minutes", type=float, default=600, help="how long to measure")
    parser.add_argument("--missing", action="store_true", help="only what has not been measured yet")
    asked = parser.parse_args()
    main(tuple(asked.begins), tuple(asked.group), asked.minutes, missing=asked.missing)
