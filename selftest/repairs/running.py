"""Runs a printed repair on copies as a person does: with psql, as a superuser, each part on the side that it names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from postmigration.model.evidence import Finding
from postmigration.model.sqltext import AFTER_ROWS, BASELINE, DECISION, SHELL, TARGET
from postmigration.postgres import embedded

# How a fault ends: all is well after what was printed; after what a person was asked to decide, too; it is not; or
# nothing was printed.
End = Literal["GO", "GO once decided", "no", "nothing printed", "not measured"]

_SIDES = {BASELINE: "baseline", TARGET: "target", SHELL: "shell"}


def collect(findings: Iterable[Finding], *severities: str) -> list[str]:
    """The repairs of the findings of some severities, each once, in the order printed; those last that say so."""
    printed = dict.fromkeys(one.repair for one in findings if one.severity in severities and one.repair)
    return sorted(printed, key=lambda repair: repair.startswith(AFTER_ROWS))


def try_repairs(
    repairs: Sequence[str], conninfos: Mapping[str, str], directory: Path, is_well: Callable[[], bool]
) -> tuple[End, list[str]]:
    """Runs repairs, and what they leave to a person if that is needed.

    Args:
        repairs: as they were printed.
        conninfos: the connection strings of `baseline` and `target`.
        directory: where files of rows lie meanwhile.
        is_well: judges again.

    Returns:
        How it ends, and what psql complained of.
    """
    if not repairs:
        return "nothing printed", []
    decided = [decide(repair) for repair in repairs]
    complaints = [run(repair, conninfos, directory) for repair in repairs]
    if is_well():
        return "GO", []
    if decided != list(repairs):
        complaints += [run(repair, conninfos, directory) for repair in decided]
        if is_well():
            return "GO once decided", []
    return "no", [complaint for complaint in complaints if complaint]


def decide(repair: str) -> str:
    """A repair as it is run where a person has decided for what it leaves to them."""
    return "\n".join(line.removeprefix(DECISION) for line in repair.splitlines())


def run(repair: str, conninfos: Mapping[str, str], directory: Path) -> str:
    """Runs a repair, and says what was complained of."""
    # The programs of the newest server read all of them.
    programs = embedded.binaries(18)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    sides = {side.upper(): conninfo for side, conninfo in conninfos.items()}
    environment = {**kept, **sides, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    for side, script in _parts(repair):
        command: list[str | Path] = ["bash", "-o", "pipefail", "-s"]
        if side != "shell":
            command = [programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfos[side], "-f", "-"]
        process = subprocess.run(
            command, input=script, cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
        if process.returncode:
            return process.stderr.strip() or f"status {process.returncode}"
    return ""


def _parts(repair: str) -> Iterator[tuple[str, str]]:
    side = "target"
    held: list[str] = []
    for line in repair.splitlines():
        if line in _SIDES:
            if held:
                yield side, "\n".join(held) + "\n"
            side, held = _SIDES[line], []
        else:
            held.append(line)
    if held:
        yield side, "\n".join(held) + "\n"
