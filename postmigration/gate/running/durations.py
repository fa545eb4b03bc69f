"""Times as a user writes them."""

from __future__ import annotations

import datetime
import re

from postmigration.model.comparison import Recheck
from postmigration.model.errors import CannotJudge

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Before rows are read again that differ, where the user names no pause.
_PAUSE = 2.0
_MOST_TIMES = 100
_LONGEST_PAUSE = 3_600


def read_seconds(text: str) -> float | None:
    """The seconds of a duration; None where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def read_recheck(text: str | None) -> Recheck | None:
    """How often `--recheck` has rows read again that differ, and after which pause; None where it was not given.

    Raises:
        CannotJudge: it says neither.
    """
    if text is None:
        return None
    number, at, time = text.partition("@")
    pause = read_seconds(time) if at else _PAUSE
    whole = re.fullmatch(r"[1-9][0-9]{0,2}", number, re.ASCII)
    if whole is None or int(number) > _MOST_TIMES or pause is None or pause > _LONGEST_PAUSE:
        raise CannotJudge(
            f"--recheck={text}: want how many times, 1 to {_MOST_TIMES}, and a pause of 1h at most, like 3 or 3@10s"
        )
    return Recheck(int(number), pause)


def read_timestamp(text: str | None) -> str:
    """The time of `--cutover`, as PostgreSQL reads it; `infinity` where none is given.

    Raises:
        CannotJudge: it is none.
    """
    if text is None:
        return "infinity"
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CannotJudge(f"--cutover={text} is no timestamp: want one like 2026-11-01T22:00:00+00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).isoformat()
