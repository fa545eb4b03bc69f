"""The text of a statement as pg_stat_statements keeps it: what must stay where it is, and what can be repaired."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What can be prepared; all else is a utility statement, whose text holds constants as they were sent.
_PREPARED = re.compile(r"[\s(]*(select|insert|update|delete|merge|values|with|table)\b", re.IGNORECASE)
# Comments, names in quotation marks, and what begins a constant; a short number is a position or a length. A nested
# comment is read to its own end below.
_TOKEN = re.compile(r'"(?:[^"]|"")*"|--[^\n]*|/\*|\'|\$(?:[^\W\d]\w*)?\$|(?<![\w$])\d{5,}|(?<![\w$])\d*\.\d')
_COMMENT = re.compile(r"/\*|\*/")

# A constant of a type by its name becomes what PostgreSQL cannot parse: interval $1, extract($1 from …).
_UNIT = r"(?:year|month|day|hour|minute|second)"
_TYPED = re.compile(
    r"\b(interval|date|timestamptz|timestamp(?:\s+with(?:out)?\s+time\s+zone)?|time(?:\s+with(?:out)?\s+time\s+zone)?)"
    rf"\s+(\$\d+)(?:\s+{_UNIT}\b(?:\s+to\s+{_UNIT}\b)?)?",
    re.IGNORECASE,
)
_EXTRACT = re.compile(r"\bextract\s*\(\s*(\$\d+)\s+from\s+", re.IGNORECASE)

# Ours end with a comment that has a parameter.
_OURS = re.compile(r"--\s*\$\d+\S*\s*$")
_FROM = re.compile(r"\b(?:from|join|into|update)\b", re.IGNORECASE)
_ITEM = re.compile(r'\s*(?:only\s+)?("?[\w.]+"?)(\s*\()?(?:\s+(?:as\s+)?\w+)?(\s*,)?', re.IGNORECASE)
_NAMED_HERE = re.compile(
    r"(?:\bwith|\brecursive|,)\s+(\w+)\s*(?:\([\w\s,]*\)\s*)?as\s*(?:materialized\s*)?\(", re.IGNORECASE
)
_OF_THE_SERVER = re.compile(r'(?:\w+\.)?"?pg_|information_schema\.', re.IGNORECASE)
_CALL = re.compile(r"([\w.]+)\s*\(")


def is_utility(text: str) -> bool:
    """Whether a statement, without its comments, is none that can be prepared."""
    return _PREPARED.match(text) is None


def is_ours(text: str) -> bool:
    """Whether postmigration has sent a statement."""
    return _OURS.search(text) is not None


def asks_the_server_alone(text: str) -> bool:
    """Whether all relations that a statement names are the server's own, and all functions if it names none."""
    inside = {name.lower() for name in _NAMED_HERE.findall(text)}
    names = {name for name in _find_relations(text) if name.lower() not in inside}
    calls = _CALL.findall(text)
    if not names and not inside:
        return bool(calls) and all(name.lower().startswith("pg_catalog.") for name in calls)
    return bool(names) and all(_OF_THE_SERVER.match(name) for name in names)


def _find_relations(text: str) -> Iterator[str]:
    for place in _FROM.finditer(text):
        end = place.end()
        while item := _ITEM.match(text, end):
            name, call, comma = item.groups()
            if call:
                break
            yield name
            if not comma:
                break
            end = item.end()


def clean(text: str) -> str | None:
    """A statement without its comments, which may hold anything; None where it holds a constant."""
    parts = list(_divide(text))
    if None in parts:
        return None
    told = "".join(part for part in parts if part is not None).strip().rstrip(";").rstrip()
    return _EXTRACT.sub(r"date_part(\1, ", _TYPED.sub(r"CAST(\2 AS \1)", told))


def _divide(text: str) -> Iterator[str | None]:
    """What stands between comments, a blank for each of these, and None for a constant."""
    start = 0
    while token := _TOKEN.search(text, start):
        if token[0].startswith('"'):
            yield text[start : token.end()]
            start = token.end()
            continue
        yield text[start : token.start()]
        start = token.end()
        if token[0] == "/*":
            depth = 1
            while depth and (mark := _COMMENT.search(text, start)):
                depth += 1 if mark[0] == "/*" else -1
                start = mark.end()
            if depth:
                start = len(text)
        yield " " if token[0].startswith(("--", "/*")) else None
    yield text[start:]
