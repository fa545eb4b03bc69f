"""Every object of a database's schema, and what tells two states of a schema apart.

Names are qualified, so that one list holds all; what belongs to the server or to an extension is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self
from weakref import WeakKeyDictionary

from postmigration.model.secrets import mask_secrets
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries import object_queries

# The comment of what was made in the place of something that a dump expects of its platform.
STANDIN = "stand-in of postmigration"


class ObjectName(str):
    """What an object is and what it is called ("policy own on public.t"), with what that says as values.

    Args:
        text: both, in words.
        kind: what it is; empty for what is rare and is only known to be there.
        schema: the schema in which it, or the table on which it stands, is; empty where that is none.
        name: what it is called, without its schema; empty where that is told of no object.
        table: the table on which it stands; empty for others.
    """

    kind: str
    schema: str
    name: str
    table: str

    def __new__(cls, text: str, kind: str = "", schema: str = "", name: str = "", table: str = "") -> Self:
        """Names an object."""
        self = super().__new__(cls, text)
        self.kind, self.schema, self.name, self.table = kind, schema, name, table
        return self


# What an object is, by its name: each of its properties as text. Those that begin with "~" tell how to find it or to
# write it again, and are no difference.
Objects = Mapping[ObjectName, Mapping[str, str]]
_READ: WeakKeyDictionary[Snapshot, Objects] = WeakKeyDictionary()


@dataclass(frozen=True)
class ObjectDifference:
    """An object in which two states of a schema differ.

    Args:
        name: what it is and what it is called.
        kind: `lost` is missing afterwards, `left` was not there before, `changed` is another one.
        properties: what is changed: the property, what it was and what it is.
    """

    name: ObjectName
    kind: Literal["lost", "left", "changed"]
    properties: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        changed = ", ".join(name for name, _, _ in self.properties)
        return f"{self.name} is {self.kind}{f' ({changed})' if changed else ''}"


def differing(before: Objects, after: Objects) -> list[ObjectDifference]:
    """The objects in which two states of a schema differ, by their names.

    What belongs to an object that is lost or left goes with it and is not told again.
    """
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            holder = (now or was or {}).get("of")
            if holder is None or (holder in before) == (holder in after):
                found.append(ObjectDifference(name, "left" if was is None else "lost"))
        elif names := sorted(key for key in was.keys() | now.keys() if key[0] != "~" and was.get(key) != now.get(key)):
            properties = tuple((key, was.get(key, "none"), now.get(key, "none")) for key in names)
            found.append(ObjectDifference(name, "changed", properties))
    return found


def objects(snapshot: Snapshot) -> Objects:
    """Reads every object of the snapshot's database, whatever its schema; what a snapshot tells is read once."""
    if snapshot not in _READ:
        _READ[snapshot] = _read(snapshot)
    return _READ[snapshot]


def _read(snapshot: Snapshot) -> Objects:
    found: dict[ObjectName, dict[str, str]] = {}
    for query in object_queries(snapshot.info.server_version // 10_000):
        for row in snapshot.rows(query):
            facts = {name: _tell(name, str(text)) for name, text in row.facts.items() if text is not None}
            found[ObjectName(row.name, *getattr(row, "parts", ()))] = facts
    return found


def _tell(name: str, text: str) -> str:
    """A fact without secrets: reports and fingerprints repeat it, and go where the database does not."""
    # What an object is called is no secret, and needed to find it.
    return text if name in ("~on", "~id", "of", "owner") else mask_secrets(text)
