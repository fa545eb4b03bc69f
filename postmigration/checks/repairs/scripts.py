"""What the migration's own scripts define, statement by statement, so that a repair can say a part of them again."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from postmigration.backups.script import Script, Statement
from postmigration.backups.statements import meaning, split
from postmigration.model.errors import CannotJudge

_KINDS = ("policy", "trigger", "rule", "function", "procedure", "view", "table", "index", "grant")
_BODY = re.compile(r"\$(\w*)\$(.*?)\$\1\$", re.DOTALL)
_SECURED = re.compile(r"\bENABLE\s+ROW\s+LEVEL\s+SECURITY\b", re.IGNORECASE)


@dataclass(frozen=True)
class Made:
    """A statement of a script that makes an object, or says who may use some.

    Args:
        kind: what the object is; `grant` for what is granted and revoked, `security` for row-level security.
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
    for path in scripts:
        script = Script(io.BytesIO(path.read_bytes()), path.name)
        # It ends without the comment that pg_dump closes a dump with, or where only psql goes on.
        with suppress(CannotJudge):
            for item in script.items():
                if isinstance(item, Statement) and (made := _read(item.text, schema, path.name)):
                    key = made.text if made.kind == "grant" else (made.kind, made.name, made.table, _arguments(made))
                    found.pop(key, None)
                    found[key] = made
    return tuple(found.values())


def _read(statement: bytes, schema: str, script: str) -> Made | None:
    means = meaning(statement)
    text = statement.decode(errors="replace").strip()
    if means is None or means.kind not in _KINDS:
        return None
    kind = "function" if means.kind == "procedure" else means.kind
    if kind == "table" and _SECURED.search(text):
        kind = "security"
    return Made(kind, _split(means.name, schema), _split(means.table, schema), text, script)


def _split(name: str, schema: str) -> tuple[str, str]:
    parts = split(name)
    return (parts[0], parts[-1]) if len(parts) > 1 else (schema, parts[0]) if parts else ("", "")


def _arguments(made: Made) -> str:
    return made.text.partition("(")[2].partition(")")[0] if made.kind == "function" else ""
