"""Whether a function runs a statement that it is given, as far as its text tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A call of a function.
_CALL = r"(?<![\w.$]){}\s*\("
_COMMENTS = re.compile(r"('(?:[^']|'')*')|\$([a-z_]\w*|)\$(.*?)\$\2\$|--[^\n]*|/\*.*?\*/", re.DOTALL | re.IGNORECASE)
_LITERALS = re.compile(r"'(?:[^']|'')*'")
# Functions that run a text which they are given.
_RUNNERS = ("query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "dblink", "dblink_exec")
# What makes a value harmless inside a statement.
_QUOTING = ("quote_ident", "quote_literal", "quote_nullable")


def strip_comments(text: str) -> str:
    """A function's text without its comments, and with one kind of quotes."""
    return _COMMENTS.sub(_quote_once, text)


def strip_literals(text: str) -> str:
    """A text without what stands between quotes."""
    return _LITERALS.sub("''", text)


def _quote_once(found: re.Match[str]) -> str:
    if found[3] is not None:
        return "'" + found[3].replace("'", "''") + "'"
    return found[1] or " "


def runs_text(text: str, arguments: Iterable[str]) -> bool:
    """Whether a function runs a statement that holds a text which it is given, not quoted as a name or a value.

    Args:
        text: its source in PL/pgSQL or SQL.
        arguments: the names and numbers of the arguments that may hold a text.
    """
    tainted = {name.lower() for name in arguments}
    # What stands between quotes may hold a semicolon, and is no statement.
    statements = _split(strip_comments(text), ";")
    size = -1
    while size != len(tainted):
        size = len(tainted)
        for statement in statements:
            if (assigned := _parse_assignment(statement)) and _mentions(assigned[1], tainted):
                tainted.add(assigned[0].lower())
    return any(_mentions(run, tainted) for statement in statements for run in _run(statement))


def _parse_assignment(statement: str) -> tuple[str, str] | None:
    """The variable that a statement fills, and from what."""
    bare = _mask_quotes(statement)
    for sign in (r":=|\bdefault\b", r"(?<![<>!:=])=(?![>=])"):
        if found := re.search(sign, bare, re.IGNORECASE):
            # A declaration has its type between the name and the sign.
            name = re.split(r"\b(?:declare|begin|then|else|loop)\b", bare[: found.start()], flags=re.IGNORECASE)[-1]
            if variable := re.match(r"\s*(\w+)" if sign.startswith(":") else r"\s*(\w+)\s*$", name):
                return variable[1], statement[found.end() :]
    selected = re.search(r"\bselect\b(.*?)\binto\s+(?:strict\s+)?(\w+)", bare, re.IGNORECASE | re.DOTALL)
    return (selected[2], statement[selected.start(1) : selected.end(1)]) if selected else None


def _mask_quotes(text: str) -> str:
    """A text in which what stands between quotes is hidden, each character by another."""
    return _LITERALS.sub(lambda found: "'" + "_" * (len(found[0]) - 2) + "'", text)


def _run(statement: str) -> Iterator[str]:
    """The expressions that a statement runs as a statement of their own."""
    bare = _mask_quotes(statement)
    for found in re.finditer(r"\bexecute\b", bare, re.IGNORECASE):
        rest = statement[found.end() :]
        end = re.search(r"\b(?:into|using|loop)\b", bare[found.end() :], re.IGNORECASE)
        yield rest[: end.start()] if end else rest
    for name in _RUNNERS:
        for found in re.finditer(_CALL.format(rf"(?:pg_catalog\.|extensions\.)?{name}"), bare, re.IGNORECASE):
            yield _read_parentheses(statement, found.end())[0]


def _mentions(expression: str, names: set[str]) -> bool:
    """Whether an expression holds one of some values as it is, neither quoted nor cast to what holds no statement."""
    kept, position = "", 0
    call = re.compile(rf"\b({'|'.join((*_QUOTING, 'format'))})\s*\(|'(?:[^']|'')*'", re.IGNORECASE)
    while found := call.search(expression, position):
        kept += expression[position : found.start()] + " "
        position = found.end()
        if found[1]:
            inside, position = _read_parentheses(expression, found.end())
            if found[1].lower() == "format":
                kept += " ".join(_find_unquoted(_split(inside, ","))) + " "
    kept += expression[position:]
    kept = strip_literals(kept)
    kept = re.sub(
        r"[\w$]+\s*::\s*(?:pg_catalog\.)?(?:int\w*|bigint|smallint|uuid|numeric|reg\w+|bool\w*|date)\b", " ", kept
    )
    return any(word.lower() in names for word in re.findall(r"\$?\w+", kept))


def _find_unquoted(arguments: list[str]) -> Iterator[str]:
    """The arguments of a call of format() that it puts in as they are."""
    template = arguments[0].strip()
    if not _LITERALS.fullmatch(template):
        yield from arguments
        return
    following = 0
    for position, kind in re.findall(r"%(?:(\d+)\$)?-?\d*([sIL%])", template):
        if kind == "%":
            continue
        following = int(position) if position else following + 1
        if kind == "s" and following < len(arguments):
            yield arguments[following]


def _read_parentheses(text: str, start: int) -> tuple[str, int]:
    """What stands between the parenthesis that was opened before a position and its end, and where that is."""
    depth, position = 1, start
    while position < len(text) and depth:
        if text[position] == "'":
            literal = _LITERALS.match(text, position)
            position = literal.end() if literal else len(text)
            continue
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return text[start : position - 1 if not depth else position], position


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand neither in quotes nor, of a list, in parentheses."""
    parts, depth, start, position = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if character == "'":
            literal = _LITERALS.match(text, position)
            position = literal.end() if literal else len(text)
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == separator and (depth <= 0 or separator == ";"):
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]
