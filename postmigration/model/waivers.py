"""Differences that somebody has accepted: for what, why, who answers for it, and until when."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postmigration.model.errors import CannotJudge
from postmigration.model.sqltext import quoted

_REQUIRED = {"reason", "owner", "expires"}
_KNOWN = _REQUIRED | {"check", "table", "key", "where", "object"}
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
        object: the operator, function or cast that may stand in for one of PostgreSQL's (see `shadows`). Of these
            three one is named.
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

    def expired(self, today: datetime.date) -> bool:
        """Whether its last day has passed."""
        return self.expires < today


def read(path: Path) -> tuple[Waiver, ...]:
    """Reads a file of waivers.

    Raises:
        CannotJudge: it cannot be read, or one of them lacks something; one line that says which and what.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotJudge(f"--waivers={path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotJudge(f"--waivers={path} is not TOML: {error}") from None
    entries = content.get("waiver")
    if set(content) != {"waiver"} or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise CannotJudge(f"--waivers={path} holds something else than waivers: {_EXAMPLE}")
    return tuple(_waiver(f"waiver {n} of {path.name}", entry) for n, entry in enumerate(entries, 1))


def _waiver(name: str, entry: Mapping[str, Any]) -> Waiver:
    problems = [f"{key} is missing" for key in sorted(_REQUIRED) if not str(entry.get(key, "")).strip()]
    problems += [f"{key} is not known" for key in sorted(set(entry) - _KNOWN)]
    if not problems and (
        not isinstance(entry["expires"], datetime.date) or isinstance(entry["expires"], datetime.datetime)
    ):
        problems.append("expires is no date")
    if len({"check", "table", "object"} & entry.keys()) != 1:
        problems.append("it needs either check, table or object")
    if ("table" in entry) != (("key" in entry) != ("where" in entry)):
        problems.append("table needs either key or where, and only table does")
    if "key" in entry and not (isinstance(entry["key"], dict) and entry["key"]):
        problems.append('key is no table like { id = "…" }')
    if problems:
        raise CannotJudge(f"{name}: {'; '.join(problems)}: {_EXAMPLE}")
    return Waiver(
        name=name,
        check=str(entry.get("check", "")),
        table=entry.get("table", ""),
        object=entry.get("object", ""),
        condition=_of_key(entry["key"]) if "key" in entry else entry.get("where", ""),
        reason=entry["reason"],
        owner=entry["owner"],
        expires=entry["expires"],
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
        if waiver.expired(today):
            found.append(f"it has expired: {waiver.words}")
        elif not used.get(waiver.name):
            found.append(f"it excused nothing, delete it: {waiver.words}")
    return found
