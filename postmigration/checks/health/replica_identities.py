"""Tables whose updates are published, and that have nothing by which a subscriber would find the row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from postmigration.checks.contents.examination import Examination, list_names
from postmigration.postgres.schema_objects import ObjectName, Objects

_CHANGES = (("pubupdate", "UPDATE"), ("pubdelete", "DELETE"))


def examine(
    before: Objects | None, after: Objects, schemas: Collection[str], *, holds_publications: bool = True
) -> Examination:
    """Finds published tables that refuse to be updated.

    Args:
        before: the objects of the state before; None where there is none that holds them.
        holds_publications: it holds publications.
    """
    found = Examination()
    published = _find_published(after, schemas)
    found.facts = len(published)
    if not published:
        found.inapplicable = "no publication publishes updates on either side"
        return found
    then = {} if before is None else _find_published(before, schemas)
    identified = _find_identified(after)
    were = set() if before is None else _find_identified(before)
    groups: dict[tuple[str, str], list[ObjectName]] = defaultdict(list)
    for name, publications in sorted(published.items()):
        if name in identified:
            continue
        changes = " and ".join(dict.fromkeys(change for _, change in publications))
        names = list_names([*dict.fromkeys(publication for publication, _ in publications)])
        known = before is not None and name in before
        refused = known and name not in were and (name in then or not holds_publications)
        when = "it could be updated before" if known and not refused else ""
        if refused and holds_publications:
            when = "it was so before"
        # That it was set to nothing since is told where the objects are compared.
        if known and before is not None and before[name].get("~replica") != after[name].get("~replica"):
            when = "told"
        groups[f"{changes}, which {names} publishes", when].append(name)
    for (what, when), those in groups.items():
        _find(found, what, when, those, after)
    return found


def _find(found: Examination, what: str, when: str, names: Sequence[ObjectName], after: Objects) -> None:
    """Adds one finding of all tables of which the same is true."""
    words = f"{names[0]} has" if len(names) == 1 else f"{len(names):,} tables have"
    words += f" no replica identity: the server refuses {what}"
    if len(names) > 1:
        words += f": {list_names([name.removeprefix('table ') for name in names])}"
        when = when.replace("it could", "they could")
    if when == "told":
        found.notes.append(words)
        return
    repair = "\n".join(f"ALTER TABLE {after[name]['~on']} REPLICA IDENTITY FULL;" for name in names)
    found.add(words + (f"; {when}" if when else ""), blocker="could be" in when, repair=repair)


def _find_published(objects: Objects, schemas: Collection[str]) -> Mapping[ObjectName, list[tuple[str, str]]]:
    """The tables that hold rows and whose updates or deletions are published, with by which publication and what."""
    changes = {
        name.name: [(str(name), word) for key, word in _CHANGES if facts.get(key) == "True"]
        for name, facts in objects.items()
        if name.kind == "publication"
    }
    everything = [name.name for name, facts in objects.items() if facts.get("puballtables") == "True"]
    by_schema: dict[str, list[str]] = defaultdict(list)
    by_table: dict[str, list[str]] = defaultdict(list)
    for name, facts in objects.items():
        if name.kind == "published table":
            by_table[facts["~on"]].append(name.name)
        elif name.kind == "published schema":
            by_schema[name.schema].append(name.name)
    tables = {facts["~on"]: (name, facts) for name, facts in objects.items() if name.kind == "table"}
    found: dict[ObjectName, list[tuple[str, str]]] = {}
    for on, (name, facts) in tables.items():
        if name.schema not in schemas or facts.get("partition key") or facts.get("persistence") != "p":
            continue
        publications = {*everything, *by_schema.get(name.schema, ())}
        for part in (on, *_ancestors(on, tables)):
            publications |= set(by_table.get(part, ()))
            publications |= set(by_schema.get(tables[part][0].schema, ()))
        if some := [change for publication in sorted(publications) for change in changes.get(publication, ())]:
            found[name] = some
    return found


def _ancestors(on: str, tables: Mapping[str, tuple[ObjectName, Mapping[str, str]]]) -> Iterator[str]:
    """The partitioned tables that a partition belongs to."""
    while (on := tables[on][1].get("partition of", "")) in tables:
        yield on


def _find_identified(objects: Objects) -> set[ObjectName]:
    """The tables in which a subscriber finds a row: by a primary key that is not deferred, an index, or all of it."""
    deferred = {
        facts.get("of")
        for name, facts in objects.items()
        if name.kind == "constraint"
        and facts.get("definition", "").startswith("PRIMARY KEY")
        and " DEFERRABLE" in facts["definition"]
    }
    found = set()
    for name, facts in objects.items():
        identity, way = facts.get("replica identity"), facts.get("~replica")
        if name.kind != "table" or identity in (None, "nothing"):
            continue
        if not (way == "i" and "~replica index" not in facts) and not (way == "d" and str(name) in deferred):
            found.add(name)
    return found
