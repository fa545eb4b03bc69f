"""What was measured, as a page of the docs, and read from it again."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from selftest.repairs.running import End

PAGE = Path(__file__).parent.parent.parent / "docs" / "repairs.md"
_WELL = ("GO", "GO once decided")
_ROW = re.compile(r"^\| `(.+?)` \| .* \| ([\w ]+) \|$", re.MULTILINE)

_HEAD = """
# What the printed repairs are worth

A finding prints, where it can, what brings the database right again: SQL, a pair of `\\copy` lines, or a command of the
shell. postmigration runs none of it: a person reads it, decides, runs it and judges again. Its first lines of comment
say who that is, and what is at risk. What stands behind `-- on the baseline`, `-- on the target` or `-- in a shell` is
for there. A line that begins with `-- once decided:` deletes or takes away something, and is run only where somebody
who may decide so has taken these words away.

Repair rows first and enable disabled triggers afterwards: in the other order the repair itself is written into the
audit trail. What begins with `-- run this after all repairs of rows` is derived from them, and run last. A repair of
rows names keys, and values only travel from one database to the other.

`python -m selftest.repairs` measured this: each fault is planted in a copy that has its baseline beside it, what the
findings of its severity print is run in the order printed, and the copy is judged again. Any two databases are judged
by all checks; this migration by those that the fault turned red, those that compare with the state before, and those of
the new model's rows (by all of them in the nightly tier); whole servers (replication, sessions, passwords, jobs) by
those that look at servers. **GO** is that they pass, and that what was warned of is gone.
"""

_FOOT = """
The share is that of the faults that were measured; one that was not has not been tried. The figures were put together
from several runs. The nightly tier repeats each of them, the full tier every fortieth.
"""


@dataclass(frozen=True)
class Measured:
    """How a fault ended.

    Args:
        group: the selftests that it belongs to.
        name: what it is called there.
        what: what happened, where the name does not say so.
        end: how it ended.
    """

    group: str
    name: str
    what: str
    end: End


def share(ends: Collection[str]) -> float:
    """The share of those that ended well, of all that were measured."""
    measured = [end for end in ends if end != "not measured"]
    return sum(end in _WELL for end in measured) / max(1, len(measured))


def write(measured: Sequence[Measured]) -> str:
    """The page."""
    groups = list(dict.fromkeys(one.group for one in measured))
    ends: Sequence[str] = get_args(End)
    lines = [_HEAD.strip(), "", f"| faults | number | {' | '.join(ends)} | share |", "| --- |" + " --- |" * 7]
    for group in [*groups, "all"]:
        of: list[str] = [one.end for one in measured if group in (one.group, "all")]
        counts = " | ".join(str(of.count(end)) for end in ends)
        worth = f"{share(of):.0%}" if set(of) != {"not measured"} else "–"
        lines.append(f"| {group} | {len(of)} | {counts} | {worth} |")
    lines += ["", *_FOOT.strip().splitlines()]
    for group in groups:
        lines += ["", f"## {group[0].upper()}{group[1:]}", ""]
        lines += ["| fault | what happened | ends |", "| --- | --- | --- |"]
        lines += [f"| `{one.name}` | {one.what} | {one.end} |" for one in measured if one.group == group]
    return "\n".join([*lines, ""])


def read(page: str) -> dict[str, End]:
    """How each fault ended, as the page says."""
    return dict(_ROW.findall(page))
