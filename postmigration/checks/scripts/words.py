"""The names in the text of a statement, as the server reads them."""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = re.compile(r'"(?:[^"]|"")+"|(?<![\w$])[^\W\d][\w$]*')
_QUALIFIER = re.compile(r'(?:"(?:[^"]|"")+"|(?<![\w$])[^\W\d][\w$]*)\s*\.\s*(?=[\w"])')
_KEPT = r"""(?P<kept>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")"""
_COMMENT = re.compile(rf"{_KEPT}|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TEXT = re.compile(r"""(?P<kept>"(?:[^"]|"")*")|[eE]?'(?:[^'\\]|\\.|'')*'""", re.DOTALL)
# PostgreSQL cuts longer names.
_LONGEST = 63
_TO_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

# Words of SQL, and types, by which two statements have nothing in common.
_KEYWORDS = """
    add after all alter always and any array as asc authenticated before begin bigint boolean by bytea cascade char
    character check column commit concurrently constraint create current_user cursor date declare default deferrable
    deferred definer delete desc detach distinct do double drop each else elsif end enum except exception execute
    exists false for foreign from function grant group having if immutable in include index initially inner insert
    instead int integer interval into invoker is join json jsonb key language left limit loop materialized new no not
    null numeric of off offset old on only option or order outer over partition perform plpgsql policy precision
    primary procedure public raise range record references rename replace restrict restrictive return returning returns
    revoke right role row rule schema security select sequence set setof smallint sql stable statement strict table
    temp temporary text then time timestamp timestamptz to trigger true type union unique unlogged update using uuid
    values varchar varying view volatile when where while with without zone
"""
KEYWORDS = frozenset(re.findall(r"\w+", _KEYWORDS))


def strip_comments(text: str) -> str:
    """A statement without its comments; bodies between dollars are read as the rest."""
    return _COMMENT.sub(lambda found: found["kept"] or " ", text)


def strip_texts(text: str) -> str:
    """A statement without its texts, but with the names that stand in quotes."""
    return _TEXT.sub(lambda found: found["kept"] or "''", text)


@lru_cache(1 << 14)
def list_names(text: str) -> frozenset[str]:
    """All names and words of a text, but for those of schemas and tables before a dot."""
    return frozenset(_read(token) for token in _NAME.findall(text)) - _list_qualifiers(text)


def _list_qualifiers(text: str) -> frozenset[str]:
    """What stands before a dot, and nowhere else."""
    bare = frozenset(_read(token) for token in _NAME.findall(_QUALIFIER.sub(" ", text)))
    return frozenset(_read(token) for token in _NAME.findall(text)) - bare


def split_name(name: str) -> list[str]:
    """The parts of a qualified name, without quotes."""
    return [_read(token) for token in _NAME.findall(name)]


def _read(token: str) -> str:
    name = token[1:-1].replace('""', '"') if token.startswith('"') else token.translate(_TO_SMALL)
    return name.encode()[:_LONGEST].decode(errors="ignore")
