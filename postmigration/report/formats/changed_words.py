"""Two texts as one, with the words marked that were taken out and put in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from postmigration.model.evidence import DEFINITIONS, Finding

# So much of what is alike is shown beside what is not.
_AROUND = 60
_WORDS = re.compile(r"\s+|[\w.]+|[^\w\s]")


class Part(NamedTuple):
    """A part of the texts: in both of them, or in one."""

    kind: Literal["alike", "gone", "new"]
    text: str


def compare_words(was: str, now: str) -> Iterator[Part]:
    """The parts of two texts, word by word; of a long part that is alike no more than its ends."""
    before, after = _WORDS.findall(was), _WORDS.findall(now)
    for kind, i, j, m, n in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, new = "".join(before[i:j]), "".join(after[m:n])
        if kind == "equal":
            yield Part("alike", gone if len(gone) <= 3 * _AROUND else f"{gone[:_AROUND]} … {gone[-_AROUND:]}")
            continue
        if gone:
            yield Part("gone", gone)
        if new:
            yield Part("new", new)


def list_changes(finding: Finding) -> list[list[Part]]:
    """The definitions that a finding tells of, before and now as one; none where it tells of something else."""
    return [list(compare_words(*row)) for row in finding.rows] if finding.columns == DEFINITIONS else []


def write_changes(finding: Finding) -> list[str]:
    """The same as plain text: [-gone-], {+new+}."""
    marks = {"alike": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    return ["".join(marks[part.kind].format(part.text) for part in parts) for parts in list_changes(finding)]
