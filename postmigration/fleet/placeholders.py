"""Texts of fleet.toml with placeholders, such as `postgresql://judge@{host}/{name}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from postmigration.model.errors import CannotJudge
from postmigration.model.nearest import name_nearest

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fill(text: str, values: Mapping[str, str], where: str, *, url: bool) -> str:
    """A text with its placeholders filled in.

    Args:
        values: what the placeholders stand for.
        where: where the text stands, for messages.
        url: what is filled in becomes part of a URL; otherwise of the name of a file.

    Raises:
        CannotJudge: there is no such placeholder, or its value would lead to another directory.
    """
    whole = _PLACEHOLDER.fullmatch(text)

    def find(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            known = ", ".join(f"{{{known}}}" for known in values)
            raise CannotJudge(f"{where}: there is no {{{name}}}{name_nearest(name, values)}; there is {known}")
        value = values[name]
        if whole and url:
            return value
        if url:
            return quote(value, safe="")
        if "/" in value or "\0" in value or value in (".", ".."):
            raise CannotJudge(f"{where}: the value {value!r} of {{{name}}} is no part of the name of a file")
        return value

    return _PLACEHOLDER.sub(find, text)


def find_variables(form: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The names for which there is an environment variable of a form, with the variables.

    Args:
        form: the name of a variable in which `{name}` stands for what differs.
    """
    before, _, after = form.partition("{name}")
    pattern = re.compile(re.escape(before) + "(.+)" + re.escape(after))
    matches = (pattern.fullmatch(variable) for variable in sorted(environment))
    return {found[1]: found[0] for found in matches if found}


def name_directory(name: str) -> str:
    """The name of the directory that holds the report of a database, whatever that is called."""
    return quote(name, safe=" @+,=").replace(".", "%2E", int(name.startswith(".")))


def locate(text: str, directory: Path) -> str:
    """The absolute form of a file's name."""
    return str(directory / Path(text).expanduser())
