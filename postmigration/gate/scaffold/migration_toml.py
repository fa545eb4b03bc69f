"""Writes what a trace found as a migration.toml that a person completes with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import tomlkit

from postmigration.model.changes import Change, MovedRows, RepointedReference, describe_change
from postmigration.model.evidence import show_value
from postmigration.trace.findings import Flow, Found, Trace

_HEAD = """\
What was meant to change. Whatever else differs from the state before is a finding.
Say for each change why it was meant, in its reason or that of its group: an empty one is refused.
Delete what was not meant.
"""
_NOTHING = """\
No state before was named, or nothing differs from it. A change that was meant is one entry:

[[change]]
kind = "renamed_column"
table = "Order"
column = "phone"
to = "telephone"
reason = "it was called so in all other tables"
"""


def write_migration(name: str, plan_checks: int, trace: Trace | None, objects: Sequence[str] = ()) -> str:
    """The text of the file.

    Args:
        name: what the migration is called.
        plan_checks: how many numbered checks the project has.
        trace: what was found; None where there was no state before.
        objects: objects that differ and do not hang on what was found, as patterns.
    """
    document = tomlkit.document()
    found = [] if trace is None else trace.found
    _comment(document, _HEAD)
    for words in [] if trace is None else trace.notes:
        _comment(document, words)
    document.add("name", tomlkit.string(name))
    document.add("plan_checks", tomlkit.integer(plan_checks))
    if codes := list_codes(found):
        document.add(tomlkit.nl())
        _comment(document, "Keys and codes, which say nothing of a person: findings show them.")
        document.add("codes", tomlkit.item(codes))
    _add_misfits(document, found)
    sizes = Counter(one.group for one in found if one.change is not None)
    _add_reasons(document, found, {name for name, size in sizes.items() if size > 1})
    changes = tomlkit.aot()
    for one in found:
        if one.change is not None:
            changes.append(_write_change(one, grouped=sizes[one.group] > 1))
    if len(changes):
        document.add("change", changes)
    else:
        document.add(tomlkit.nl())
        _comment(document, _NOTHING)
    text = tomlkit.dumps(document)
    return text + _offer_objects(objects)


def _add_misfits(document: tomlkit.TOMLDocument, found: Sequence[Found]) -> None:
    misfits = [f"- {_name(one)}: {words}" for one in found for words in one.misfits]
    if misfits:
        document.add(tomlkit.nl())
        _comment(
            document, "What does not fit. Look at each: nothing below excuses it, but what went with a gone table."
        )
        for words in misfits:
            _comment(document, words)
        _comment(document, "What was meant of it can be declared as derived_value, may_change, grows or shrinks.")


def _name(found: Found) -> str:
    return found.subject if found.change is None else describe_change(found.change)


def _add_reasons(document: tomlkit.TOMLDocument, found: Sequence[Found], groups: set[str]) -> None:
    if not groups:
        return
    reasons = tomlkit.table()
    for name in dict.fromkeys(one.group for one in found if one.group in groups):
        subjects = dict.fromkeys(
            one.subject for one in found if one.group == name and isinstance(one.change, MovedRows)
        )
        if subjects:
            _comment(reasons, ", ".join(subjects))
        reasons.add(name, tomlkit.string(""))
    document.add(tomlkit.nl())
    document.add("reasons", reasons)


def _write_change(found: Found, *, grouped: bool) -> Any:
    change = found.change
    assert change is not None
    fields: dict[str, Any] = msgspec.to_builtins(change)
    table = tomlkit.table()
    for name in ("kind", *(name for name in fields if name not in ("kind", "key", "columns", "reason", "group"))):
        if name == "kind" or not _is_default(change, name):
            table.add(name, _string(fields[name]))
    flow = next((flow for flow in found.flows if len(found.flows) == 1), None)
    words = ": ".join([found.figures] * bool(found.figures) + ([f"{flow.figures} rows"] if flow is not None else []))
    if words:
        table["kind"].comment(_line(words))
    table.add("group" if grouped else "reason", tomlkit.string(found.group if grouped else ""))
    if isinstance(change, MovedRows):
        flows = {flow.target: flow for flow in found.flows}
        table.add("key", _write_columns(change.key, flows, is_key=True))
        if change.columns:
            table.add("columns", _write_columns(change.columns, flows, is_key=False))
        for flow in found.flows:
            if not flow.declared:
                likely = f" = {flow.sql}" if flow.sql else ""
                _comment(table, f"{flow.target}{likely}: {flow.misfit}")
    return table


def _write_columns(columns: Mapping[str, str], flows: Mapping[str, Flow], *, is_key: bool) -> Any:
    table = tomlkit.inline_table() if is_key else tomlkit.table()
    for name, sql in columns.items():
        table.add(name, _string(sql))
        flow = flows.get(name)
        if flow is not None and not is_key:
            table[name].comment(_line(flow.figures + (f", others: {flow.misfit}" if flow.misfit else "")))
    return table


def _is_default(change: Change, name: str) -> bool:
    info = {field.name: field for field in msgspec.structs.fields(type(change))}[name]
    return not info.required and getattr(change, name) == info.default


def _string(value: Any) -> Any:
    if not isinstance(value, str):
        return tomlkit.item(value)
    return tomlkit.string(value, literal='"' in value and "'" not in value and value.isprintable())


def list_codes(found: Sequence[Found]) -> list[str]:
    """The keys that were made of other keys, and what refers to them."""
    codes: dict[str, None] = {}
    for one in found:
        change = one.change
        if isinstance(change, MovedRows):
            schema = change.to_schema or change.schema
            made = [flow.target for flow in one.flows if flow.target in change.key and " behind " in flow.source]
            codes |= dict.fromkeys(f"{_qualify(schema, change.to)}.{name}" for name in made)
        elif isinstance(change, RepointedReference):
            through = _qualify(change.parent_schema or change.schema, change.through)
            if any(code.startswith(f"{through}.") for code in codes):
                codes[f"{_qualify(change.schema, change.table)}.{change.to or change.column}"] = None
    return list(codes)


def _qualify(schema: str, table: str) -> str:
    return table if schema == "public" else f"{schema}.{table}"


def _offer_objects(objects: Sequence[str]) -> str:
    if not objects:
        return ""
    lines = ["", "# Other objects that differ. What was meant can be declared by its name, with * for any text:"]
    for name in objects:
        lines += ["#", "# [[change]]", '# kind = "changed_object"', f"# object = {_string(name).as_string()}"]
        lines.append('# reason = ""')
    return "\n".join(lines) + "\n"


def _comment(where: Any, text: str) -> None:
    for line in text.rstrip("\n").split("\n"):
        where.add(tomlkit.comment(_line(line)) if line else tomlkit.comment(""))


def _line(text: str) -> str:
    """Text that ends no comment, whatever names and values are in it."""
    return show_value(text, plain=True) if text else ""
