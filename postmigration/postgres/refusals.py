"""What it means that a server refuses a statement: by its SQLSTATE, never by words, which may be in any language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from postmigration.model.errors import Hindrance, NotJudged

# SQLSTATE classes and codes after which nothing is known of the data: the statement did not run to its end.
_NOT_JUDGED_CLASSES = ("08", "25", "40", "53", "57", "58")
# Those after which there is no session any more: connection exceptions, shutdowns and timeouts of idle sessions.
_LOST_CLASS = "08"
_LOST_CODES = ("25P03", "25P04", "57P01", "57P02", "57P03", "57P04", "57P05")
LOST = "the connection was lost"
_NO_PRIVILEGE = "42501"
_NOT_JUDGED_CODES = {
    "22021": "the server's encoding is not what it says",
    "22P05": "the server's encoding has no such character",
    _NO_PRIVILEGE: "grant the role what is missing",
    "55P03": "another session held a lock; try again, or raise --lock-timeout",
    "57014": "it took longer than allowed; raise --statement-timeout",
}
_HINDRANCES = {_NO_PRIVILEGE: Hindrance.PRIVILEGE, "55P03": Hindrance.LOCK, "57014": Hindrance.TIME}


def refusal(error: sa.exc.DBAPIError, *, acting: bool = False) -> str:
    """What the server said, without the detail line (which quotes rows) and on one line.

    Args:
        acting: somebody whose rights are judged made the statement, so that a missing privilege is an answer.

    Raises:
        NotJudged: what it said tells nothing about the data: a lock, a timeout, a missing privilege, a lost connection.
    """
    original = error.orig
    state = getattr(original, "sqlstate", None)
    if not isinstance(original, psycopg.Error) or state is None or is_lost(error):
        raise NotJudged(LOST, Hindrance.CONNECTION) from None
    message = " ".join((original.diag.message_primary or "no message").split())
    privilege = state == _NO_PRIVILEGE and acting
    if not privilege and (state in _NOT_JUDGED_CODES or state.startswith(_NOT_JUDGED_CLASSES)):
        remedy = _NOT_JUDGED_CODES.get(state)
        raise NotJudged(message + (f": {remedy}" if remedy else ""), hindrance(error)) from None
    return f"{message} (SQLSTATE {state})"


def is_lost(error: sa.exc.DBAPIError) -> bool:
    """Whether there is no session any more after an error."""
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] == _LOST_CLASS or state in _LOST_CODES


def hindrance(error: sa.exc.DBAPIError) -> Hindrance | None:
    """What an error of the server is in the way of a judgement, where what would make it judged is known."""
    return Hindrance.CONNECTION if is_lost(error) else _HINDRANCES.get(str(getattr(error.orig, "sqlstate", None)))


def refused_because(error: sa.exc.DBAPIError) -> str:
    """What stood in the way, whether or not it tells something about the data, on one line."""
    try:
        return refusal(error)
    except NotJudged as unknown:
        return str(unknown)


def refused(connection: sa.Connection, attempt: sa.Executable) -> str | None:
    """The SQLSTATE with which the server refuses a statement, or None if it lets it pass. Its effect is undone.

    Raises:
        NotJudged: it did neither: the statement waited for a lock, took too long, or the connection was lost.
    """
    savepoint = connection.begin_nested()
    try:
        connection.execute(attempt)
        return None
    except sa.exc.DBAPIError as error:
        refusal(error, acting=True)
        return str(getattr(error.orig, "sqlstate", None))
    finally:
        savepoint.rollback()


@contextmanager
def unless_lost(connection: sa.Connection) -> Iterator[None]:
    """Turns whatever comes of a lost connection into one thing.

    Raises:
        NotJudged: the connection was lost, now or earlier.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError:
        if not connection.closed and connection.invalidated:
            raise NotJudged(LOST, Hindrance.CONNECTION) from None
        raise
