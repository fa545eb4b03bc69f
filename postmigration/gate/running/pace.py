"""How fast a run may go (`--max-load`): before each check it waits while others need the server."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.deployment.records.clocks import show_seconds
from postmigration.gate.running.durations import read_seconds
from postmigration.gate.running.load import read_load, sees_load
from postmigration.gate.session import Run
from postmigration.model.errors import NOT_BEGUN, CannotJudge, Hindrance, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

_EVERY = 2.0
# The seconds for which a run waits at most before one check, where nobody says it, and after which it says so again.
_LONGEST = 1_800.0
_AGAIN = 60.0


def declare(add: Callable[..., object]) -> None:
    """Declares how long a run may take, and how busy a server may be beside it."""
    add(
        "--time-budget",
        metavar="TIME",
        help="end after this time (90s, 10m, 1h) with what was judged until then: NO-GO if something is wrong, "
        "otherwise PARTIAL",
    )
    add(
        "--max-load",
        metavar="N[@TIME]",
        help="begin no check while more than N sessions of others are active on a server that is read, or replication "
        "is more than TIME behind (20@30s; any time where none is given)",
    )
    add(
        "--max-wait",
        metavar="TIME",
        help="with --max-load: end when a server stays that busy for this time (90s, 10m, 1h), with what was judged "
        "until then: NO-GO if something is wrong, otherwise PARTIAL; default: 30m",
    )


@dataclass(frozen=True)
class Bound:
    """How busy a server may be when a check begins.

    Args:
        text: as the user wrote it.
        sessions: how many sessions of others may be active.
        lag: the seconds that replication may be behind.
        longest: the seconds after which it is waited for no longer.
    """

    text: str
    sessions: int
    lag: float = math.inf
    longest: float = _LONGEST


def read_bound(text: str | None, wait: str | None = None) -> Bound | None:
    """What `--max-load` and `--max-wait` say; None where the first was not given.

    Raises:
        CannotJudge: it is no bound, or no time.
    """
    longest = _LONGEST if wait is None else read_seconds(wait)
    if not longest:
        raise CannotJudge(f"--max-wait={wait}: want a time like 90s, 10m or 1h")
    if text is None:
        if wait is not None:
            raise CannotJudge(f"--max-wait={wait} says how long --max-load waits: give that too")
        return None
    number, at, behind = text.partition("@")
    lag = read_seconds(behind) if at else math.inf
    if not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII) or lag is None:
        raise CannotJudge(
            f"--max-load={text}: want how many sessions of others may be active, and perhaps how far replication may "
            "be behind, like 20 or 20@30s"
        )
    return Bound(text, int(number), lag, longest)


class Pace:
    """Has checks wait while a server is busy.

    Args:
        bound: how busy it may be.
        sides: what is read on each server.

    Raises:
        CannotJudge: a role does not see how busy its server is, or the server does not tell.
        NotJudged: a connection was lost, or the time of the run is over.
    """

    def __init__(self, bound: Bound, sides: Sequence[Snapshot]) -> None:
        self.bound = bound
        self._sides = sides
        # Why nothing is begun any more.
        self._given_up = ""
        for side in sides:
            if not sees_load(side):
                raise CannotJudge(
                    f"--max-load={bound.text}: role {side.info.user} does not see how busy the server of "
                    f"{side.database.option} is: GRANT pg_read_all_stats TO it, or leave the option out"
                )
            try:
                read_load(side)
            except sa.exc.DBAPIError as error:
                # Some hosts forbid functions that tell how far replication is: nothing would ever be waited for.
                raise CannotJudge(
                    f"--max-load={bound.text}: the server of {side.database.option} does not tell how busy it is, "
                    f"leave the option out: {describe_refusal(error)}"
                ) from None

    def wait(self, tell: Callable[[str], None]) -> str:
        """Waits until no server is too busy any more, or the time of the run, or that for which it may wait, is over.

        Args:
            tell: says that it waits, and why; again after twice as long each time.

        Returns:
            How long it has waited and why, in words; empty where it has not.
        """
        began, why, again = time.monotonic(), "", _AGAIN
        longest = show_seconds(self.bound.longest)
        deadline = self._sides[0].database.limits.deadline
        while not self._given_up and (busy := self._describe()):
            waited = time.monotonic() - began
            if not why:
                why = busy
                tell(f"waiting: {why}")
            elif again <= waited < self.bound.longest:
                again *= 2
                tell(f"still waiting after {show_seconds(waited)}, {longest} at most (--max-wait): {busy}")
            left = min(self.bound.longest - waited, math.inf if deadline is None else deadline.left)
            if waited >= self.bound.longest:
                self._given_up = f"{NOT_BEGUN}the server was busy for {longest} (--max-wait): {busy}"
            elif left <= 0:
                break
            else:
                time.sleep(min(_EVERY, left))
        ended = "was given up" if self._given_up else "began"
        return f"waited {show_seconds(time.monotonic() - began)} before it {ended}: {why}" if why else ""

    def refuse(self) -> None:
        """Begins no check once it was waited for too long.

        Raises:
            NotJudged: it was.
        """
        if self._given_up:
            raise NotJudged(self._given_up, Hindrance.BUSY)

    def _describe(self) -> str:
        """What is too much on one of the servers, in words; empty where nothing is."""
        for side in self._sides:
            try:
                load = read_load(side)
            except (NotJudged, sa.exc.DBAPIError):
                # The check that is next says what is wrong.
                continue
            where = f"the server of {side.database.option} (--max-load={self.bound.text})"
            if load.sessions > self.bound.sessions:
                are = "other session is" if load.sessions == 1 else "other sessions are"
                return f"{load.sessions:,} {are} active on {where}"
            if load.lag > self.bound.lag:
                return f"replication is {show_seconds(load.lag)} behind on {where}"
        return ""


def pace(run: Run, bound: Bound | None) -> Pace | None:
    """Has a run go as fast as `--max-load` says; None where it may go as fast as it can.

    Raises:
        CannotJudge: nobody could obey it.
    """
    if bound is None:
        return None
    ours = run.origin is not None and run.origin.restored
    return Pace(bound, [run.target, *([run.baseline] if run.baseline is not None and not ours else [])])
