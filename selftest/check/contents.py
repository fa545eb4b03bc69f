"""Faults in what a database holds, and what may be done to it without harm, from the file beside this one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Fault:
    """Something that went wrong.

    Args:
        name: what went wrong.
        plant: the statements that plant it in a copy of the world.
        says: words of what is found.
        red: the checks that must fail.
        warns: the checks that must warn.
        before: statements for the state before, which then is another one; they were run in the copy, too.
    """

    name: str
    plant: tuple[str, ...]
    says: tuple[str, ...]
    red: frozenset[str] = field(default_factory=frozenset)
    warns: frozenset[str] = field(default_factory=frozenset)
    before: tuple[str, ...] = ()


def read_faults() -> list[Fault]:
    """The faults."""
    return [
        Fault(
            fault["name"],
            tuple(fault["plant"]),
            tuple(fault["says"]),
            frozenset(fault.get("red", ())),
            frozenset(fault.get("warns", ())),
            tuple(fault.get("before", ())),
        )
        for fault in tomllib.loads(_FILE.read_text())["fault"]
    ]


def read_sound() -> list[tuple[str, tuple[str, ...]]]:
    """What is sound: what it is called, and the statements."""
    return [(case["name"], tuple(case["done"])) for case in tomllib.loads(_FILE.read_text())["sound"]]
