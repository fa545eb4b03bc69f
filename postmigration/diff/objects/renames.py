"""What objects are called, and what their definitions say, once tables and columns have other names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_TOKEN = re.compile(rf"\s+|'(?:[^']|'')*'|{IDENTIFIER}|::|[\d.]+(?=\W|$)|.", re.DOTALL)
_NAMED = re.compile(IDENTIFIER)
_END = ")"
# What is no SQL, or says nothing of tables.
_PLAIN = ("text", "owner", "roles", "body", "search_path", "settings", "~role", "~texts", "values", "~id")
# What names columns of the table on which an object stands without it.
_OF_COLUMNS = ("definition", "using", "check", "default", "generated", "rows", "~column", "~sql", "partition key")

_LIST = rf"{IDENTIFIER}(?:, {IDENTIFIER})*"
FOREIGN_KEY = re.compile(
    rf"FOREIGN KEY \((?P<ours>{_LIST})\) REFERENCES (?P<schema>{IDENTIFIER})\.(?P<table>{IDENTIFIER})"
    rf"\((?P<theirs>{_LIST})\)(?P<rest>.*)",
    re.DOTALL,
)
OWNED = re.compile(rf"({IDENTIFIER})\.({IDENTIFIER})\.({IDENTIFIER})")
# A schema and a table; a column of one.
Table = tuple[str, str]
Column = tuple[str, str, str]


def bare(identifier: str) -> str:
    """A name as it is, of how SQL writes it."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def split_tokens(text: str) -> list[str]:
    """The tokens of a definition; blanks are some too."""
    return _TOKEN.findall(text)


def find_names(text: str) -> set[str]:
    """The names that a definition holds, outside of its literals."""
    return {bare(token) for token in split_tokens(text) if _NAMED.fullmatch(token)}


def list_tables(objects: Objects) -> set[Table]:
    """The tables and views of a state."""
    return {(name.schema, name.name) for name in objects if name.kind in RELATIONS}


@dataclass(frozen=True)
class Renames:
    """Other names of tables and columns.

    Args:
        tables: what tables are called afterwards, by what they were called.
        columns: what columns are called afterwards, by the schema, the table and the column before.
        known: all tables and views of before: a name with a schema is one of them, or no table.
        spelled: how the server writes a name of afterwards, where it needs quotes.
    """

    tables: Mapping[Table, Table]
    columns: Mapping[Column, str]
    known: Collection[Table]
    spelled: Mapping[str, str] = field(default_factory=dict)

    def rename_table(self, table: Table) -> Table:
        """What a table is called afterwards."""
        return self.tables.get(table, table)

    def rename_all(self, objects: Objects) -> dict[ObjectName, Facts]:
        """All objects of before, as they are called afterwards."""
        return {self._rename(name, facts): self._rewrite_facts(name, facts) for name, facts in objects.items()}

    def mentions(self, text: str) -> bool:
        """Whether a text may name something that is called otherwise afterwards."""
        return not self._old.isdisjoint(map(bare, _NAMED.findall(text)))

    @cached_property
    def _old(self) -> set[str]:
        return {table for _, table in self.tables} | {column for _, _, column in self.columns}

    def spell(self, name: str) -> str:
        """A name as the server writes it."""
        return self.spelled.get(name) or quoted(name)

    def _moves(self, name: ObjectName, facts: Facts) -> str:
        """The schema of an object afterwards: what belongs to a table moves with it."""
        own = _find_own(name, facts)
        return self.rename_table(own)[0] if own is not None else name.schema

    def _rename(self, name: ObjectName, facts: Facts) -> ObjectName:
        own = _find_own(name, facts)
        text = self._rename_comment(name) if name.kind == "comment" else self.rewrite(str(name), None)
        schema, table, called = name.schema, name.table, name.name
        if own is not None:
            schema, renamed = self.rename_table(own)
            table = renamed if name.table else ""
            if name.kind == "column" or (name.kind == "grant" and name.table):
                called = self.columns.get((*own, name.name), name.name)
            elif not name.table and name.kind not in ("sequence", "index"):
                called = renamed
            if name.kind in ("sequence", "index") and schema != name.schema:
                text = text.replace(f"{name.kind} {quoted(name.schema)}.", f"{name.kind} {self.spell(schema)}.", 1)
        return name if text == str(name) else ObjectName(text, name.kind, schema, called, table)

    def _rename_comment(self, name: ObjectName) -> str:
        """A comment of a column names it without quotes, and without its table's name."""
        text = str(name)
        for table in _pairs(text, self.known):
            for (*of, old), new in self.columns.items():
                said = f"comment on column {old} of "
                if tuple(of) == table and text.startswith(said):
                    return f"comment on column {new} of {self.rewrite(text.removeprefix(said), None)}"
        return self.rewrite(text, None)

    def _rewrite_facts(self, name: ObjectName, facts: Facts) -> Facts:
        own = _find_own(name, facts)
        if name.kind in ("view", "materialized view"):
            pairs = set(_pairs(facts.get("refers to", ""), self.known))
            own = pairs.pop() if len(pairs) == 1 else None
        found = {
            key: text if key in _PLAIN else self.rewrite(text, own if key in _OF_COLUMNS else None)
            for key, text in facts.items()
        }
        if "refers to" in facts:
            found["refers to"] = ", ".join(map(self._refer, facts["refers to"].split(", ")))
        if name.kind == "column" and own is not None and (*own, name.name) in self.columns:
            found["~id"] = self.spell(self.columns[*own, name.name])
        if name.kind in ("constraint", "published table") and own is not None and "columns" in facts:
            names = facts["columns"].split(", ")
            found["columns"] = ", ".join(self.columns.get((*own, column), column) for column in names)
        if name.kind in ("index", "sequence") and self._moves(name, facts) != name.schema:
            key = "~on" if name.kind == "sequence" else "~id"
            found[key] = facts[key].replace(f"{quoted(name.schema)}.", f"{self.spell(self._moves(name, facts))}.", 1)
        return found

    def _refer(self, written: str) -> str:
        """What a view reads: a table, or a column of one, whose own name is not quoted."""
        parts = re.fullmatch(rf"({IDENTIFIER})\.({IDENTIFIER})(?:\.(.*))?", written)
        if parts is None or (bare(parts[1]), bare(parts[2])) not in self.known:
            return written
        table = bare(parts[1]), bare(parts[2])
        now = self.rename_table(table)
        of = ".".join(old if a == b else self.spell(b) for old, a, b in zip(parts.groups(), table, now, strict=False))
        return of if parts[3] is None else f"{of}.{self.columns.get((*table, parts[3]), parts[3])}"

    def rewrite(self, text: str, own: Table | None) -> str:
        """A definition with the names of afterwards.

        Args:
            text: the definition, as the server writes it.
            own: the table whose columns it names without their table.
        """
        return "".join(self._tokens(text, own)) if self.mentions(text) else text

    def rewrite_of(self, text: str, source: str) -> str:
        """SQL with the names of afterwards.

        Args:
            text: the SQL.
            source: the table whose columns it names without their table, in SQL.
        """
        return self.rewrite(text, next(_pairs(source, self.known), None))

    def _tokens(self, text: str, own: Table | None) -> Iterator[str]:
        tokens = split_tokens(text)
        aliases = _find_aliases(tokens, self.known)
        if own is not None:
            aliases.setdefault(own[1], own)
        referred, position = None, 0
        while position < len(tokens):
            token = tokens[position]
            after = tokens[position + 1 : position + 3]
            if not _NAMED.fullmatch(token):
                referred = None if token == _END else referred
                yield token
                position += 1
                continue
            pair = (bare(token), bare(after[1])) if len(after) == 2 and after[0] == "." else None
            if pair is not None and pair in self.known:
                schema, table = self.rename_table(pair)
                yield f"{self.spell(schema) if schema != pair[0] else token}."
                yield self.spell(table) if table != pair[1] else after[1]
                position += 3
                if tokens[position : position + 1] == ["."] and len(tokens) > position + 1:
                    yield f".{self._column(tokens[position + 1], pair)}"
                    position += 2
                referred = pair if _follows(tokens, position - 3, "REFERENCES") else referred
            elif pair is not None:
                table_of = aliases.get(pair[0])
                called = self.rename_table(table_of)[1] if table_of and table_of[1] == pair[0] else pair[0]
                yield f"{self.spell(called) if called != pair[0] else token}."
                yield self._column(after[1], table_of)
                position += 3
            else:
                named = _follows(tokens, position, "::") or _follows(tokens, position, "AS")
                column = not named and after[:1] != ["("]
                yield self._column(token, referred or own) if column else token
                position += 1

    def _column(self, token: str, table: Table | None) -> str:
        renamed = None if table is None else self.columns.get((*table, bare(token)))
        return token if renamed is None else self.spell(renamed)

    def explains(self, was: str, now: str) -> bool:
        """Whether two texts say the same, but for names that are declared to be others.

        A view may give a column that is renamed its old name.
        """
        pairs = {(old[1], new[1]) for old, new in self.tables.items()}
        pairs |= {(old[2], new) for old, new in self.columns.items()}
        pairs |= {(old[0], new[0]) for old, new in self.tables.items()}
        texts = [[token for token in split_tokens(text) if not token.isspace()] for text in (was, now)]
        here, place = texts[1], 0
        for position, token in enumerate(texts[0]):
            if place >= len(here) or (token != here[place] and (bare(token), bare(here[place])) not in pairs):
                return False
            called, place = bare(here[place]), place + 1
            if here[place : place + 1] == ["AS"] and texts[0][position + 1 : position + 2] != ["AS"]:
                place += 2 if (bare(here[place + 1]), called) in pairs else 0
        return place == len(here)


def _find_own(name: ObjectName, facts: Facts) -> Table | None:
    """The table that an object is, or that it stands on."""
    if name.kind in RELATIONS:
        return name.schema, name.name
    if name.kind == "sequence":
        return next(_written_pairs(facts.get("owned by", "")), None)
    if name.kind == "grant" and not name.table:
        return (name.schema, name.name) if facts.get("~what") in RELATIONS else None
    return (name.schema, name.table) if name.table else None


def _written_pairs(text: str) -> Iterator[Table]:
    for first, second in re.findall(rf"({IDENTIFIER})\.({IDENTIFIER})", text):
        yield bare(first), bare(second)


def _pairs(text: str, known: Collection[Table]) -> Iterator[Table]:
    """The tables that a text names with their schemas."""
    return (pair for pair in _written_pairs(text) if pair in known)


def _find_aliases(tokens: list[str], known: Collection[Table]) -> dict[str, Table]:
    """What the tables of a query are called in it; the server writes its own words in capitals."""
    words = [token for token in tokens if not token.isspace()]
    aliases: dict[str, Table] = {}
    for first, dot, second, after in zip(words, words[1:], words[2:], [*words[3:], ""], strict=False):
        pair = (bare(first), bare(second)) if dot == "." else None
        if pair is not None and pair in known:
            other = _NAMED.fullmatch(after) and (after.startswith('"') or after == after.lower())
            aliases[bare(after) if other else pair[1]] = pair
    return aliases


def _follows(tokens: list[str], position: int, word: str) -> bool:
    """Whether a token comes right after another one, but for blanks."""
    return next((token for token in reversed(tokens[:position]) if not token.isspace()), "") == word


def list_filled(name: ObjectName, facts: Facts) -> Iterator[Column]:
    """The column that a sequence belongs to."""
    if name.kind == "sequence" and (found := OWNED.fullmatch(facts.get("owned by", ""))):
        yield bare(found[1]), bare(found[2]), bare(found[3])
