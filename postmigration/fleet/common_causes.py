"""What is wrong with more than one database of a fleet, said once."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from postmigration.fleet.outcome import Cause, Outcome

# What differs from one database to the next and is the same cause: how many rows, which keys, when.
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
# Not the digits of a name, such as orders_2 or public.v2.
_NUMBER = re.compile(r"(?<![\w.])\d[\d,.:]*(?![\w])")


class Common(msgspec.Struct, frozen=True):
    """A cause, and the databases of which it is one.

    Args:
        words: what is wrong; the name of the database is {name}, and where numbers differ they are those of the first.
        remedy: what to do.
        databases: the names of the databases.
        judged: it was found by judging; otherwise it kept the databases from being judged.
        alike: the words are the same for all of them.
    """

    words: str
    remedy: str
    databases: tuple[str, ...]
    judged: bool
    alike: bool


def find_common(outcomes: Iterable[Outcome]) -> list[Common]:
    """The causes of all databases, each once: what was found first, and what concerns most databases first."""
    groups: dict[tuple[bool, str, str], list[tuple[str, Cause]]] = {}
    for outcome in outcomes:
        seen = set()
        for cause in outcome.causes:
            key = (outcome.judged, cause.check, _mask(_name(cause.words, outcome.name)))
            # Two causes that differ in their numbers alone are one, in one database too.
            if key not in seen:
                groups.setdefault(key, []).append((outcome.name, cause))
                seen.add(key)
    found = [
        Common(
            words=_name(members[0][1].words, members[0][0]),
            remedy=members[0][1].remedy,
            databases=tuple(name for name, _ in members),
            judged=judged,
            alike=len({_name(cause.words, name) for name, cause in members}) == 1,
        )
        for (judged, _, _), members in groups.items()
    ]
    return sorted(found, key=lambda common: (not common.judged, -len(common.databases)))


def _name(words: str, name: str) -> str:
    """The words with a placeholder where the database is named."""
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "{name}", words)


def _mask(words: str) -> str:
    return _NUMBER.sub("#", _UUID.sub("#", words))
