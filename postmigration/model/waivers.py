"""Differences that somebody has accepted: for what, why, who answers for it, and until when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.sqltext import quoted

_EXAMPLE = (
    "want [[waiver]] with check, or object, or table and key or where, and with "
    'reason = "…", owner = "…", expires = 2026-12-31'
)


@dataclass(frozen=True)
class Waiver:
    """One accepted difference.

    Args:
        name: which it is, for people.
        check: the check whose findings are accepted: its number in the plan, or the name of its function.
        table: the table of whose rows differences are accepted.
        object: the object of which differences are accepted, as a finding names it (`index public.a`), or the operator,
            function or cast that may stand in for one of PostgreSQL's (see `shadows`). Of these three one is named.
        condition: SQL condition on these rows, which holds on one of the two sides.
        reason: why it is accepted.
        owner: who answers for it.
        expires: the last day on which it is.
    """

    name: str
    check: str
    table: str
    object: str
    condition: str
    reason: str
    owner: str
    expires: datetime.date

    @property
    def words(self) -> str:
        """What the reader of the report should know."""
        return f"{self.name}, accepted until {self.expires} by {self.owner}: {self.reason}"

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its last day has passed."""
        return self.expires < today


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One waiver as it stands in a file."""

    reason: str
    owner: str
    expires: datetime.date
    check: int | str | None = None
    table: str | None = None
    object: str | None = None
    key: Annotated[dict[str, Any], msgspec.Meta(min_length=1)] | None = None
    where: str | None = None


def read(path: Path) -> tuple[Waiver, ...]:
    """Reads a file of waivers.

    Raises:
        CannotJudge: it cannot be read, or one of them lacks something; one line that says which and what.
    """
    try:
        content = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise CannotJudge(f"--waivers={path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotJudge(f"--waivers={path} is not TOML: {error}") from None
    entries = content.get("waiver")
    if set(content) != {"waiver"} or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise CannotJudge(f"--waivers={path} holds something else than waivers: {_EXAMPLE}")
    return tuple(_waiver(f"waiver {n} of {path.name}", entry) for n, entry in enumerate(entries, 1))


def _waiver(name: str, content: Mapping[str, Any]) -> Waiver:
    try:
        # A date is one of TOML, and not a text or a moment that could be made one.
        entry = msgspec.convert(content, _Entry, builtin_types=(datetime.date, datetime.datetime))
    except msgspec.ValidationError as error:
        problem = str(error).removeprefix("Object ")
        raise CannotJudge(f"{name}: {problem[:1].lower()}{problem[1:]}: {_EXAMPLE}") from None
    texts = {field: getattr(entry, field) for field in ("reason", "owner", "check", "table", "object", "where")}
    problems = [f"{name} is empty" for name, text in texts.items() if isinstance(text, str) and not text.strip()]
    if sum(said is not None for said in (entry.check, entry.table, entry.object)) != 1:
        problems.append("it needs either check, table or object")
    if (entry.table is not None) != ((entry.key is None) != (entry.where is None)):
        problems.append("table needs either key or where, and only table does")
    if problems:
        raise CannotJudge(f"{name}: {'; '.join(problems)}: {_EXAMPLE}")
    return Waiver(
        name=name,
        check="" if entry.check is None else str(entry.check),
        table=entry.table or "",
        object=entry.object or "",
        condition=entry.where or "" if entry.key is None else _of_key(entry.key),
        reason=entry.reason,
        owner=entry.owner,
        expires=entry.expires,
    )


def _of_key(key: Mapping[str, Any]) -> str:
    values = {column: "'" + str(value).replace("'", "''") + "'" for column, value in key.items()}
    # Not by a cast, which the owner of a type may have made a function.
    return " AND ".join(
        f"{quoted(column)} IS NOT NULL AND concat({quoted(column)}) = {value}" for column, value in values.items()
    )


def problems(waivers: Sequence[Waiver], used: Mapping[str, int], today: datetime.date) -> list[str]:
    """What is wrong with waivers after a whole run, in words.

    Args:
        used: how many differences each excused, by name.
    """
    found = []
    for waiver in waivers:
        if waiver.has_expired(today):
            found.append(f"it has expired: {waiver.words}")
        elif not used.get(waiver.name):
            found.append(f"it excused nothing, delete it: {waiver.words}")
    return found
