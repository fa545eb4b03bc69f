"""How the labels of an enumeration get the order of before, where the objects that use the type can be carried over."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from postmigration.checks.repairs.enum_uses import Use, read_type, read_uses, read_view
from postmigration.model.secrets import has_secret
from postmigration.model.sqltext import as_comment, literal, quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import ObjectName, objects

# What stands in the way of another type and can be dropped and created again, in the order in which it has to go.
# A policy may read a view, and no view stands in the way of a policy.
_STEPS = ("foreign key", "policy", "view", "trigger", "constraint", "index", "statistics object", "default")
# So many objects are named that cannot be.
_LISTED = 8
# How what was made again is called where a comment is put on it.
_COMMENTED = {"index": "INDEX {id}", "statistics object": "STATISTICS {id}", "policy": "POLICY {id} ON {on}",
              "trigger": "TRIGGER {id} ON {on}"}  # fmt: skip


def restore_labels(side: Snapshot, name: ObjectName, was: str, now: str) -> str:
    """Writes what gives an enumeration the labels of before, in their order; what is new since stays.

    Args:
        side: the database that is to be repaired.
        name: the type.
        was, now: its labels, as JSON.

    Returns:
        SQL; comments alone where what uses the type cannot be carried over; nothing where labels have other names, or
        some that cannot be written.
    """
    before, after = _read_labels(was), _read_labels(now)
    type_ = f"{quoted(name.schema)}.{quoted(name.name)}"
    if not before or not after or not all(map(_can_be_written, (type_, *before, *after))):
        return ""
    lost = [label for label in before if label not in after]
    if [label for label in after if label in before] == [label for label in before if label in after]:
        return "\n".join(_add(type_, label, before) for label in reversed(lost)) if set(after) < set(before) else ""
    return _make_anew(side, type_, _merge(before, after)) if not lost else ""


def _can_be_written(text: str) -> bool:
    return text.isprintable() and not has_secret(text)


def _read_labels(text: str) -> list[str]:
    try:
        labels = json.loads(text)
    except ValueError:
        return []
    return labels if isinstance(labels, list) else []


def _add(type_: str, label: str, before: Sequence[str]) -> str:
    place = before.index(label) + 1
    where = f" BEFORE {literal(before[place])}" if place < len(before) else ""
    return f"ALTER TYPE {type_} ADD VALUE {literal(label)}{where};"


def _merge(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The labels in the order of before, and each new one behind the one that it stands behind now."""
    merged = list(before)
    for place, label in enumerate(after):
        if label not in before:
            merged.insert(merged.index(after[place - 1]) + 1 if place else 0, label)
    return merged


def _make_anew(side: Snapshot, type_: str, labels: Sequence[str]) -> str:
    found = read_uses(side, type_)
    others = [use.id for use in found.pop("other", ())]
    sql = {(name.kind, facts["~on"], facts.get("~id", "")): facts["~sql"] for name, facts in objects(side).items()
           if name.kind in ("policy", "view")}  # fmt: skip
    own = read_type(side, type_)
    written = []
    for use in _order(found):
        made = sql.get((use.step, use.on, use.id)) if use.step in ("policy", "view") else use.definition
        if made is None:
            # What belongs to an extension, or is temporary, is not among the objects.
            others.append(str(use))
            continue
        written.append(_write(side, use, made.rstrip("; ")))
        # A secret must not be printed, and what was read with the mark of one would come back as something else.
        if has_secret(written[-1][1]):
            others.append(f"{use} (it holds a secret)")
    if has_secret(own.said or ""):
        others.append(f"type {type_} (it holds a secret)")
    if others:
        return _leave_to_a_person(type_, labels, [use.on for use in found["column"]], sorted({*others}))
    aside = f"{type_.removesuffix(own.name)}{own.aside}"
    columns: dict[str, list[str]] = defaultdict(list)
    for use in found["column"]:
        to = f"{type_}{use.definition}"
        columns[use.on].append(f"ALTER COLUMN {use.id} TYPE {to} USING {use.id}::text{use.definition}::{to}")
    lines = [
        _head(type_, found),
        "BEGIN;",
        *(without for without, _ in written),
        f"ALTER TYPE {type_} RENAME TO {own.aside};",
        f"CREATE TYPE {type_} AS ENUM ({', '.join(map(literal, labels))});",
        *(f"ALTER TABLE {on} {', '.join(parts)};" for on, parts in columns.items()),
        f"DROP TYPE {aside};",
        f"ALTER TYPE {type_} OWNER TO {own.owner};",
        own.revoked,
        *([own.granted] if own.granted else []),
        *([f"COMMENT ON TYPE {type_} IS {literal(own.said)};"] if own.said else []),
        *(again for _, again in reversed(written)),
        "COMMIT;",
    ]
    return "\n".join(lines)


def _leave_to_a_person(type_: str, labels: Sequence[str], tables: Sequence[str], others: Sequence[str]) -> str:
    columns = ", ".join(dict.fromkeys(tables)) or "no table"
    listed = ", ".join(others[:_LISTED]) + (f" and {len(others) - _LISTED:,} more" * (len(others) > _LISTED))
    return as_comment(
        f"decide: keep the order of now, which ORDER BY, <, > and max() follow, or exchange {type_} for a type "
        f"with the labels {', '.join(map(literal, labels))} (columns of {columns}). No SQL is printed "
        f"for that: {listed} would have to be dropped before it and created again, with what depends on "
        f"{'it' if len(others) == 1 else 'them'} and all privileges"
    )


def _head(type_: str, found: dict[str, list[Use]]) -> str:
    several = {"policy": "policies", "index": "indexes"}
    again = [
        f"{len(found[step]):,} {step if len(found[step]) == 1 else several.get(step, f'{step}s')}"
        for step in _STEPS
        if found[step]
    ]
    made = f", with {', '.join(again)} dropped and created again" if again else ""
    return as_comment(
        f"the DBA, as the owner or a superuser, exchanges {type_} for a type with its labels in the order of "
        f"before{made}. Risk: {_name_risk(found)}"
    )


def _name_risk(found: dict[str, list[Use]]) -> str:
    tables = list(dict.fromkeys(use.on for use in found["column"]))
    rewritten = {*tables, *(use.on for use in found["inherited"])}
    others = sorted({use.on for step in _STEPS for use in found[step]} - rewritten)
    locked = f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} locked" if others else ""
    if not tables:
        return (
            f"{locked} under an ACCESS EXCLUSIVE lock until COMMIT: nobody reads or writes there; set lock_timeout"
            if locked
            else "none, nothing uses it"
        )
    return (
        f"{', '.join(tables)} {'is' if len(tables) == 1 else 'are'} rewritten under an ACCESS EXCLUSIVE lock: nobody "
        "reads or writes there until COMMIT, and it takes the size of the table again as free space; "
        f"{locked and f'{locked} until then too; '}set lock_timeout, and let sessions that hold prepared statements "
        "of it connect anew"
    )


def _order(found: dict[str, list[Use]]) -> list[Use]:
    """What is to go, in that order; of views those first that read others."""
    return [use for step in _STEPS for use in (reversed(found[step]) if step == "view" else found[step])]


def _write(side: Snapshot, use: Use, made: str) -> tuple[str, str]:
    """What takes something away that stands in the way, and what makes it again.

    Args:
        made: its definition.
    """
    if use.step == "view":
        return f"DROP VIEW {use.on};", _make_view(side, use.on, made)
    said = ""
    if use.said:
        named = _COMMENTED.get(use.step, "CONSTRAINT {id} ON {on}").format(id=use.id, on=use.on)
        said = f"\nCOMMENT ON {named} IS {literal(use.said)};"
    match use.step:
        case "policy":
            return f"DROP POLICY {use.id} ON {use.on};", f"{made};{said}"
        case "trigger":
            return f"DROP TRIGGER {use.id} ON {use.on};", f"{made};{said}"
        case "index":
            # Of a partitioned table all partitions get theirs.
            return f"DROP INDEX {use.id};", f"{made.replace(' ON ONLY ', ' ON ', 1)};{said}"
        case "statistics object":
            return f"DROP STATISTICS {use.id};", f"{made};{said}"
        case "default":
            alter = f"ALTER TABLE ONLY {use.on} ALTER COLUMN {use.id}"
            return f"{alter} DROP DEFAULT;", f"{alter} SET DEFAULT {made};"
    alter = f"ALTER TABLE {use.on}"
    return f"{alter} DROP CONSTRAINT {use.id};", f"{alter} ADD CONSTRAINT {use.id} {made};{said}"


def _make_view(side: Snapshot, view: str, made: str) -> str:
    own = read_view(side, view)
    lines = [
        f"{made};",
        f"ALTER VIEW {view} OWNER TO {own.owner};",
        own.revoked,
        *([own.granted] if own.granted else []),
        *([f"COMMENT ON VIEW {view} IS {literal(own.said)};"] if own.said else []),
        *(f"COMMENT ON COLUMN {view}.{name} IS {literal(said)};" for name, said in own.columns),
    ]
    return "\n".join(lines)
