"""The share of faults that are repaired by what is printed; `python -m selftest.repairs > docs/repairs.md` measures it.

It takes the better part of an hour. With names as arguments only faults whose names begin so are measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from selftest.faults import FAULTS
from selftest.judging import Judges
from selftest.repairs.document import Measured, write
from selftest.repairs.of_any import list_cases, make_worlds, repair_case
from selftest.repairs.of_migration import repair_fault
from selftest.servers import Servers, work_in_memory


def main(begins: tuple[str, ...]) -> None:
    """Measures faults, and prints the page of the docs."""
    work_in_memory()
    servers, judges, measured = Servers(), Judges(), list[Measured]()
    with tempfile.TemporaryDirectory() as directory:
        try:
            for fault in FAULTS:
                if fault.name.startswith(begins):
                    end, said = repair_fault(fault, servers, judges, Path(directory))
                    _take(measured, Measured("this migration", fault.name, fault.what, end), said)
            cases = [case for case in list_cases() if case.name.startswith(begins)]
            if cases:
                make_worlds(servers[18])
            for case in cases:
                end, said = repair_case(case, servers[18], Path(directory))
                _take(measured, Measured(case.group, case.name, "", end), said)
        finally:
            judges.stop()
            servers.stop()
    print(write(measured), end="")


def _take(measured: list[Measured], one: Measured, said: list[str]) -> None:
    measured.append(one)
    print(f"{one.end:16} {one.name}", *said, sep="\n  ", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or ("",))
