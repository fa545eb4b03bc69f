"""The built-in checks as a page of the docs; `python -m selftest.check.document > docs/check.md` writes it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from postmigration.checks import builtin
from postmigration.gate.outcome import read_docstring
from selftest.check import object_faults, privilege_faults
from selftest.check.contents import read_faults

_HEAD = """# Any two databases: `postmigration check`

```sh
postmigration check BEFORE AFTER       # or --baseline=BEFORE --db-url=AFTER, or $POSTMIGRATION_BASELINE and $POSTMIGRATION_DB_URL
postmigration check AFTER              # without a state before: what is half done shows, what is lost does not
```

It is pytest on the built-in checks: its options, reports and exit statuses are those of the gate. `--schema` (repeat it)
names the schemas that are compared; without it all are but the server's, an extension's and the platform's.

What the state before has and the database has no more, or weaker, is a **blocker**, and so is what lets somebody in who
had to stay out. What is added is told. What was already so in the state before is *inherited*: a warning. Another name,
position or physical order, a rebuilt index, or other partitions with the same rows are nothing. Without a state before,
what may be meant is a warning.

A check that concerns what neither side has is *not applicable*: it is counted, and in nobody's way. One that could not
be examined (a privilege, a lock, a timeout) is *not judged*, and that is NO-GO; of those that are marked *secondary*
below it is told, and in the way with `--strict` only.

## What a state before can tell

| | a database | a dump | a fingerprint | none |
| --- | --- | --- | --- | --- |
| rows | all, value by value | all, value by value | how many differ at the least, and among which keys | not compared |
| constraints that are violated, sequences behind their column | new or inherited | new or inherited | as without a state before | judged alone |
| objects | compared | compared | not compared | invalid, not validated and disabled ones are warned of |
| owners, privileges, default privileges | compared | not compared | not compared | not compared |
| roles, memberships, settings of the server | compared | not in it | not in it | not compared |
| large objects, materialized views | compared | compared | not compared | judged alone |

## The checks

"""


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
    return contents + [fault.words for fault in others if fault.check in f"test_{check}"]


def render() -> str:
    """Renders the page."""
    checks = list(list_checks())
    parts = [_HEAD]
    for check in checks:
        sentence, labelled = read_docstring(check.says)
        faults = list_faults(check.name)
        secondary = ", secondary" if check.secondary else ""
        parts.append(f"### {check.family}: {check.name.replace('_', ' ')}{secondary}\n\n{sentence}\n\n")
        parts += [f"- {label}: {words}\n" for label, words in labelled.items()]
        parts.append(f"- Seen to find ({len(faults)}): {'; '.join(f'`{fault}`' for fault in faults)}\n\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    print(render(), end="")
