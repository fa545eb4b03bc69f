"""The file of a fingerprint: a line for all, one for each table, and one that proves that nothing is lacking."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from postmigration.diff.fingerprint import Fingerprint, TableFingerprint
from postmigration.model.errors import CannotJudge
from postmigration.model.files import replace_all
from postmigration.postgres.schema_objects import ObjectName

# The first format had no objects.
FORMAT = 2
_READABLE = (1, 2)
_MAGIC = "postmigration fingerprint"
# The last line before the sum, which older files lack.
_OBJECTS = "objects of the database"


def written(fingerprint: Fingerprint, path: Path) -> None:
    """Writes a fingerprint.

    Raises:
        CannotJudge: it cannot be written there.
    """
    apart = ("tables", "objects")
    facts = {field.name: getattr(fingerprint, field.name) for field in fields(fingerprint) if field.name not in apart}
    lines = [
        json.dumps({_MAGIC: FORMAT, **facts}),
        *(json.dumps(asdict(table)) for table in fingerprint.tables.values()),
    ]
    if fingerprint.objects is not None:
        found = fingerprint.objects.items()
        objects = [[name, name.kind, name.schema, name.name, name.table, facts] for name, facts in found]
        lines.append(json.dumps({_OBJECTS: objects}))
    text = "".join(f"{line}\n" for line in lines)
    try:
        replace_all({path: text + json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n"})
    except OSError as error:
        raise CannotJudge(f"the fingerprint cannot be written to {path}: {error.strerror}") from None


def is_fingerprint(path: Path) -> bool:
    """Whether a file looks like one."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC) + 4).startswith(f'{{"{_MAGIC}"'.encode())
    except OSError:
        return False


def read(path: Path) -> Fingerprint:
    """Reads a fingerprint.

    Raises:
        CannotJudge: it is damaged, or of another format.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    body, _, last = text.rstrip("\n").rpartition("\n")
    try:
        head, *tables = [json.loads(line) for line in body.splitlines()]
        objects = tables.pop()[_OBJECTS] if tables and _OBJECTS in tables[-1] else None
        if head[_MAGIC] not in _READABLE:
            raise CannotJudge(
                f"the fingerprint {path} has format {head[_MAGIC]}, and this version reads 1 to {FORMAT}: take it "
                "again, or use the version that took it"
            )
        whole = json.loads(last)["sha256"] == hashlib.sha256(f"{body}\n".encode()).hexdigest()
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise CannotJudge(f"the fingerprint {path} is damaged or was changed: copy it again from where it was taken")
    del head[_MAGIC]
    return Fingerprint(
        **head,
        tables={table["name"]: _read_table(table) for table in tables},
        objects=None if objects is None else {ObjectName(*name): facts for *name, facts in objects},
    )


def _read_table(table: dict[str, Any]) -> TableFingerprint:
    return TableFingerprint(
        name=table["name"],
        columns={name: (type_, nullable) for name, (type_, nullable) in table["columns"].items()},
        key=tuple(table["key"]),
        hashed={rows: tuple((n, t, as_it_is) for n, t, as_it_is in hashed) for rows, hashed in table["hashed"].items()},
        rows=table["rows"],
        newest=table["newest"],
        size=table["size"],
        buckets={int(number): (count, was, become) for number, (count, was, become) in table["buckets"].items()},
    )
