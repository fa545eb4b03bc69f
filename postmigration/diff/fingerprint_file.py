"""The file of a fingerprint: a line for all, one for each table, and one that proves that nothing is lacking."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec

from postmigration.diff.fingerprint import Fingerprint, TableFingerprint
from postmigration.model.errors import CannotJudge
from postmigration.model.files import replace_all, seal, unseal
from postmigration.postgres.schema_objects import ObjectName

# The first format had no objects, the second no sequences and no large objects, the third no workload.
FORMAT = 4
_READABLE = (1, 2, 3, 4)
_MAGIC = "postmigration fingerprint"
# The last line before the sum, which older files lack.
_OBJECTS = "objects of the database"
# An object's name, its parts as `ObjectName` takes them, and its properties.
_Objects = list[tuple[str, str, str, str, str, dict[str, str]]]


def write(fingerprint: Fingerprint, path: Path) -> None:
    """Writes a fingerprint.

    Raises:
        CannotJudge: it cannot be written there.
    """
    apart = ("tables", "objects")
    facts = {field.name: getattr(fingerprint, field.name) for field in fields(fingerprint) if field.name not in apart}
    lines: list[object] = [{_MAGIC: FORMAT, **facts}, *fingerprint.tables.values()]
    if fingerprint.objects is not None:
        found = fingerprint.objects.items()
        lines.append(
            {_OBJECTS: [(str(name), name.kind, name.schema, name.name, name.table, facts) for name, facts in found]}
        )
    try:
        replace_all({path: seal(map(msgspec.json.encode, lines)).decode()})
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
    lines, whole = unseal(path.read_bytes())
    try:
        head = msgspec.json.decode(lines[0], type=dict[str, Any])
        if (known := head.pop(_MAGIC)) not in _READABLE:
            raise CannotJudge(
                f"the fingerprint {path} has format {known}, and this version reads 1 to {FORMAT}: take it again, or "
                "use the version that took it"
            )
        if not whole:
            raise ValueError
        objects = None
        if len(lines) > 1 and lines[-1].startswith(f'{{"{_OBJECTS}"'.encode()):
            objects = msgspec.json.decode(lines.pop(), type=dict[str, _Objects])[_OBJECTS]
        if objects is None and known > 1:
            raise ValueError
        if known > 2 and not (head["sequences"] and head["large_objects"]):
            raise ValueError
        if known > 3 and not head["workload"]:
            raise ValueError
        tables = [msgspec.json.decode(line, type=TableFingerprint) for line in lines[1:]]
        return replace(
            msgspec.convert({**head, "tables": {}}, Fingerprint, str_keys=True),
            tables={table.name: table for table in tables},
            objects=None if objects is None else {ObjectName(*name): facts for *name, facts in objects},
        )
    except (ValueError, KeyError, IndexError):
        raise CannotJudge(
            f"the fingerprint {path} is damaged or was changed: copy it again from where it was taken"
        ) from None
