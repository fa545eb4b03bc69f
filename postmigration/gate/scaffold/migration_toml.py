"""Writes what a trace found as a migration.toml that a person completes with reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import tomlkit

from postmigration.model.changes import (
    Change,
    GoneColumn,
    GoneTable,
    Grows,
    MovedRows,
    NewColumn,
    NewTable,
    RepointedReference,
    describe_change,
)
from postmigration.model.evidence import show_value
from postmigration.trace.findings import Flow, Found, Trace

_HEAD = """\
What was meant to change. Whatever else differs from the state before is a finding.
Say for each change why it was meant, in its reason or that of its group: an empty one is refused.
Delete what was not meant.
"""
# Patterns of names of objects, each with what differs of them, and whether they are gone.
Objects = Sequence[tuple[str, str, bool]]
# What may be said of several tables or columns at once.
_LISTED = (NewTable, GoneTable, Grows, NewColumn, GoneColumn)
# Columns whose values all fit stand in one line of so many characters.
_WIDTH = 100
_NOTHING = """\
No change of a table, its columns or its rows was found. A change that was meant is one entry:

[[change]]
kind = "renamed_column"
table = "Order"
column = "phone"
to = "telephone"
reason = "it was called so in all other tables"
"""


def count_reasons(found: Sequence[Found]) -> int:
    """How many reasons a person has to give: one for each change that stands alone, and one for each group."""
    return len({one.group for one in found if one.change is not None})


def write_migration(name: str, plan_checks: int, trace: Trace | None, objects: Objects = ()) -> str:
    """The text of the file.

    Args:
        name: what the migration is called.
        plan_checks: how many numbered checks the project has.
        trace: what was found; None where there was no state before.
        objects: objects that differ and do not hang on what was found, as patterns, each with what differs, and
            whether they are gone.
    """
    document = tomlkit.document()
    found = [] if trace is None else trace.found
    _comment(document, _HEAD)
    if reasons := count_reasons(found):
        _comment(document, f"{reasons:,} reason{'s are' if reasons != 1 else ' is'} empty as this was written.")
    for words in [] if trace is None else trace.notes:
        _comment(document, words)
    document.add("name", tomlkit.string(name))
    document.add("plan_checks", tomlkit.integer(plan_checks))
    if codes := list_codes(found):
        document.add(tomlkit.nl())
        _comment(document, "Keys and codes, which say nothing of a person: findings show them.")
        document.add("codes", tomlkit.item(codes))
    _add_misfits(document, found)
    entries = _join_alike(found)
    sizes = Counter(those[0].group for those in entries)
    _add_reasons(document, found, {name for name, size in sizes.items() if size > 1})
    changes = tomlkit.aot()
    for those in entries:
        changes.append(_write_change(those, grouped=sizes[those[0].group] > 1))
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
        _comment(
            document, "What was meant of it can be declared as moved_rows, derived_value, may_change, grows or shrinks."
        )


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


def _join_alike(found: Sequence[Found]) -> list[list[Found]]:
    """The changes by the entries that say them: one entry says those that differ in one name only."""
    entries = [[one] for one in found if one.change is not None]
    # The columns of a table, then the tables that have the same column.
    for field in ("column", "table"):
        joined: dict[object, list[Found]] = {}
        for n, those in enumerate(entries):
            change = those[0].change
            # What is told of the values of a column stands beside it.
            alone = not isinstance(change, _LISTED) or not hasattr(change, field) or bool(those[0].flows)
            if alone or len(those) > 1:
                joined[n] = those
            else:
                fields = msgspec.to_builtins(change) | {field: ""}
                joined.setdefault((those[0].group, *fields.items()), []).extend(those)
        entries = list(joined.values())
    return entries


def _tell_figures(those: Sequence[Found]) -> str:
    """What is told of the changes of one entry."""
    told = [one for one in those if one.figures]
    heads = {one.figures.partition(": ")[0] for one in told if ": " in one.figures}
    if len(heads) == 1 and len(told) > 1:
        return f"{heads.pop()}: {', '.join(one.figures.partition(': ')[2] for one in told)}"
    if len(those) == 1:
        return "".join(one.figures for one in told)
    return "; ".join(f"{getattr(one.change, _find_field(those))}: {one.figures}" for one in told)


def _find_field(those: Sequence[Found]) -> str:
    """The field in which the changes of one entry differ."""
    return "table" if len({getattr(one.change, "table", "") for one in those}) > 1 else "column"


def _write_change(those: Sequence[Found], *, grouped: bool) -> Any:
    found = those[0]
    change = found.change
    assert change is not None
    fields: dict[str, Any] = msgspec.to_builtins(change)
    if len(those) > 1:
        fields |= {_find_field(those): [getattr(one.change, _find_field(those)) for one in those]}
    table = tomlkit.table()
    for name in ("kind", *(name for name in fields if name not in ("kind", "key", "columns", "reason", "group"))):
        if name == "kind" or not _is_default(change, name):
            table.add(name, _string(fields[name]))
    flow = next((flow for flow in found.flows if len(found.flows) == 1), None)
    figures = _tell_figures(those)
    words = ": ".join([figures] * bool(figures) + ([f"{flow.figures} rows"] if flow is not None else []))
    if words:
        table["kind"].comment(_line(words))
    table.add("group" if grouped else "reason", tomlkit.string(found.group if grouped else ""))
    if isinstance(change, MovedRows):
        flows = {flow.target: flow for flow in found.flows}
        table.add("key", _write_columns(change.key, flows, brief=True))
        if change.columns:
            short = _write_columns(change.columns, flows, brief=True)
            whole = all(name in flows and flows[name].rows == flows[name].of for name in change.columns)
            fits = whole and len(short.as_string()) <= _WIDTH
            table.add("columns", short if fits else _write_columns(change.columns, flows, brief=False))
        for flow in found.flows:
            if not flow.declared:
                likely = f" = {flow.sql}" if flow.sql else ""
                _comment(table, f"{flow.target}{likely}: {flow.misfit}")
    return table


def _write_columns(columns: Mapping[str, str], flows: Mapping[str, Flow], *, brief: bool) -> Any:
    table = tomlkit.inline_table() if brief else tomlkit.table()
    for name, sql in columns.items():
        table.add(name, _string(sql))
        flow = flows.get(name)
        if flow is not None and not brief:
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
    """The keys that were made of other keys, and what refers to them; never sentences, which people write."""
    codes: dict[str, None] = {}
    prefixes: set[str] = set()
    for one in found:
        change = one.change
        if isinstance(change, MovedRows):
            schema = change.to_schema or change.schema
            made = [flow.target for flow in one.flows if flow.target in change.key and " behind " in flow.source]
            made = [name for name in made if not _has_words(change.key[name])]
            codes |= dict.fromkeys(f"{_qualify(schema, change.to)}.{name}" for name in made)
            prefixes |= {change.key[name].partition(" || ")[0] for name in made}
        elif isinstance(change, RepointedReference):
            through = _qualify(change.parent_schema or change.schema, change.through)
            if any(code.startswith(f"{through}.") for code in codes):
                codes[f"{_qualify(change.schema, change.table)}.{change.to or change.column}"] = None
    for one in found:
        if isinstance(change := one.change, MovedRows):
            table = _qualify(change.to_schema or change.schema, change.to)
            refers = [name for name, sql in change.columns.items() if sql.partition(" || ")[0] in prefixes]
            codes |= dict.fromkeys(f"{table}.{name}" for name in refers)
    return list(codes)


def _has_words(sql: str) -> bool:
    """Whether a text in SQL has words beside each other."""
    return any(re.search(r"\w\W*\s\W*\w", text) for text in re.findall(r"'((?:[^']|'')*)'", sql))


def _qualify(schema: str, table: str) -> str:
    return table if schema == "public" else f"{schema}.{table}"


def _offer_objects(objects: Objects) -> str:
    if not objects:
        return ""
    lines = ["", "# Other objects that differ. What was meant can be declared by its name, with * for any text:"]
    for lost in (False, True):
        those = [
            (_string(o).as_string(), _line(words.removeprefix(f"{o} "))) for o, words, gone in objects if gone is lost
        ]
        if those:
            entry = ["[[change]]", 'kind = "changed_object"', *["gone = true"] * lost, 'reason = ""', "object = ["]
            entry += [*(f"  {name}, # {words}" for name, words in those), "]"]
            lines += ["#", *(f"# {line}" for line in entry)]
    return "\n".join(lines) + "\n"


def _comment(where: Any, text: str) -> None:
    for line in text.rstrip("\n").split("\n"):
        where.add(tomlkit.comment(_line(line)) if line else tomlkit.comment(""))


def _line(text: str) -> str:
    """Text that ends no comment, whatever names and values are in it."""
    return show_value(text, plain=True) if text else ""
