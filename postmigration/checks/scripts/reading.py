"""What the migration's own scripts define, statement by statement."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from postmigration.backups.script import Script, Statement
from postmigration.backups.statements import meaning, split
from postmigration.model.errors import CannotJudge

_KINDS = ("policy", "trigger", "rule", "function", "procedure", "view", "table", "index", "grant")
_BODY = re.compile(r"\$(\w*)\$(.*?)\$\1\$", re.DOTALL)
_NAME = r'(?:"(?:[^"]|"")+"|[^\s".]+)'
_ON = rf"POLICY\s+(?:IF\s+EXISTS\s+)?({_NAME})\s+ON\s+(?:ONLY\s+)?({_NAME}(?:\.{_NAME})?)"
_DROPPED = re.compile(rf"DROP\s+{_ON}(?:\s+(?:CASCADE|RESTRICT))?$", re.IGNORECASE)
_ALTERED = re.compile(rf"ALTER\s+{_ON}\s+(?:RENAME\s+TO\s+({_NAME})$)?", re.IGNORECASE)
_SWITCHED = re.compile(r"\b(ENABLE|DISABLE)\s+ROW\s+LEVEL\s+SECURITY\b", re.IGNORECASE)
_POLICY = re.compile(r"\bCREATE\s+POLICY\b", re.IGNORECASE)


@dataclass(frozen=True)
class Made:
    """A statement of a script that makes an object, drops or alters a policy, or says who may use some.

    Args:
        kind: what the object is; `grant` for what is granted and revoked, `security` for row-level security, `no
            policy` and `no security` for what it drops or switches off, `altered policy` for one that it alters.
        name: what it is called, as a schema, which may be empty, and a name; nothing for grants.
        table: the table on which it stands, in the same way.
        text: the statement.
        script: the name of the file.
    """

    kind: str
    name: tuple[str, str]
    table: tuple[str, str]
    text: str
    script: str

    @property
    def body(self) -> str:
        """The source of a function."""
        found = _BODY.search(self.text)
        return found[2] if found else ""


@cache
def read_scripts(scripts: tuple[Path, ...], schema: str) -> Sequence[Made]:
    """Reads scripts, and gives what they make in turn; what was made twice counts once, as it was made last.

    Args:
        schema: where names without a schema stand.
    """
    found: dict[object, Made] = {}
    for path, statement in read_statements(scripts):
        for made in _read(statement, schema, path.name):
            if made.kind in ("policy", "no policy"):
                # What it was before that is nothing any more.
                found = {key: one for key, one in found.items() if not _alters(one, made)}
            key = (
                (made.text, made.name)
                if made.kind in ("grant", "altered policy")
                else (made.kind.removeprefix("no "), made.name, made.table, _arguments(made))
            )
            found.pop(key, None)
            found[key] = made
    return tuple(found.values())


def read_statements(scripts: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Reads the statements of scripts in turn, each with its file; of each as far as it can be read without psql."""
    for path in scripts:
        script = Script(io.BytesIO(path.read_bytes()), path.name)
        # It ends without the comment that pg_dump closes a dump with, or where only psql goes on.
        with suppress(CannotJudge):
            for item in script.items():
                if isinstance(item, Statement):
                    yield path, item.text


@cache
def read_all_text(scripts: tuple[Path, ...]) -> str:
    """Reads scripts whole; nothing where one makes policies in a function or a block, whose names no text may say."""
    text = "\n".join(path.read_text(errors="replace") for path in scripts)
    return "" if any(_POLICY.search(body[2]) for body in _BODY.finditer(text)) else text


def _alters(one: Made, made: Made) -> bool:
    return one.kind == "altered policy" and (one.name[1], one.table) == (made.name[1], made.table)


def _read(statement: bytes, schema: str, script: str) -> Iterator[Made]:
    means = meaning(statement)
    text = statement.decode(errors="replace").strip()
    bare = text.rstrip("; \n")
    if dropped := _DROPPED.match(bare):
        yield Made("no policy", _split(dropped[1], schema), _split(dropped[2], schema), text, script)
    elif altered := _ALTERED.match(bare):
        for name in filter(None, (altered[1], altered[3])):
            yield Made("altered policy", _split(name, schema), _split(altered[2], schema), text, script)
    elif means is not None and means.kind in _KINDS:
        kind = "function" if means.kind == "procedure" else means.kind
        if kind == "table" and (switched := _SWITCHED.search(text)):
            kind = "security" if switched[1].upper() == "ENABLE" else "no security"
        yield Made(kind, _split(means.name, schema), _split(means.table, schema), text, script)


def _split(name: str, schema: str) -> tuple[str, str]:
    parts = split(name)
    return (parts[0], parts[-1]) if len(parts) > 1 else (schema, parts[0]) if parts else ("", "")


def _arguments(made: Made) -> str:
    return made.text.partition("(")[2].partition(")")[0] if made.kind == "function" else ""
