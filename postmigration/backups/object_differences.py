"""The objects that a backup and the database that it claims to be a copy of do not have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from postmigration.backups.restore import Restored
from postmigration.diff.objects.matching import Facts, match_objects
from postmigration.diff.objects.spelling import same_text
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server
from postmigration.postgres.schema_objects import ObjectName, Objects, objects

# Of these a backup has to bring all; others belong to the server, or need what an embedded one has not.
_COMPARED = (
    "column", "constraint", "function", "index", "materialized view", "policy", "rule", "sequence", "table", "trigger",
    "type", "view",
)  # fmt: skip

# What the catalogs call otherwise than the statement that creates it.
_KINDS = {"foreign key": "constraint", "procedure": "function", "aggregate": "function", "domain": "type"}

# What every version writes alike, and the expressions that differ in parentheses and casts at the most. Of views,
# indexes, constraints and triggers of another version it is only known that they are there.
_FACTS = (
    "row-level security", "forced row-level security", "enabled", "permissive", "command", "roles", "not null", "type",
    "values", "kind", "validated", "enforced", "valid", "unique", "identity", "generated as", "position", "persistence",
    "security definer", "volatility", "strict", "leakproof", "search_path", "language", "body", "inherits from",
    "security_invoker", "security_barrier", "check option", "partition of", "base",
)  # fmt: skip
_EXPRESSIONS = ("default", "using", "check", "generated", "sql body")
# An owner may be a role that is not in the backup; what no file fills is filled when it was restored; and the rest says
# nothing by itself.
_INDIFFERENT = frozenset({"owner", "populated", "inherited", "constraint", "replica identity"})


def diff_objects(
    original: Snapshot,
    copy: Snapshot,
    named: Sequence[str],
    restored: Restored,
    standins: AbstractSet[tuple[str, str, str]],
) -> list[str]:
    """Finds the objects of some schemas that a backup lacks or has otherwise, and those that the database has lost.

    Args:
        named: the schemas.
        standins: what stands in for others, which the backup does not claim to hold.
    """
    unrestored = {(_KINDS.get(it.kind, it.kind), it.schema, it.bare_name) for it in restored.unrestored}
    theirs, ours = (_find_held(objects(side), named, standins) for side in (original, copy))
    same = write_alike(original, copy)
    words = []
    for pair in match_objects(theirs, ours):
        holder = pair.facts.get("of")
        if (pair.was is None or pair.now is None) and holder and (holder in theirs) != (holder in ours):
            continue
        if pair.was is None:
            words.append(f"{pair.name} is in it, and not in what it is compared with")
        elif pair.now is not None:
            names = sorted(_otherwise(pair.was, pair.now, same=same))
            words += [f"{pair.name} is another one in it ({', '.join(names)})"] if names else []
        elif (pair.name.kind, pair.name.schema, pair.name.name) not in unrestored:
            words.append(f"{pair.name} is not in it")
    return sorted(words)


def write_alike(original: Snapshot, copy: Snapshot) -> bool:
    """Whether both servers write the same definition alike."""
    return server(original).version_number == server(copy).version_number


def _find_held(
    found: Objects, named: Sequence[str], standins: AbstractSet[tuple[str, str, str]]
) -> dict[ObjectName, Facts]:
    return {
        name: facts
        for name, facts in found.items()
        if name.kind in _COMPARED
        and name.schema in named
        and not {(name.kind, name.schema, name.name), ("table", name.schema, name.table)} & standins
    }


def _otherwise(was: Facts, now: Facts, *, same: bool) -> Iterator[str]:
    """The properties of an object that are others.

    Args:
        same: both servers write the same definition alike.
    """
    for name in was.keys() | now.keys():
        then, here = was.get(name, ""), now.get(name, "")
        if name[0] == "~" or name in _INDIFFERENT or then == here:
            continue
        if same or name in _FACTS:
            if not same_text(then, here):
                yield name
        elif name in _EXPRESSIONS and _bare(then) != _bare(here):
            yield name


def _bare(expression: str) -> str:
    """An expression without what one version of the server writes and another leaves out."""
    return re.sub(r"::\w+|[\s()]", "", expression)
