"""Where a database is, as it may be told to others: without the password, which is found where it is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from postmigration.model.errors import CannotJudge
from postmigration.postgres.dsn import conninfo

_PASSWORDS = ("password", "sslpassword")
_WORDS = re.compile(r"\b(host|hostaddr|dbname|service|user)\s*=")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a database is; it never shows.

    Args:
        url: its address; empty where a variable holds it.
        variable: the environment variable that holds it.
        password_variable: the environment variable that holds the password.
        password_file: the file whose first line is the password.
    """

    url: str = ""
    variable: str = ""
    password_variable: str = ""
    password_file: str = ""

    def __repr__(self) -> str:
        return f"Address(variable={self.variable!r})" if self.variable else "Address(…)"


def is_url(text: str) -> bool:
    """Whether a text is the address of a database, and not the name of a file."""
    return "://" in text or _WORDS.search(text) is not None


def resolve(address: Address, what: str, environment: Mapping[str, str] = os.environ) -> str:
    """The connection string of a database, with its password.

    Args:
        what: what the address is, for messages.
        environment: what the variables hold.

    Raises:
        CannotJudge: a variable is not set, a file cannot be read, or the address is none.
    """
    text = address.url
    if address.variable:
        text = _read_variable(address.variable, what, environment)
    password = ""
    if address.password_variable:
        password = _read_variable(address.password_variable, f"the password of {what}", environment)
    elif address.password_file:
        password = _read_password(Path(address.password_file), what)
    found = conninfo(text, what)
    return make_conninfo(found, password=password) if password else found


def read_baseline(address: Address, what: str, environment: Mapping[str, str] = os.environ) -> str:
    """What a variable or an address names as a state before: a connection string, or files as they stand there.

    Raises:
        CannotJudge: as `resolve`.
    """
    if address.variable and not address.password_variable and not address.password_file:
        text = _read_variable(address.variable, what, environment)
        if not is_url(text):
            return text
    return resolve(address, what, environment)


def holds_password(address: Address) -> bool:
    """Whether an address that was written down holds a password."""
    return bool(address.url) and any(conninfo_to_dict(conninfo(address.url, "url")).get(name) for name in _PASSWORDS)


def identify(address: Address, environment: Mapping[str, str] = os.environ) -> str:
    """Which database an address names, without its password; by its variable where that is not known here."""
    text = environment.get(address.variable, "") if address.variable else address.url
    if not is_url(text):
        return f"{address.variable} {text}"
    try:
        parts = conninfo_to_dict(conninfo(text, "url"))
    except CannotJudge:
        # Whoever judges it says so, of this database alone.
        return address.variable
    return repr(sorted((name, value) for name, value in parts.items() if name not in _PASSWORDS))


def _read_variable(name: str, what: str, environment: Mapping[str, str]) -> str:
    text = environment.get(name, "")
    if not text.strip():
        raise CannotJudge(f"{what}: the environment variable {name} is {'empty' if name in environment else 'not set'}")
    return text


def _read_password(file: Path, what: str) -> str:
    try:
        first = file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", "") or "it is not text"
        raise CannotJudge(f"the password of {what}: {file} cannot be read: {reason}") from None
    if not first:
        raise CannotJudge(f"the password of {what}: the first line of {file} is empty")
    return first
