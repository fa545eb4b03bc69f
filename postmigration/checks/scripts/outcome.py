"""The objects that are there once the migration's scripts have run, as far as their text tells.

What is not certain is not expected: an object is left out as soon as a later statement drops, renames or moves anything
that its own statement names.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from postmigration.backups.script import Script, Statement
from postmigration.backups.statements import meaning
from postmigration.checks.scripts.words import KEYWORDS, list_names, split_name, strip_comments, strip_texts
from postmigration.model.errors import CannotJudge
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

_RELATIONS = ("table", "view", "materialized view", "foreign table")
_ROUTINES = ("function", "procedure")
_TYPES = ("type", "domain")
_CONSTRAINTS = ("constraint", "foreign key")
# What stands on a table and may be there under another name.
_ON_TABLES = ("index", "policy", "trigger", "rule", *_CONSTRAINTS)
_KINDS = (*_RELATIONS[:3], *_ROUTINES, *_TYPES, "sequence", *_ON_TABLES)
_ANY = re.IGNORECASE | re.DOTALL
# Files of which only a part runs, or another part than one would read: sections to go back, conditions, variables.
_IN_PARTS = re.compile(
    rb"^--\s*(?:\+goose|\+migrate|migrate:down|liquibase|changeset\b)|\\(?:gexec|gset|if|q|quit|i|ir|include)\b"
    rb"|\$\{|\{\{",
    re.IGNORECASE | re.MULTILINE,
)
_LARGEST = 20_000_000
# The end of a dump, by which it is known to be whole, behind a statement that may lack its own end.
_END = b"\n;\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
_VARIABLE = re.compile(r"(?<![:\w]):[\"']?[A-Za-z_]")
_MAKES = re.compile(r"CREATE\b|ALTER\s+TABLE\b.*?\bADD\s+CONSTRAINT\b", _ANY)
_ALTERS_TABLE = re.compile(r"ALTER\s+TABLE\s+(?:ONLY\s+)?(?!IF\b|ONLY\b)([^\s(,;]+)", _ANY)
_ADDED = re.compile(r"\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?(\"(?:[^\"]|\"\")+\"|[^\s\"(,;]+)", _ANY)
# A shell type, or one that functions in C make, is no object that is compared.
_LISTED_TYPE = re.compile(r"CREATE\s+(?:DOMAIN\b|TYPE\s.*?\bAS\s*(?:ENUM\b|RANGE\b|\())", _ANY)
_TEMPORARY = re.compile(
    r"CREATE\s+(?:(?:LOCAL|GLOBAL)\s+)?TEMP(?:ORARY)?\s+(?:TABLE|VIEW|SEQUENCE)\s+(?:IF\s+NOT\s+EXISTS\s+)?([^\s(;]+)"
    r"|.*?\bINTO\s+(?:LOCAL\s+)?TEMP(?:ORARY)?\s+(?:TABLE\s+)?([^\s(;]+)",
    _ANY,
)
_UNDOES = re.compile(r"(?<!COMMIT\s)\bDROP\b|\bRENAME\b|\bUSING\s+INDEX\b|\bSET\s+SCHEMA\b|\bDETACH\b", _ANY)
# They change rows and privileges, whatever stands in their texts.
_HARMLESS = re.compile(r"(?:INSERT|UPDATE|DELETE|COPY|COMMENT|GRANT|REVOKE|SET|RESET)\b", _ANY)
# What takes away no more than what it names.
_DROPS_ON = re.compile(
    r"DROP\s+(?:POLICY|TRIGGER|RULE)\s+(?:IF\s+EXISTS\s+)?(\"(?:[^\"]|\"\")+\"|\S+)\s+ON\s+([^;]+?)\s*(?:RESTRICT\s*)?;?$",
    _ANY,
)
_DROPS_ALONE = re.compile(r"DROP\s+(?:INDEX|FUNCTION|PROCEDURE|VIEW|TYPE|DOMAIN)\s", _ANY)
_KEEPS = re.compile(r"\bALTER\s+(?:COLUMN\s+)?\S+\s+DROP\s+(?:DEFAULT|NOT\s+NULL|EXPRESSION|IDENTITY)\b", _ANY)
_MOVES = re.compile(r"\bRENAME\s+TO\b|\bSET\s+SCHEMA\b|\bDETACH\b", _ANY)
_CASCADES = re.compile(r"\bCASCADE\b", _ANY)
# After these nothing is known of what was made before.
_FORGETS = re.compile(r"(?:ROLLBACK|ABORT)\b|DROP\s+(?:OWNED|SCHEMA|EXTENSION|SERVER)\b|ALTER\s+SCHEMA\b", _ANY)
# In what a function or a block does: objects whose names it computes are dropped, renamed or moved.
_COMPUTES = re.compile(r"\bEXECUTE\b(?!\s+(?:FUNCTION|PROCEDURE)\b)", _ANY)
_UNNAMED = ("concurrently", "if", "on", "only")
_NOISE = {"btree", "nulls", "last"}


@dataclass(frozen=True)
class Expected:
    """An object that a script makes and nothing after that takes away.

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
        The objects; None where that cannot be told: only a part of a script runs, it cannot be read to its end, or it
        computes the names of what it drops or renames.
    """
    found: list[Expected] = []
    temporary = {"pg_temp"}
    for path in scripts:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        if len(data) > _LARGEST or _IN_PARTS.search(data):
            return None
        try:
            for item in Script(io.BytesIO(data + _END), path.name).items():
                if isinstance(item, Statement):
                    kept = _run(strip_comments(item.text.decode(errors="replace")).strip(), path.name, found, temporary)
                    if kept is None:
                        return None
                    found = kept
        except CannotJudge:
            return None
    return tuple(found)


def _run(text: str, script: str, found: list[Expected], temporary: set[str]) -> list[Expected] | None:
    """What is left after one more statement; None where that cannot be told."""
    bare = strip_texts(text)
    if _FORGETS.match(text):
        return []
    if (made := _TEMPORARY.match(bare)) and (names := split_name(made[1] or made[2])):
        temporary.add(names[-1])
        return found
    if _UNDOES.search(text) and not _HARMLESS.match(text):
        if _COMPUTES.search(text) or _VARIABLE.search(bare):
            return None
        found = _take_away(text, found)
    if _VARIABLE.search(bare):
        return found
    lasting = (one for one in _read(text, bare, script) if temporary.isdisjoint((one.schema, one.table, one.name)))
    return found + [one for one in lasting if one.name not in _UNNAMED]


def _take_away(text: str, found: list[Expected]) -> list[Expected]:
    """What is left once a statement has dropped, renamed or moved what it names."""
    named = list_names(text) - KEYWORDS
    if not _CASCADES.search(text):
        if on_table := _DROPS_ON.match(text):
            gone = split_name(on_table[1])[-1:], split_name(on_table[2])[-1:]
            return [one for one in found if ([one.name], [one.table]) != gone]
        if _DROPS_ALONE.match(text):
            return [one for one in found if one.name not in named]
        if (altered := _ALTERS_TABLE.match(text)) and not _MOVES.search(text):
            return _take_from_table(_KEEPS.sub(" ", text), _qualify(altered[1])[1], found)
    # What depends on what goes, goes with it, or may.
    while lost := [one for one in found if not named.isdisjoint(_list_uses(one))]:
        found = [one for one in found if named.isdisjoint(_list_uses(one))]
        named = frozenset(one.name for one in lost)
    # A sequence goes with the column that owns it, which no statement here may say.
    return [one for one in found if one.kind != "sequence"]


def _take_from_table(text: str, table: str, found: list[Expected]) -> list[Expected]:
    """What is left once parts of a table are dropped or renamed, which those that were made of it have as well."""
    named = list_names(text) - KEYWORDS - {table}
    tables = {table, *(one.name for one in found if one.kind == "table" and table in _list_uses(one))}
    return [
        one
        for one in found
        if not (one.table in tables and not named.isdisjoint({one.name} if one.kind == "column" else _list_uses(one)))
        and (one.kind != "sequence" or not named)
    ]


@cache
def _list_uses(one: Expected) -> frozenset[str]:
    """All names in the statement of an object, and its own."""
    return frozenset((list_names(one.text) - KEYWORDS) | {one.name, one.table} - {""})


def _read(text: str, bare: str, script: str) -> Iterator[Expected]:
    """The objects that one statement makes."""
    if altered := _ALTERS_TABLE.match(bare):
        schema, table = _qualify(altered[1])
        for name in _ADDED.findall(bare):
            yield Expected("column", schema, _qualify(name)[1], table, text, script)
    means = meaning(bare.encode())
    if means is None or means.kind not in _KINDS or not _MAKES.match(bare) or not means.name:
        return
    if (altered is None and bare.upper().startswith("ALTER")) or (
        means.kind in _TYPES and not _LISTED_TYPE.match(bare)
    ):
        return
    (schema, name), (of, table) = _qualify(means.name), _qualify(means.table)
    if not name or (means.kind in _ON_TABLES and not table) or 'U&"' in bare:
        return
    if means.kind in _ON_TABLES:
        yield Expected(means.kind, of, name, table, text, script)
    else:
        yield Expected(means.kind, schema, name, "", text, script)


def _qualify(name: str) -> tuple[str, str]:
    """The schema, empty where none is said, and the name of what may stand behind that of its database."""
    parts = split_name(name)
    return (parts[-2] if len(parts) > 1 else "", parts[-1]) if parts else ("", "")


def find_missing(expected: Sequence[Expected], now: Objects) -> list[Expected]:
    """Finds the objects that are not there, under their own name or, on their table, under another one.

    What stands on a table that is not there and that no script makes is left out: it may be an extension's.
    """
    known: dict[tuple[str, str, str], set[str]] = {}
    on_tables: dict[tuple[str, str], list[ObjectName]] = {}
    for name in filter(lambda name: name.kind, now):
        # The server writes only letters of ASCII small.
        key = _family(name.kind), name.name.lower(), _table(name).lower()
        known.setdefault(key, set()).add(name.schema.lower())
        on_tables.setdefault((key[0], key[2]), []).append(name)
    made = {one.name.lower() for one in expected if one.kind in _RELATIONS}
    names = {(_family(one.kind), one.name) for one in expected}
    missing = []
    for one in expected:
        family, table = _family(one.kind), one.table.lower()
        schemas = known.get((family, one.name.lower(), table), set())
        if (one.schema.lower() in schemas) if one.schema else schemas:
            continue
        if table and table not in made and ("table", table, "") not in known:
            continue
        others = [name for name in on_tables.get((family, table), ()) if (family, name.name) not in names]
        if one.kind not in _ON_TABLES or not _stands_otherwise(one, others, now):
            missing.append(one)
    return missing


def _family(kind: str) -> str:
    for family in (_RELATIONS, _ROUTINES, _TYPES, _CONSTRAINTS):
        if kind in family:
            return family[0]
    return kind


def _table(name: ObjectName) -> str:
    return name.table if name.kind in ("column", *_ON_TABLES) else ""


def _stands_otherwise(one: Expected, others: Collection[ObjectName], now: Objects) -> bool:
    """Whether an object that no script names stands on the table in the same words."""
    words = _list_words(one.text, one.table, one.kind)
    return any(_list_words(_define(now[name]), one.table, one.kind) - {name.name} == words for name in others)


def _define(facts: Mapping[str, str]) -> str:
    return facts.get("~sql", facts.get("definition", ""))


@cache
def _list_words(text: str, table: str, kind: str) -> frozenset[str]:
    """What a definition says behind the name of the table."""
    tail = re.split(rf'\b{re.escape(table)}\b"?', text, maxsplit=1, flags=re.IGNORECASE)[-1]
    unique = {"unique"} if kind == "index" and re.match(r"CREATE\s+UNIQUE", text, re.IGNORECASE) else set()
    return frozenset({word.lower() for word in list_names(tail)} - KEYWORDS - _NOISE - {table} | unique)
