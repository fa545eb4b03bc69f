"""Whether the rows of today would accept a rule that a repair adds: told before the repair is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from postmigration.checks.contents.batches import WITHOUT_INDEXES, Question, Refusal, ask
from postmigration.checks.contents.examination import agree, count
from postmigration.model.sqltext import literal, tell_beforehand
from postmigration.postgres.connection import Snapshot

# Tables above one gigabyte are not read for an advice.
_PAGES = 1 << 17
# How large some tables are together, and as whom the first is read: an operator or a cast may be code of its owner.
_TABLES = """
    SELECT sum(pg_relation_size(coalesce(p.relid, c.oid))) / current_setting('block_size')::int AS pages,
           max(own.rolname::text) FILTER (WHERE c.oid = to_regclass({0}) AND us.rolsuper AND NOT own.rolsuper) AS role
    FROM pg_class c JOIN pg_roles own ON own.oid = c.relowner JOIN pg_roles us ON us.rolname = current_user
    LEFT JOIN pg_partition_tree(c.oid) p ON true WHERE c.oid IN (to_regclass({0}), to_regclass({1}))
"""
_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_TABLE = rf"(?P<table>{_NAME}\.{_NAME})"
_COLUMNS = rf"{_NAME}(?:, {_NAME})*"
_ADDS = re.compile(
    r"\bADD (?:CONSTRAINT|UNIQUE|PRIMARY KEY|FOREIGN KEY|CHECK|EXCLUDE)\b|\bCREATE UNIQUE INDEX\b|\bSET NOT NULL\b"
    r"|\bVALIDATE CONSTRAINT\b",
)
_ADDED = rf"ALTER TABLE (?:ONLY )?{_TABLE} ADD CONSTRAINT {_NAME} "
_KEY = re.compile(
    rf"{_ADDED}(?P<kind>UNIQUE|PRIMARY KEY)(?P<alike> NULLS NOT DISTINCT)? \((?P<columns>{_COLUMNS})\)[^()]*;?"
)
_INDEX = re.compile(
    rf"CREATE UNIQUE INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?{_NAME} ON (?:ONLY )?{_TABLE} USING btree "
    rf"\((?P<columns>{_COLUMNS})\)(?: INCLUDE \([^()]*\))?(?P<alike> NULLS NOT DISTINCT)?"
    r"(?: WHERE (?P<predicate>.*?))?;?"
)
_REFERENCE = re.compile(
    rf"{_ADDED}FOREIGN KEY \((?P<columns>{_COLUMNS})\) REFERENCES (?P<parent>{_NAME}\.{_NAME})"
    rf"\((?P<theirs>{_COLUMNS})\)(?P<more>[^()]*?);?"
)
_CHECK = re.compile(rf"{_ADDED}CHECK (?P<expression>\(.*\))(?: NO INHERIT)?;?")
_FILLED = re.compile(rf"ALTER TABLE (?:ONLY )?{_TABLE} ALTER (?:COLUMN )?(?P<column>{_NAME}) SET NOT NULL;?")
# Code that is not PostgreSQL's own would run with the rights of whoever judges.
_FOREIGN = re.compile(rf"{_NAME}\.{_NAME}\s*\(|OPERATOR\((?!pg_catalog\.)")
_UNKNOWN = "whether the rows of today fit was not looked at: look first, it is refused while one does not"


class _Violations(NamedTuple):
    """What violates a rule.

    Args:
        table: the table, in SQL.
        number: a query for their number.
        listed: a query that shows them.
        parent: the table that it refers to, in SQL; the table itself where it refers to none.
    """

    table: str
    number: str
    listed: str
    parent: str


def tell_acceptance(side: Snapshot, repairs: Sequence[str]) -> list[str]:
    """Says before each repair that adds a rule how many rows violate it, and how they are shown.

    Args:
        side: the database that is to be repaired.
        repairs: SQL, each of any number of statements.
    """
    asked = {
        line: found
        for repair in repairs
        for line in repair.splitlines()
        if _ADDS.search(line) and not line.startswith("--") and (found := _read(line)) is not None
    }
    known = _count(side, asked)
    return [_tell(repair, known, asked) for repair in repairs]


def _tell(repair: str, known: Mapping[str, int], asked: Mapping[str, _Violations]) -> str:
    said: list[str] = []
    for line in repair.splitlines():
        if not _ADDS.search(line) or line.startswith("--"):
            continue
        if line not in known:
            said.append(_UNKNOWN)
        elif known[line]:
            rows, found = known[line], asked[line]
            words = f"{count(rows, 'row')} of {found.table} {agree(rows, 'does', 'do')} not fit: it is refused until "
            said += [f"{words}{agree(rows, 'that is', 'they are')} mended; they are shown by", found.listed]
        else:
            said.append(f"all rows of {asked[line].table} were read, and fit")
    return "".join(tell_beforehand(words) for words in dict.fromkeys(said)) + repair


def _count(side: Snapshot, asked: Mapping[str, _Violations]) -> dict[str, int]:
    """How many rows violate each rule, by its statement, where that can be told."""
    tables = [
        Question(line, _TABLES.format(literal(found.table), literal(found.parent))) for line, found in asked.items()
    ]
    # A table that is not there has no size.
    known = {line: row for line, row in _answer(side, tables, "") if row.pages is not None and row.pages <= _PAGES}
    counted: dict[str, int] = {}
    for role in sorted({row.role or "" for row in known.values()}):
        questions = [
            Question(line, f"SELECT ({asked[line].number}) AS rows", int(row.pages))
            for line, row in known.items()
            if (row.role or "") == role
        ]
        counted |= {line: int(row.rows) for line, row in _answer(side, questions, role)}
    return counted


def _answer(side: Snapshot, questions: Sequence[Question], role: str) -> Iterator[tuple[str, sa.Row[Any]]]:
    settings = {**WITHOUT_INDEXES, **({"role": role} if role else {})}
    for line, answer in ask(side, questions, settings):
        if not isinstance(answer, Refusal):
            yield line, answer


def _read(statement: str) -> _Violations | None:
    """What would violate a rule that a statement adds; None where that cannot be asked safely."""
    statement = statement.strip()
    if _FOREIGN.search(statement.partition(" CHECK ")[2] or statement.partition(" WHERE ")[2]):
        return None
    if found := _KEY.fullmatch(statement) or _INDEX.fullmatch(statement):
        return _find_doubled(found)
    if found := _REFERENCE.fullmatch(statement):
        return None if "MATCH FULL" in found["more"] else _find_dangling(found)
    if found := _CHECK.fullmatch(statement):
        return _list(found["table"], f"{found['expression']} IS FALSE")
    if found := _FILLED.fullmatch(statement):
        return _list(found["table"], f"{found['column']} IS NULL")
    return None


def _list(table: str, violated: str) -> _Violations:
    return _Violations(
        table,
        f"SELECT count(*) FROM {table} WHERE {violated}",
        f"SELECT * FROM {table} WHERE {violated};",
        table,
    )


def _find_doubled(found: re.Match[str]) -> _Violations:
    parts, table, columns = found.groupdict(), found["table"], re.findall(_NAME, found["columns"])
    if parts.get("kind") == "PRIMARY KEY":
        empty = " OR ".join(f"{column} IS NULL" for column in columns)
        alone = _list(table, empty)
    conditions = [parts["predicate"]] if parts.get("predicate") else []
    if not parts["alike"]:
        conditions += [f"{column} IS NOT NULL" for column in columns]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    keys = ", ".join(columns)
    doubled = f"FROM {table}{where} GROUP BY {keys} HAVING count(*) > 1"
    total = f"SELECT coalesce(sum(times), 0) FROM (SELECT count(*) AS times {doubled}) d"
    listed = f"SELECT {keys}, count(*) AS times {doubled}"
    if parts.get("kind") == "PRIMARY KEY":
        total = f"SELECT ({total}) + ({alone.number})"
        listed += f" UNION ALL SELECT {keys}, 1 FROM {table} WHERE {empty}"
    return _Violations(table, total, f"{listed};", table)


def _find_dangling(found: re.Match[str]) -> _Violations:
    table = found["table"]
    columns, theirs = (re.findall(_NAME, found[name]) for name in ("columns", "theirs"))
    filled = " AND ".join(f"c.{column} IS NOT NULL" for column in columns)
    match = " AND ".join(f"p.{parent} = c.{column}" for parent, column in zip(theirs, columns, strict=True))
    parent = found["parent"]
    where = f"FROM {table} c WHERE {filled} AND NOT EXISTS (SELECT FROM {parent} p WHERE {match})"
    return _Violations(table, f"SELECT count(*) {where}", f"SELECT * {where};", parent)
