"""The objects that are there once the migration's scripts have run, as far as their text tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from postmigration.backups.statements import Meaning, meaning, split
from postmigration.checks.scripts.reading import read_statements
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

_RELATIONS = ("table", "view", "materialized view", "foreign table")
_ROUTINES = ("function", "procedure")
_TYPES = ("type", "domain")
_CONSTRAINTS = ("constraint", "foreign key")
# What stands on a table and may be there under another name.
_ON_TABLES = ("index", "policy", "trigger", "rule", *_CONSTRAINTS)
_KINDS = (*_RELATIONS[:3], *_ROUTINES, *_TYPES, "sequence", *_ON_TABLES)
# PostgreSQL cuts longer names.
_LONGEST_NAME = 63
_IDENTIFIER = r'"(?:[^"]|"")+"|[A-Za-z_\x80-\U0010ffff][\w$]*'
_IDENTIFIERS = re.compile(_IDENTIFIER)
_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_MAKES = re.compile(r"CREATE\b|ALTER\s+TABLE\b.*?\bADD\s+CONSTRAINT\b", re.IGNORECASE | re.DOTALL)
_ALTERS_TABLE = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?((?:{_IDENTIFIER})(?:\s*\.\s*(?:{_IDENTIFIER}))?)", re.IGNORECASE
)
_ADDED = re.compile(rf"\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?({_IDENTIFIER})", re.IGNORECASE)
# A shell type, or one that functions in C make, is no object that is compared.
_LISTED_TYPE = re.compile(r"CREATE\s+(?:DOMAIN\b|TYPE\s.*?\bAS\s*(?:ENUM\b|RANGE\b|\())", re.IGNORECASE | re.DOTALL)
_DROPS = re.compile(r"DROP\s+(MATERIALIZED\s+VIEW|FOREIGN\s+TABLE|\w+)\s", re.IGNORECASE)
# What these drop besides they do not name.
_WIDE = re.compile(r"\bCASCADE\b|^DROP\s+SCHEMA\b", re.IGNORECASE)
_CASCADES = re.compile(r"\bCASCADE\b", re.IGNORECASE)
_WORDS = {"if", "exists", "cascade", "restrict", "concurrently"}
_DROPS_ON = re.compile(
    rf"DROP\s+(?:POLICY|TRIGGER|RULE)\s+(?:IF\s+EXISTS\s+)?({_IDENTIFIER})\s+ON\s+"
    rf"((?:{_IDENTIFIER})(?:\.(?:{_IDENTIFIER}))?)",
    re.IGNORECASE,
)
_MOVES = re.compile(r"\bRENAME\s+TO\b|\bSET\s+SCHEMA\b", re.IGNORECASE)
_ALTERS = re.compile(
    rf"\b(DROP\s+CONSTRAINT|DROP(?:\s+COLUMN)?|RENAME(?:\s+COLUMN|\s+CONSTRAINT)?|USING\s+INDEX)\s+"
    rf"(?:IF\s+EXISTS\s+)?(?!(?:DEFAULT|NOT|EXPRESSION|IDENTITY)\b)({_IDENTIFIER})",
    re.IGNORECASE,
)
_DROPS_COLUMN = re.compile(r"DROP(?:\s+COLUMN)?$", re.IGNORECASE)
_UNDOES = re.compile(r"(?<!COMMIT\s)\bDROP\b|\bRENAME\b|\bUSING\s+INDEX\b", re.IGNORECASE)
# In what a function or a block does: objects whose names it computes are dropped or renamed.
_COMPUTES = re.compile(r"\bEXECUTE\b(?!\s+(?:FUNCTION|PROCEDURE)\b)", re.IGNORECASE)
_GENERATES = re.compile(r"\\gexec\b")
_NOISE = {"using", "btree", "only", "asc", "nulls", "last", "procedure", "function", "include"}


@dataclass(frozen=True)
class Expected:
    """An object that a script makes and nothing after that drops or renames.

    Args:
        kind: what it is: `table`, `column`, `index`, `policy` and so on.
        schema: the schema in which it, or its table, is; empty where the script does not say.
        name: what it is called, without its schema.
        table: the table on which it stands; empty for others.
        text: the statement.
        script: the name of the file.
    """

    kind: str
    schema: str
    name: str
    table: str
    text: str
    script: str

    @property
    def label(self) -> str:
        """What it is and what it is called, as `changed_object` names it; a function without its arguments."""
        schema, name = quoted(self.schema or "public"), quoted(self.name)
        if self.kind == "column":
            return f"column {schema}.{quoted(self.table)}.{name}"
        kind = _family(self.kind) if self.kind in _CONSTRAINTS else self.kind
        if self.table and kind != "index":
            return f"{kind} {name} on {schema}.{quoted(self.table)}"
        return f"{kind} {schema}.{name}"


@cache
def read_outcome(scripts: tuple[Path, ...]) -> Sequence[Expected] | None:
    """Reads which objects scripts make and leave.

    Returns:
        The objects; None where a script drops or renames objects whose names it computes.
    """
    if any(_GENERATES.search(path.read_text(errors="replace")) for path in scripts):
        return None
    found: list[Expected] = []
    for path, statement in read_statements(scripts):
        text = statement.decode(errors="replace").strip()
        bare = _COMMENT_OR_TEXT.sub(" ", text)
        if "$" in text and _UNDOES.search(text) and _COMPUTES.search(text):
            return None
        seen = text if "$" in text else bare
        if _UNDOES.search(seen) or _MOVES.search(seen):
            named, wide = _list_names(seen), _WIDE.search(seen)
            found = [
                one for one in found if not (wide or one.name in named or one.table in named) or not _undoes(seen, one)
            ]
        found += _read(statement, text, path.name)
    return tuple(found)


def find_missing(expected: Sequence[Expected], now: Objects) -> list[Expected]:
    """Finds the objects that are not there, under their own name or, on their table, under another one."""
    there = [name for name in now if name.kind]
    known: dict[tuple[str, str, str], set[str]] = {}
    for name in there:
        known.setdefault((_family(name.kind), name.name, _table(name)), set()).add(name.schema)
    names = {(one.kind, one.name) for one in expected}
    missing = []
    for one in expected:
        schemas = known.get((_family(one.kind), one.name, one.table), set())
        if (one.schema in schemas) if one.schema else schemas:
            continue
        if one.kind not in _ON_TABLES or not _stands_otherwise(one, there, now, names):
            missing.append(one)
    return missing


def _family(kind: str) -> str:
    for family in (_RELATIONS, _ROUTINES, _TYPES, _CONSTRAINTS):
        if kind in family:
            return family[0]
    return kind


def _table(name: ObjectName) -> str:
    return name.table if name.kind in ("column", *_ON_TABLES) else ""


def _read(statement: bytes, text: str, script: str) -> Iterator[Expected]:
    """The objects that one statement makes."""
    if altered := _ALTERS_TABLE.match(text):
        schema, table = _split(altered[1])
        for name in _ADDED.findall(_COMMENT_OR_TEXT.sub(" ", text)):
            yield Expected("column", schema, _split(name)[1], table, text, script)
    means = meaning(statement)
    if means is None or means.kind not in _KINDS or not _MAKES.match(text):
        return
    if means.kind in _TYPES and not _LISTED_TYPE.match(text):
        return
    yield _expect(means, text, script)


def _expect(means: Meaning, text: str, script: str) -> Expected:
    (schema, name), (of, table) = _split(means.name), _split(means.table)
    on_table = means.kind in _ON_TABLES
    return Expected(means.kind, of if on_table else schema, name, table if on_table else "", text, script)


def _split(name: str) -> tuple[str, str]:
    parts = [part.encode()[:_LONGEST_NAME].decode(errors="ignore") for part in split(name)]
    return (parts[0] if len(parts) > 1 else "", parts[-1]) if parts else ("", "")


def _undoes(text: str, one: Expected) -> bool:
    """Whether a statement drops or renames an object, or may, as far as its text tells."""
    if dropped := _DROPS_ON.match(text):
        return one.table != "" and (_split(dropped[1])[1], _split(dropped[2])[1]) == (one.name, one.table)
    if drops := _DROPS.match(text):
        named = _list_names(text[drops.end() :]) - _WORDS
        if drops[1].lower() == "schema":
            return not one.schema or one.schema in named
        return not named.isdisjoint({one.name, one.table}) or (
            _CASCADES.search(text) is not None and not named.isdisjoint(_list_names(one.text) - {one.schema})
        )
    if altered := _ALTERS_TABLE.match(text):
        table = _split(altered[1])[1]
        if _MOVES.search(text):
            return table in (one.name, one.table)
        return table == one.table and any(_is_altered(how, name, one) for how, name in _ALTERS.findall(text))
    return one.name in _list_names(text)


def _is_altered(how: str, name: str, one: Expected) -> bool:
    """Whether what is altered of a table is the object itself, or a column that it uses and that is dropped."""
    altered = _split(name)[1]
    uses = (
        one.kind != "column" and _DROPS_COLUMN.match(how) and altered in _list_names(one.text.partition(one.table)[2])
    )
    return altered == one.name or bool(uses)


def _list_names(text: str) -> set[str]:
    return {split(name)[0] for name in _IDENTIFIERS.findall(text)}


def _stands_otherwise(
    one: Expected, there: Collection[ObjectName], now: Objects, named: Collection[tuple[str, str]]
) -> bool:
    """Whether an object that no script names stands on the table in the same words."""
    words = _list_words(one.text, one)
    return any(
        _family(name.kind) == _family(one.kind)
        and name.table == one.table
        and (one.kind, name.name) not in named
        and _list_words(_define(now[name]), one) == words
        for name in there
    )


def _define(facts: Mapping[str, str]) -> str:
    return facts.get("~sql", facts.get("definition", ""))


def _list_words(text: str, one: Expected) -> set[str]:
    """What a definition says behind the name of the table."""
    tail = re.split(rf'\b{re.escape(one.table)}\b"?', text, maxsplit=1, flags=re.IGNORECASE)[-1]
    kind = {"unique"} if one.kind == "index" and re.match(r"CREATE\s+UNIQUE", text, re.IGNORECASE) else set()
    return {word.lower() for word in _list_names(tail)} - _NOISE - {one.name, one.schema, one.table, "public"} | kind
