"""How fast a run may go (`--max-load`): before each check it waits while others need the server."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.deployment.clocks import show_seconds
from postmigration.gate.running.durations import read_seconds
from postmigration.gate.running.load import read_load, sees_load
from postmigration.gate.session import Run
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

_EVERY = 2.0


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


@dataclass(frozen=True)
class Bound:
    """How busy a server may be when a check begins.

    Args:
        text: as the user wrote it.
        sessions: how many sessions of others may be active.
        lag: the seconds that replication may be behind.
    """

    text: str
    sessions: int
    lag: float = math.inf


def read_bound(text: str | None) -> Bound | None:
    """What `--max-load` says; None where it was not given.

    Raises:
        CannotJudge: it is no bound.
    """
    if text is None:
        return None
    number, at, behind = text.partition("@")
    lag = read_seconds(behind) if at else math.inf
    if not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII) or lag is None:
        raise CannotJudge(
            f"--max-load={text}: want how many sessions of others may be active, and perhaps how far replication may "
            "be behind, like 20 or 20@30s"
        )
    return Bound(text, int(number), lag)


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
        """Waits until no server is too busy any more, or the time of the run is over.

        Args:
            tell: says that it waits, and why.

        Returns:
            How long it has waited and why, in words; empty where it has not.
        """
        began, why = time.monotonic(), ""
        deadline = self._sides[0].database.limits.deadline
        while busy := self._describe():
            if not why:
                why = busy
                tell(f"waiting: {why}")
            left = math.inf if deadline is None else deadline.left
            if not left:
                break
            time.sleep(min(_EVERY, left))
        return f"waited {show_seconds(time.monotonic() - began)} before it began: {why}" if why else ""

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
