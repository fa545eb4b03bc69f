"""The built-in checks as a page of the docs; `python -m selftest.check.document > docs/check.md` writes it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from postmigration.checks import builtin
from postmigration.gate.check_result import read_docstring
from selftest.check import (
    health_faults,
    history_faults,
    migration_files,
    object_faults,
    privilege_faults,
    server_faults,
    workload_faults,
)
from selftest.check.contents import read_faults

# What no check can tell of itself.
_HEAD = Path(__file__).with_suffix(".md")


# Where those are tried that have no fault in a list: what makes it takes a server or an extension of its own.
_FACTS = {"server": "test_operation", "damage": "test_health_with_extensions"}


class Check(NamedTuple):
    """A built-in check.

    Args:
        name: of its function, without `test_`.
        family: the file in which it stands.
        says: its docstring.
        secondary: that it is not judged is in nobody's way.
    """

    name: str
    family: str
    says: str
    secondary: bool


def list_checks() -> Iterator[Check]:
    """Lists the built-in checks, as they stand in their files."""
    for path in sorted(Path(inspect.getfile(builtin)).parent.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = any("mark.secondary" in ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                own = any("mark.secondary" in ast.unparse(mark) for mark in node.decorator_list)
                says = ast.get_docstring(node) or ""
                yield Check(node.name.removeprefix("test_"), path.stem.removeprefix("test_"), says, whole or own)


def list_faults(check: str) -> list[str]:
    """Lists the faults by which a check was seen to fail, or to warn."""
    contents = [fault.name for fault in read_faults() if check in fault.red | fault.warns]
    others = (*object_faults.BLOCKERS, *privilege_faults.BLOCKERS, *object_faults.WARNINGS, *privilege_faults.WARNINGS)
    found = contents + [fault.words for fault in others if fault.check in f"test_{check}"]
    found += [fault.words for fault in health_faults.FAULTS if fault.check == check]
    state = (*history_faults.FAULTS, *migration_files.FAULTS, *server_faults.FAULTS, *workload_faults.FAULTS)
    return found + [fault.words for fault in state if fault.check == check and fault.level != "told"]


def render() -> str:
    """Renders the page."""
    checks = list(list_checks())
    parts = [_HEAD.read_text(encoding="utf-8")]
    for check in checks:
        sentence, labelled = read_docstring(check.says)
        faults = list_faults(check.name)
        secondary = ", secondary" if check.secondary else ""
        parts.append(f"### {check.family}: {check.name.replace('_', ' ')}{secondary}\n\n{sentence}\n\n")
        parts += [f"- {label}: {words}\n" for label, words in labelled.items()]
        file = _FACTS.get(check.family, "test_flaws")
        seen = "; ".join(f"`{fault}`" for fault in faults) or f"the facts of `selftest/check/{file}.py`"
        parts.append(f"- Seen to find: {seen}\n\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    print(render(), end="")
