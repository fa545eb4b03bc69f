"""The proof that checks can fail: faults are planted in worlds of our own, and each must be caught.

Processes of their own do the planting. They are told the names of faults and checks and no address, and whatever could
name a database is kept from their environment: there is no way from them to the database under judgement.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postmigration.model.faults import Fault
from postmigration.postgres import temporary

# The world that the faults are planted in.
SEED, SIZE = 1, 60

# Stands for a fault where a check is tried on the sound world, on which it must not fail.
SOUND = "the sound world"

_SECONDS = 600
_STEERING = ("POSTMIGRATION_", "PYTEST_", "PG")


@dataclass(frozen=True)
class Proof:
    """What became of the faults that were planted.

    Args:
        caught: for each check the faults that it caught, by name.
        missed: for each check the faults that it did not catch, and what it did instead.
        left_out: the faults that were not planted, and why.
    """

    caught: Mapping[str, Mapping[str, Fault]] = field(default_factory=dict)
    missed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    left_out: Mapping[Fault, str] = field(default_factory=dict)

    def proven(self, check: str) -> bool:
        """Whether a check caught all of its faults, and has some."""
        return bool(self.caught.get(check)) and not self.missed.get(check)

    def words(self, check: str) -> str:
        """What is known of one check."""
        if missed := self.missed.get(check):
            return "not proven able to fail: " + "; ".join(f"{name}: {why}" for name, why in missed.items())
        if caught := self.caught.get(check):
            return f"proven able to fail: {_count(len(caught), 'fault')}"
        reasons = sorted({why for fault, why in self.left_out.items() if check in fault.red | fault.warns})
        return f"not proven able to fail: {'; '.join(reasons) or 'there is no fault for it'}"

    def sentence(self, checks: Collection[str]) -> str:
        """What is known of the checks of a run, for the verdict."""
        proven = {check for check in checks if self.proven(check)}
        faults = {name for check in proven for name in self.caught[check]}
        unproven = sorted(set(checks) - proven, key=lambda check: (int(check) if check.isdigit() else 1_000, check))
        if not unproven:
            return f"every check proven able to fail by {_count(len(faults), 'fault')}"
        return (
            f"{len(proven)} of {_count(len(set(checks)), 'check')} proven able to fail by "
            f"{_count(len(faults), 'fault')} (not proven: {', '.join(unproven)})"
        )


def plantable(faults: Sequence[Fault], *, baseline: bool) -> tuple[list[Fault], dict[Fault, str]]:
    """The faults that a run can be proven by, and those that it cannot, with the reason.

    Args:
        faults: all there are.
        baseline: the run compares with the rows of a state before; otherwise nothing that only this shows is proven.
    """
    left_out = {
        fault: "its faults need a large world" if fault.size else "its faults need the rows of a --baseline"
        for fault in faults
        if fault.size or (fault.against_baseline and not baseline)
    }
    return [fault for fault in faults if fault not in left_out], left_out


def prove(
    root: Path, faults: Sequence[Fault], checks: Sequence[str], *, baseline: bool, scratch: str | None = None
) -> Proof:
    """Plants faults, and sees which of the checks catch them.

    Args:
        root: the directory of the project.
        faults: what may be planted.
        checks: pytest's ids of the checks of the run.
        baseline: the run compares with the rows of a state before.
        scratch: where the worlds live, as the user named it: none that is judged.
    """
    planted, left_out = plantable(faults, baseline=baseline)
    processes = max(1, min(max(2, os.cpu_count() or 1), 4, len(planted)))
    shares = [planted[number::processes] for number in range(processes)]
    with ExitStack() as cleanup:
        directory = cleanup.enter_context(temporary.directory())
        running: list[tuple[subprocess.Popen[str], list[Fault], Path]] = []
        cleanup.callback(lambda: _end_all([process for process, *_ in running]))
        for number, share in enumerate(shares):
            seen = directory / f"{number}.jsonl"
            task = {
                "faults": [str(fault.path) for fault in share],
                "baseline": baseline,
                "sound": list(checks[number::processes]),
                "seen": str(seen),
                "scratch": scratch,
            }
            process = _planting(root, task, checks, directory)
            running.append((process, share, seen))
        caught: dict[str, dict[str, Fault]] = {}
        missed: dict[str, dict[str, str]] = {}
        for process, share, seen in running:
            end = _end(process)
            lines = [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []
            tried = {line["fault"] for line in lines if "fault" in line}
            for fault in share:
                if end and fault.name not in tried:
                    for check in fault.red | fault.warns:
                        missed.setdefault(check, {})[fault.name] = f"the process that was to plant it {end}"
            by_name = {fault.name: fault for fault in share}
            for line in lines:
                if line.get("left_out"):
                    left_out[by_name[line["fault"]]] = line["left_out"]
                elif line["missed"]:
                    missed.setdefault(line["check"], {})[line["fault"]] = line["missed"]
                elif line["fault"] in by_name:
                    caught.setdefault(line["check"], {})[line["fault"]] = by_name[line["fault"]]
    return Proof(caught, missed, left_out)


def _planting(root: Path, task: Mapping[str, Any], checks: Sequence[str], directory: Path) -> subprocess.Popen[str]:
    """Starts a process that plants a share of the faults; what it prints is in this directory."""
    command = [sys.executable, "-m", "pytest", f"--rootdir={root}", "-o", "addopts=", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    with (directory / "log").open("a") as output:
        process = subprocess.Popen(  # noqa: S603 - this Python, with the ids of checks that pytest collected
            [*command, "-s", "--tb=no", "-p", "postmigration.gate.mutation.planting", *checks],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert process.stdin is not None
    # One that has ended already says so by its status. It stays open: its end tells the process that this one is gone.
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
    return process


def _end(process: subprocess.Popen[Any]) -> str:
    """How a process ended: nothing where it did what it was to do."""
    try:
        status = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        return f"did not end within {_SECONDS} seconds"
    return f"ended with status {status}" if status else ""


def _end_all(processes: Sequence[subprocess.Popen[Any]]) -> None:
    """Ends those processes that are still running, and their servers with them."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
