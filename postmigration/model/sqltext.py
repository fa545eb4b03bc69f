"""SQL as text: with parameters, with identifiers quoted, and written out for psql and for people."""

from __future__ import annotations

import inspect
import re
import shlex
import textwrap
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# A dialect that doubles no percent signs: what it writes is for psql, not for a driver.
_DIALECT: sa.Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here


def statement(sql: str, parameters: Mapping[str, Any]) -> sa.TextClause:
    """SQL with those of the parameters that it names."""
    named = {name: value for name, value in parameters.items() if f":{name}" in sql}
    # A colon anywhere else belongs to a cast, a literal or an identifier.
    others = re.sub(rf":(?!(?:{'|'.join(named)})\b)" if named else ":", r"\\:", sql)
    return sa.text(others).bindparams(**named)


def single(sql: str, parameters: Mapping[str, Any]) -> sa.TextClause:
    """SQL with those of the parameters that it names, sent so that the server takes it for one statement.

    psycopg sends what has no parameter by the simple protocol, by which several statements may come at once. One
    parameter, which stands in a comment, has the extended protocol used.
    """
    return statement(f"{sql}\n-- :postmigration_single", {**parameters, "postmigration_single": 0})


def pasteable(sql: str, parameters: Mapping[str, Any]) -> str:
    """The SQL with its parameters written out, as it can be pasted into psql, without what limits nothing."""
    return _drop_endless(write_literals(statement(inspect.cleandoc(sql), parameters)))


# That a row is no younger than the end of time, and what of a condition is left where that is true of each row.
_ENDLESS = re.compile(
    r"greatest\((?:[^()]|\([^()]*\))*'-infinity'(?:[^()]|\([^()]*\))*\) <= CAST\('infinity' AS timestamptz\)"
)
_TRUE = (
    (re.compile(r"\([\w.]+ IS NULL OR true\)"), "true"),
    (re.compile(r"(?<!NOT )\btrue AND "), ""),
    (re.compile(r"\s+AND true(?=\s*(?:\)|$|AND\b|OR\b|AS\b|GROUP\b|ORDER\b))"), ""),
    (re.compile(r",\s*true AS \w*settled\b"), ""),
)


def _drop_endless(sql: str) -> str:
    """A query without the condition that rows are older than a cut-over which has not been."""
    if "'infinity'" not in sql:
        return sql
    sql = _ENDLESS.sub("true", sql)
    for pattern, rest in _TRUE:
        sql = pattern.sub(rest, sql)
    return sql


def write_literals(query: sa.ClauseElement) -> str:
    """A query as SQL text with its parameters written out."""
    return str(query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


# Words that PostgreSQL reserves and SQLAlchemy does not know; one of them, unquoted, is a function without parentheses.
_RESERVED = {"collation", "concurrently", "lateral", "system_user", "tablesample"}


def quoted(name: str) -> str:
    """An identifier, quoted where PostgreSQL needs it."""
    plain = re.fullmatch("[a-z_][a-z0-9_]*", name) is not None and name not in _RESERVED
    preparer = _DIALECT.identifier_preparer
    return preparer.quote(name) if plain else preparer.quote_identifier(name)


# A repair is run on the target, but for what follows one of these lines: the connection strings of both sides are in
# $BASELINE and $TARGET of the shell.
BASELINE, TARGET, SHELL = "-- on the baseline", "-- on the target", "-- in a shell"
# What a person has to decide for, since nobody can bring back what it deletes.
DECISION = "-- once decided: "
# The first line of a repair that is right only once the rows of before are back.
AFTER_ROWS = "-- after the rows of before"
_WIDTH = 116


def literal(text: str) -> str:
    """A text as a literal of SQL, whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def as_comment(text: str) -> str:
    """A text as lines of comment, which nothing that it names can end."""
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"-- {line}" for line in lines)


def copy_objects(option: str, pattern: str, who: str) -> str:
    """The command that copies objects, with the rows in them, from the baseline to the target.

    Args:
        option: which option of pg_dump names them.
        pattern: their names as SQL.
        who: who runs it, and what it risks.
    """
    # Within the quotes of an identifier a pattern has no wildcards; without them it has but those of plain names.
    if not pattern.isprintable():
        return ""
    named = shlex.quote(f"--{option}={pattern}")
    return f'{as_comment(who)}\n{SHELL}\npg_dump {named} "$BASELINE" | psql -X -v ON_ERROR_STOP=1 "$TARGET"'
