"""What else became of the objects of a schema than a migration declares."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from postmigration.model.platform import SUPABASE
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import ObjectDifference, Objects, differing, objects

# What is not the schema's: of the whole server, of the platform's own version, or judged elsewhere.
_NOT_THE_SCHEMAS = ("role ", "comment ", "extension ", "setting ", "statistics ", "default privileges ")

# What says nothing: where a column stands, and how the server stores it.
_INDIFFERENT = frozenset({"position", "inherited", "storage", "compression", "statistics target", "clustered", "cost"})
# What servers of two versions may write in two ways.
_WRITTEN_ANEW = frozenset(
    {"definition", "using", "check", "default", "generated", "sql body", "arguments", "partition bound"}
)


@dataclass(frozen=True)
class Undeclared:
    """Objects of one kind that differ in one way from the state before, and that nobody declared.

    Args:
        kind: what they are: `policy`, `function`.
        how: `lost`, `left` or `changed`.
        found: the objects.
    """

    kind: str
    how: str
    found: tuple[ObjectDifference, ...]

    @property
    def statement(self) -> str:
        """What they are, for people."""
        words = {"lost": "that are gone", "left": "that were not there before", "changed": "that are not as before"}
        return f"objects of the kind {self.kind} {words[self.how]}, and that the migration does not declare"


def undeclared(before: Snapshot, after: Snapshot, declared: Collection[str], *, restored: bool) -> list[Undeclared]:
    """What differs between the objects of two databases and is not declared, by kind.

    Args:
        declared: patterns of the names of objects that the migration adds, changes or drops (see
            `postmigration.postgres.schema_objects`), with `*` for any text.
        restored: the state before was restored from a backup, which gives everything another owner.
    """
    version = "SELECT current_setting('server_version_num')::int / 10000"
    left_out = set(_INDIFFERENT)
    if restored:
        left_out.add("owner")
    if before.scalar(version) != after.scalar(version):
        left_out |= _WRITTEN_ANEW
    sides = [_of_the_schema(objects(side), restored=restored, left_out=left_out) for side in (before, after)]
    grouped: dict[tuple[str, str], list[ObjectDifference]] = {}
    for found in differing(sides[0], sides[1]):
        if not any(fnmatch.fnmatchcase(found.name, pattern) for pattern in declared):
            grouped.setdefault((_kind(found.name), found.kind), []).append(found)
    return [Undeclared(kind, how, tuple(those)) for (kind, how), those in sorted(grouped.items())]


def _kind(name: str) -> str:
    words: Sequence[str] = name.split(" ")
    return " ".join(words[:2]) if words[0] in ("event", "foreign", "materialized") else words[0]


def _of_the_schema(found: Objects, *, restored: bool, left_out: Collection[str]) -> Objects:
    """The objects that the application brings, with what says something of them."""
    kept = {}
    for name, facts in found.items():
        # Whom the API takes a request for is told by functions of the platform, and must not change unseen.
        platform = any(f" {schema}." in name or f"schema {schema} " in f"{name} " for schema in SUPABASE.schemas)
        tells = name.startswith("function auth.") and not restored
        if name.startswith(_NOT_THE_SCHEMAS) or (platform and not tells):
            continue
        if restored and name.startswith(("grant ", "publication ", "event trigger ")):
            continue
        kept[name] = {key: text for key, text in facts.items() if key not in left_out}
    return kept
