"""What SQL that repairs something does, as short as a line: its own first words, and what its statements concern."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from postmigration.model.sqltext import AFTER_ROWS, SHELL
from postmigration.report.diagnosis.wording import name_some

# How statements begin that only make way for others.
_ASIDE = re.compile(r"(BEGIN|START TRANSACTION|COMMIT|SET|RESET|CREATE TEMPORARY|CREATE TEMP)\b", re.IGNORECASE)
# What a semicolon ends no statement in: literals, names, comments, and bodies as the server writes them.
_TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | (?<!\w)E'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | \bBEGIN\s+ATOMIC\b.*?\nEND\b | ; | \w+ | .""",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
# So many statements of several are shown before somebody asks for all.
_FIRST = 2
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
_NAME = r"(?P<of>(?:\"(?:[^\"]|\"\")+\"|[\w$])+(?:\.(?:\"(?:[^\"]|\"\")+\"|[\w$])+)*)"
# What a statement concerns, by how it begins: the first that fits counts.
_CONCERNS = tuple(
    (re.compile(rf"(?:{start}){_NAME}", re.IGNORECASE), what)
    for start, what in (
        (rf"(?:CREATE|ALTER|DROP)\s+POLICY\s+{_IF}.+?\sON\s+", "policies"),
        (r"(?:GRANT|REVOKE)\s.+?\sON\s+(?:TABLE\s+|FUNCTION\s+|ROUTINE\s+|SCHEMA\s+|SEQUENCE\s+)?", "privileges"),
        (r"(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\s.+?\sON\s+", "triggers"),
        (rf"ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?(?=\S+\s+\w+\s+(?:ALWAYS\s+|REPLICA\s+)?TRIGGER\b)", "triggers"),
        (rf"ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?(?=\S+\s+\w+\s+ROW\s+LEVEL\b)", "row-level security"),
        (rf"ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?(?=\S+\s+\w+\s+CONSTRAINT\b)", "constraints"),
        (rf"ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?(?=\S+\s+\w+\s+COLUMN\b)", "columns"),
        (r"(?:CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s.*?\bON\s+(?:ONLY\s+)?", "indexes"),
        (r"UPDATE\s+(?:ONLY\s+)?|INSERT\s+INTO\s+|DELETE\s+FROM\s+(?:ONLY\s+)?", "rows"),
        (rf"(?:CREATE\s+(?:OR\s+REPLACE\s+)?|ALTER\s+|DROP\s+)(?:FUNCTION|PROCEDURE|ROUTINE)\s+{_IF}", "definition"),
        (rf"(?:CREATE\s+(?:OR\s+REPLACE\s+)?|ALTER\s+|DROP\s+)(?:MATERIALIZED\s+)?VIEW\s+{_IF}", "definition"),
    )
)


class Outline(NamedTuple):
    """What a repair does.

    Args:
        words: its own first words; empty where it says none.
        statement: the only statement that it has; empty where it has several, of which none may stand alone.
        contents: how many it has and which objects they concern; empty where it has one.
    """

    words: str
    statement: str
    contents: str


def outline(repair: str) -> Outline:
    """What SQL that repairs something does."""
    lines = [line.strip() for line in repair.splitlines() if line.strip() not in ("", "BEGIN;", AFTER_ROWS)]
    said = takewhile(lambda line: line.startswith("--"), lines)
    words = " ".join(line.removeprefix("--").strip() for line in said).partition(". ")[0]
    statements = [statement for statement in _split(repair) if not _ASIDE.match(statement)]
    if len(statements) == 1:
        return Outline(words, statements[0], "")
    return Outline(words, "", f"{len(statements):,} statements{_list_objects(statements)}" if statements else "")


def list_first(repair: str) -> list[str]:
    """The first statements of a repair that has several, each in one line."""
    statements = [statement for statement in _split(repair) if not _ASIDE.match(statement)]
    return statements[:_FIRST] if len(statements) > 1 else []


def _split(repair: str) -> Iterator[str]:
    """The statements of a repair, each in one line and without comments; commands of psql are none of them."""
    sql, shell = [], False
    for line in repair.splitlines():
        shell = line == SHELL or (shell and not line.startswith("--"))
        if shell and not line.startswith("--"):
            yield line
        elif not line.startswith("\\"):
            sql.append(line)
    statement = ""
    for token in _TOKEN.finditer("\n".join(sql)):
        text = token[0]
        if not text.startswith(("--", "/*")):
            statement += text
        if text == ";":
            yield " ".join(statement.split())
            statement = ""
    if statement.strip():
        yield " ".join(statement.split())


def _list_objects(statements: Sequence[str]) -> str:
    """Which objects statements concern, those together of which the same is concerned."""
    concerned: dict[str, dict[str, None]] = {}
    for statement in statements:
        what, name = _find_object(statement)
        if name:
            concerned.setdefault(name, {})[what] = None
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, whats in concerned.items():
        alike.setdefault(tuple(sorted(whats)), []).append(name)
    clauses = [f"{' and '.join(whats)} of {name_some(names)}" for whats, names in alike.items()]
    return f": {'; '.join(clauses)}" if clauses else ""


def _find_object(statement: str) -> tuple[str, str]:
    for pattern, what in _CONCERNS:
        if found := pattern.match(statement):
            return what, found["of"].removeprefix("public.")
    return "", ""
