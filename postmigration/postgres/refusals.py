"""What it means that a server refuses a statement: by its SQLSTATE, never by words, which may be in any language."""

from __future__ import annotations

import re
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
# Where the text of an error is the application's own, by the file of the server's source or its extension's.
_CODE_RAISES = ("exec_stmt_raise", "exec_stmt_assert")
_LANGUAGES = re.compile(r"(?:^|/)(?:plpy_\w+|plperl|pltcl|plv8\w*)\.(?:c|cc)$")
_PLPGSQL = re.compile(r"(?:^|/)pl_\w+\.c$")
# Classes of errors whose message names objects and never a value; of others what is quoted is masked.
NAMING = ("0A", "23", "25", "26", "2B", "2D", "34", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
SYNTAX_ERROR = "42601"
# Something that is named does not exist, or is no longer the only one of its name.
NAMES_NOTHING = ("42P01", "42703", "42883", "42704", "42702", "42725", "42P02", "3F000")
_NAMES = ("42", "3F")
# Names that a message gives without quotation marks: of a column with its table, of a function with its arguments.
_BARE_NAME = re.compile(r"\S*(?:\w\.\w|\()\S*")
# Quotation marks of every language that the server speaks.
_QUOTED = re.compile(r"""(?:["'„“”«»‹›「『]).*["'“”«»‹›」』]|0x[0-9A-Fa-f]+|[\w.+-]+@[\w.-]+""")
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
    message = describe_error(original)
    privilege = state == _NO_PRIVILEGE and acting
    if not privilege and (state in _NOT_JUDGED_CODES or state.startswith(_NOT_JUDGED_CLASSES)):
        remedy = _NOT_JUDGED_CODES.get(state)
        raise NotJudged(message + (f": {remedy}" if remedy else ""), hindrance(error)) from None
    return f"{message} (SQLSTATE {state})"


def describe_error(error: psycopg.Error, *, composed: bool = True, defines: bool = False) -> str:
    """Describes what the server said on one line and without a value.

    Its detail and its context quote rows. What code of the database raised may hold anything, so that only the place
    is told; a name may be a value when it is only looked up while a statement runs, or when code has composed that.

    Args:
        composed: a statement that a function has made may be put together from values.
        defines: the statement defines an object, so that what it names itself is no value.
    """
    told, state = error.diag, error.sqlstate or ""
    frames = (told.context or "").splitlines() or [""]
    if is_raised(error):
        # Of this error the first line is the function, the line and the kind of its statement, and nothing else.
        place = frames[0] if told.source_function in _CODE_RAISES else ""
        return "code of the database raised it" + (f": {place}" if place else "")
    message = " ".join((told.message_primary or "no message").split())
    if state.startswith(_NAMES) and told.internal_query is not None:
        # The outermost function; between it and the error the statements stand.
        place = f" ({frames[-1]})" if frames[-1].startswith("PL/pgSQL") else ""
        return (mask_values(_BARE_NAME.sub("‹…›", message)) if composed else message) + place
    # PL/pgSQL itself names fields as they stand in the function.
    static = told.statement_position is not None or _PLPGSQL.search(told.source_file or "") is not None
    late = state in NAMES_NOTHING and not static and not (defines and told.context is None)
    return mask_values(message) if late or not state.startswith(NAMING) else message


def is_raised(error: psycopg.Error) -> bool:
    """Whether code of the database raised an error: then its text and its SQLSTATE are what that code wants."""
    told = error.diag
    return told.source_function in _CODE_RAISES or _LANGUAGES.search(told.source_file or "") is not None


def mask_values(message: str) -> str:
    """Masks what a message quotes."""
    return _QUOTED.sub("‹…›", message)


def is_lost(error: sa.exc.DBAPIError) -> bool:
    """Whether there is no session any more after an error."""
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] == _LOST_CLASS or state in _LOST_CODES


def hindrance(error: sa.exc.DBAPIError) -> Hindrance | None:
    """What an error of the server is in the way of a judgement, where what would make it judged is known."""
    return Hindrance.CONNECTION if is_lost(error) else _HINDRANCES.get(str(getattr(error.orig, "sqlstate", None)))


def describe_refusal(error: sa.exc.DBAPIError) -> str:
    """What stood in the way, whether or not it tells something about the data, on one line."""
    try:
        return refusal(error)
    except NotJudged as unknown:
        return str(unknown)


def find_refusal(connection: sa.Connection, attempt: sa.Executable) -> str | None:
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
