"""What people signed of a deployment plan: which point, who, when, and in what words."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.nearest import name_nearest

NAME = "signoffs.toml"
_EXAMPLE = 'want [[signoff]] with item = "…", who = "…", when = 2026-12-01T21:00:00Z, words = "…"'


class Signoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of the plan as a person signed it.

    Args:
        item: the id of the point.
        who: the person.
        when: when, with a time zone.
        words: what they have seen or done.
        until: the last day on which that counts; without one it counts until the end.
    """

    item: str
    who: str
    when: datetime.datetime
    words: str
    until: datetime.date | None = None

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its last day has passed."""
        return self.until is not None and self.until < today


class Signoffs(NamedTuple):
    """What a file of signatures holds.

    Args:
        signed: what was signed, by the id of the point.
        refusals: the entries that count for nothing, one line each.
    """

    signed: Mapping[str, Signoff]
    refusals: Sequence[str]


def read_signoffs(path: Path, items: Collection[str], now: datetime.datetime) -> Signoffs:
    """Reads what was signed; there need not be a file.

    Args:
        items: the ids of the plan's points.
        now: a signature of a later time is refused.

    Raises:
        CannotJudge: it cannot be read, or an entry is none: one line.
    """
    try:
        content = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return Signoffs({}, [])
    except OSError as error:
        raise CannotJudge(f"--signoffs={path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotJudge(f"--signoffs={path} is not TOML: {error}") from None
    entries = content.get("signoff", [])
    if set(content) - {"signoff"} or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise CannotJudge(f"--signoffs={path} holds something else than signatures: {_EXAMPLE}")
    found = [_convert(f"signoff {n} of {path.name}", entry) for n, entry in enumerate(entries, 1)]
    signed: dict[str, Signoff] = {}
    refusals = []
    for number, entry in enumerate(found, 1):
        title = escape(f"signoff {number} of {path.name}, {entry.item}")
        twice = sum(other.item == entry.item for other in found) > 1
        if reason := _find_reason(entry, items, now, twice=twice):
            refusals.append(f"{title}: {reason}")
        else:
            signed[entry.item] = entry
    return Signoffs(signed, refusals)


def _convert(title: str, content: Mapping[str, Any]) -> Signoff:
    try:
        # A date is one of TOML, and not a text that could be made one.
        return msgspec.convert(content, Signoff, builtin_types=(datetime.date, datetime.datetime))
    except msgspec.ValidationError as error:
        problem = str(error).removeprefix("Object ")
        raise CannotJudge(f"{title}: {problem[:1].lower()}{problem[1:]}: {_EXAMPLE}") from None


def _find_reason(entry: Signoff, items: Collection[str], now: datetime.datetime, *, twice: bool) -> str:
    """Why a signature counts for nothing, whatever the point is; empty where it may count."""
    if entry.item not in items:
        return f"the plan has no such point{name_nearest(entry.item, list(items))}"
    if not any(character.isalpha() for character in entry.who):
        return "who is empty: nobody signed it"
    if not entry.words.strip():
        return "words is empty: say what was seen or done"
    if entry.when.tzinfo is None:
        return f"when = {entry.when} has no time zone"
    if entry.when > now:
        return f"when = {entry.when} is in the future"
    if twice:
        return "it is signed more than once: keep one"
    return ""
