"""Where a database is: what a user wrote, as libpq reads it, and without its password for everybody else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from postmigration.model.errors import CannotJudge

_WANTED_FORM = "want postgresql://user@host:5432/database or 'host=… dbname=…'"


def conninfo(text: str, option: str) -> str:
    """The libpq connection string for what a user wrote.

    Args:
        text: `postgresql://…`, `postgres://…`, `postgresql+driver://…` or `key=value …`.
        option: where it was written, for the message.

    Raises:
        CannotJudge: it names no PostgreSQL database. The text itself is not repeated: it may hold a password.
    """
    if not text.strip():
        raise CannotJudge(f"{option} is empty (a variable that is not set?): {_WANTED_FORM}")
    scheme, separator, rest = text.strip().partition("://")
    url = bool(separator) and re.fullmatch(r"[A-Za-z0-9+.-]*", scheme) is not None
    if url:
        if scheme.split("+")[0] not in ("postgresql", "postgres"):
            raise CannotJudge(f"{option} is not a PostgreSQL URL but {scheme[:20]}://: {_WANTED_FORM}")
        text = f"postgresql://{rest}"
    try:
        parts = conninfo_to_dict(text)
    except (psycopg.Error, UnicodeError):
        # libpq's own words quote the text, password and all.
        parts = {"port": "unreadable"}
    ports = str(parts.get("port", "")).split(",")
    if (url and _split_password(rest)) or not all(port.isdigit() or not port for port in ports):
        raise CannotJudge(
            f"{option} cannot be read as a PostgreSQL URL: {_WANTED_FORM}; special characters of a password must be "
            "percent-encoded (@ is %40, / is %2F), parameters after ? must be libpq's"
        )
    defaults = {"connect_timeout": "10", "application_name": "postmigration"}
    if parts.get("host"):
        # PGHOSTADDR would lead elsewhere than to the host that is named, and shown.
        defaults["hostaddr"] = ""
    return make_conninfo("", **{**defaults, **parts, "client_encoding": "UTF8"})


def _split_password(rest: str) -> bool:
    """Whether libpq ends the password of a URL too early, so that its tail becomes a host or a database name."""
    before, at, after = rest.partition("@")
    if at and "/" not in before:
        rest = after
    return "@" in rest.partition("?")[0]


def redact(text: str, secret_conninfo: str) -> str:
    """The text without the password, on one line."""
    parts = conninfo_to_dict(secret_conninfo)
    for password in (parts.get("password"), parts.get("sslpassword"), os.environ.get("PGPASSWORD")):
        if password:
            text = text.replace(str(password), "***")
    return " ".join(text.split())


# Everything up to the last @ without a blank: a password may itself hold /, : and @.
_USER_INFO = re.compile(r"(?<=://)\S*@")
_SECRET = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&]+)", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\bpostgres(ql)?(\+\w+)?:/|[A-Za-z0-9+.-]://.*@|%3a%2f%2f.*%40|password\s*=", re.IGNORECASE | re.DOTALL
)


def is_secret(text: str) -> bool:
    """Whether a text looks like the address of a database, or holds a password."""
    return _ADDRESS.search(text) is not None


def redact_secrets(text: str, arguments: Iterable[str] = ()) -> str:
    """The text without whatever looks like a password in it.

    Args:
        text: words that may repeat what a user wrote.
        arguments: what the user wrote, each on its own: what looks like an address there is left out whole.
    """
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        if value and is_secret(value):
            for form in {value, value.strip(), repr(value)[1:-1], str(Path(value))}:
                text = text.replace(form, "***") if form else text
    return _SECRET.sub(r"\1***", _USER_INFO.sub("***@", text))


@contextmanager
def ignore_environment() -> Iterator[None]:
    """Hides from libpq what the environment would add to a connection string: another address, another service."""
    steering = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(steering)
