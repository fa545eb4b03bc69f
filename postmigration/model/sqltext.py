"""SQL as text: with parameters, with identifiers quoted, and written out for psql and for people."""

from __future__ import annotations

import inspect
import re
import shlex
import textwrap
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# A dialect that doubles no percent signs: what it writes is for psql, not for a driver.
_DIALECT: sa.Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here


def statement(sql: str, parameters: Mapping[str, Any]) -> sa.TextClause:
    """SQL with those of the parameters that it names."""
    named = _find_named(sql, parameters)
    return _read(sql, named).bindparams(**named)


def _find_named(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if f":{name}" in sql}


def _read(sql: str, names: Collection[str]) -> sa.TextClause:
    # A colon anywhere else belongs to a cast, a literal or an identifier.
    return sa.text(re.sub(rf":(?!(?:{'|'.join(names)})\b)" if names else ":", r"\\:", sql))


def single(sql: str, parameters: Mapping[str, Any]) -> tuple[sa.TextClause, dict[str, Any]]:
    """SQL with those of the parameters that it names, sent so that the server takes it for one statement.

    psycopg sends what has no parameter by the simple protocol, by which several statements may come at once. One
    parameter, which stands in a comment, has the extended protocol used.

    Returns:
        The SQL, read once however often it is asked for, and the values of its parameters.
    """
    values = {**_find_named(sql, parameters), "postmigration_single": 0}
    types = tuple((name, sa.literal(value).type) for name, value in values.items())
    return _read_single(sql, types), values


@lru_cache(1 << 10)
def _read_single(sql: str, types: tuple[tuple[str, sa.types.TypeEngine[Any]], ...]) -> sa.TextClause:
    query = _read(f"{sql}\n-- :postmigration_single", [name for name, _ in types])
    return query.bindparams(*(sa.bindparam(name, type_=type_) for name, type_ in types))


def pasteable(sql: str, parameters: Mapping[str, Any]) -> str:
    """The SQL with its parameters written out, as it can be pasted into psql, without what limits nothing."""
    return _drop_endless(write_literals(statement(inspect.cleandoc(sql), parameters)))


# That a row is no younger than the end of time, and what of a condition is left where that is true of each row.
_END = r"CAST\('infinity' AS timestamptz\)"
_ENDLESS = (
    (re.compile(rf"[\w.]+ <= {_END} AND [\w.]+ > {_END}"), "false"),
    (re.compile(r"\(SELECT count\(\*\) FROM \w+ \w+ WHERE false\)"), "0"),
    (re.compile(rf"\((?:greatest\([^()]*\)|[\w.]+) <= {_END}\) IS NOT FALSE"), "true"),
)
_TRUE = (
    (re.compile(r"\([\w.]+ IS NULL OR true\)"), "true"),
    (re.compile(r"(?<!NOT )\btrue AND "), ""),
    (re.compile(r"\s+AND true(?=\s*(?:\)|$|AND\b|OR\b|AS\b|GROUP\b|ORDER\b))"), ""),
    (re.compile(r",\s*true AS unchanged_since_cutover\b"), ""),
    (re.compile(r"\s+AND NOT EXISTS \(SELECT FROM \w+ \w+ WHERE [\w.= ]+ AND NOT true\)"), ""),
)


def _drop_endless(sql: str) -> str:
    """A query without the condition that rows are older than a cut-over which has not been."""
    if "'infinity'" not in sql:
        return sql
    for pattern, rest in (*_ENDLESS, *_TRUE):
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
AFTER_ROWS = "-- run this after all repairs of rows"
# What is known of a repair before it is run; the lines stand before all else of it.
_BEFOREHAND = "-- beforehand: "
_WIDTH = 116


def tell_beforehand(words: str) -> str:
    """Words, or a query, as a line that stands before a repair."""
    return f"{_BEFOREHAND}{words}\n" if words.isprintable() else ""


def split_beforehand(repair: str) -> tuple[str, str]:
    """What is said of a repair before it is run, and the repair without that."""
    said = 0
    for line in repair.splitlines(keepends=True):
        if not line.startswith(_BEFOREHAND):
            break
        said += len(line)
    return repair[:said], repair[said:]


def literal(text: str) -> str:
    """A text as a literal of SQL, whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


_ROW_COLUMN = r"\br\.(?:\"((?:[^\"]|\"\")+)\"|(\w+))"


def list_row_columns(sql: str) -> list[str]:
    """The columns of a row `r` that some SQL names, in their order."""
    found = re.findall(_ROW_COLUMN, sql)
    return list(dict.fromkeys(quoted.replace('""', '"') or plain for quoted, plain in found))


def find_row_column(sql: str) -> str:
    """The column of a row `r` that some SQL is and nothing else; empty where it is another value."""
    return list_row_columns(sql)[0] if re.fullmatch(_ROW_COLUMN, sql.strip()) else ""


_GIVES_SEVERAL = r"\b(unnest|string_to_table|regexp_split_to_table|jsonb?_array_elements(_text)?)\s*\["


def gives_several(sql: str) -> bool:
    """Whether some SQL gives several values for one row: the elements of an array, or the parts of a text."""
    text, inner = re.sub(r"'(?:[^']|'')*'", "''", sql), ""
    while text != inner:
        # A query in parentheses gives one value, whatever it reads.
        text, inner = re.sub(r"\(([^()]*)\)", _replace_query, text), text
    return re.search(_GIVES_SEVERAL, text, re.IGNORECASE) is not None


def _replace_query(match: re.Match[str]) -> str:
    return "''" if re.match(r"\s*SELECT\b", match[1], re.IGNORECASE) else f"[{match[1]}]"


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


def copy_statements(query: str, who: str) -> str:
    """The command that runs on the target the statements that a query makes on the baseline, which nobody gets to see.

    Args:
        query: SQL on one line.
        who: who runs it, and what it risks.
    """
    if not query.isprintable():
        return ""
    asked = shlex.quote(query)
    return f'{as_comment(who)}\n{SHELL}\npsql -X -At -c {asked} "$BASELINE" | psql -X -q -v ON_ERROR_STOP=1 "$TARGET"'
