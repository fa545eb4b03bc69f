"""What people signed of a deployment plan: which point, who, when, and in what words."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from postmigration.deployment.evidence import Found
from postmigration.deployment.records.clocks import show_time
from postmigration.deployment.records.store import Stored
from postmigration.deployment.weaknesses import list_weaknesses
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.migration import Criterion
from postmigration.model.nearest import name_nearest

NAME = "signoffs.toml"
# Before that nobody has signed anything here, and at the beginning of the calendar no time can be shown in UTC.
_FIRST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_EXAMPLE = 'want [[signoff]] with item = "…", text = "…", who = "…", when = 2026-12-01T21:00:00Z, words = "…"'


class Signoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of the plan as a person signed it.

    Args:
        item: the id of the point.
        text: what the point said, repeated: once it says something else, nobody has signed that.
        who: the person.
        when: when, with a time zone.
        words: what they have seen or done.
        until: the last day on which that counts; without one it counts until the end.
    """

    item: str
    text: str = ""
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


class Signature(NamedTuple):
    """The signature that counts, or what is missing of it; and whether one that was given must be given again."""

    signoff: Signoff | None = None
    missing: str = ""
    again: bool = False


def read_signoffs(path: Path, items: Mapping[str, str], now: datetime.datetime) -> Signoffs:
    """Reads what was signed; there need not be a file.

    Args:
        items: the texts of the plan's points, by their ids.
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


def _find_reason(entry: Signoff, items: Mapping[str, str], now: datetime.datetime, *, twice: bool) -> str:
    """Why a signature counts for nothing, whatever the point is; empty where it may count."""
    if entry.item not in items:
        return f"the plan has no such point{name_nearest(entry.item, list(items))}"
    if not any(character.isalpha() for character in entry.who):
        return "who is empty: nobody signed it"
    if not entry.text.strip():
        return f"text is empty: repeat what was signed: text = {_quote(items[entry.item])}"
    if not entry.words.strip():
        return "words is empty: say what was seen or done"
    if entry.when.tzinfo is None:
        return f"when = {entry.when} has no time zone"
    if entry.when > now:
        return f"when = {entry.when} is in the future"
    if entry.when < _FIRST:
        return f"when = {entry.when} is no time"
    if twice:
        return "it is signed more than once: keep one"
    return ""


def find_signature(
    criterion: Criterion,
    signoff: Signoff | None,
    found: Sequence[Found],
    stored: Sequence[Stored],
    *,
    at: datetime.datetime,
    since: datetime.datetime | None,
    live: datetime.datetime | None,
) -> Signature:
    """Finds out whether a point of the plan needs a signature, and whether the one that was given counts.

    Args:
        signoff: the one that was given.
        found: what the records say of the point.
        stored: all records.
        at: when it must count.
        since: since when there are records of the present scripts.
        live: when the application went live.
    """
    weak = [
        (weakness, one.record.record.ended)
        for one in found
        if one.record is not None and one.proof in criterion.proven_by
        for weakness in list_weaknesses(one.record, stored)
    ]
    if not criterion.needs_signature and not weak:
        # What records and checks decide is no better for a signature.
        return Signature()
    who = criterion.role or "somebody"
    if signoff is None:
        return Signature(missing=f"{weak[0][0]}: {who} must sign that" if weak else f"{who} has not signed it")
    signed = f"{signoff.who} signed it {show_time(signoff.when)}"
    if signoff.text.split() != criterion.text.split():
        changed = f"{signoff.who} signed ‹{signoff.text}› {show_time(signoff.when)}, and it says ‹{criterion.text}› now"
        return Signature(missing=f"{changed}: sign it again", again=True)
    if signoff.has_expired(at.date()):
        return Signature(missing=f"{signed}, until {signoff.until}, which is over")
    if later := [weakness for weakness, ended in weak if signoff.when < ended]:
        return Signature(missing=f"{signed}, and then {later[0]}: sign it again", again=True)
    if criterion.phase == "after" and live is not None and signoff.when < live:
        why = f"before the application went live ({show_time(live)})"
        return Signature(missing=f"{signed}, {why}: sign it again", again=True)
    if criterion.phase == "after" and live is None:
        return Signature(missing=f"{signed}, and the application is not live")
    if (criterion.again or weak) and (since is None or signoff.when < since):
        than = f"before the first record of the present scripts ({show_time(since)})" if since else "of other scripts"
        return Signature(missing=f"{signed}, {than}: sign it again", again=True)
    return Signature(signoff)


def render_entry(criterion: Criterion, now: datetime.datetime) -> str:
    """An entry for the file of signatures, in which the person and their words are left to be written."""
    moment = now.astimezone(datetime.UTC)
    return (
        f'[[signoff]]\nitem = "{criterion.name}"\ntext = {_quote(criterion.text)}\nwho = ""\n'
        f'when = {moment:%Y-%m-%dT%H:%M:%SZ}\nwords = ""\n'
    )


def _quote(text: str) -> str:
    """A text as TOML writes it, on one line."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
