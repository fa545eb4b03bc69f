"""Rows that differ, as evidence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from postmigration.diff.fingerprint_contents import FingerprintComparison
from postmigration.diff.row_diff import ColumnCount, Comparison
from postmigration.diff.row_sets import Difference
from postmigration.model.evidence import UNKNOWN, Finding, Subject, show_value
from postmigration.model.sqltext import quoted

# Of so many columns it is told in how many rows they differ.
_COLUMNS = 5
# A query that people paste names so many rows.
_MOST_KEYS = 100
# Shows the value of a column.
Mask = Callable[[str | None, str], str]


def find_code(
    differences: Sequence[Difference], columns: Sequence[str], key: int, unique: Collection[str], plain: Collection[str]
) -> int | None:
    """Finds the column by which people know these rows, beside their key; None where there is none.

    Of what kind a text is, its form does not tell: the number of an order looks like that of a car.

    Args:
        columns: what was compared.
        key: how many leading columns identify a row.
        unique: columns each of which alone identifies a row.
        plain: columns whose values say nothing of a person.
    """
    held = [row for d in differences if (row := d.want or d.have) is not None]
    for i, name in enumerate(columns):
        if i < key or name not in unique:
            continue
        if name in plain and any(row[i] for row in held):
            return i
    return None


def as_evidence(
    differences: Sequence[Difference], columns: Sequence[str], mask: Mask, code: int | None = None
) -> Iterator[tuple[str, ...]]:
    """For each value that differs: the key, the kind of difference, the column, the value wanted and the value found.

    Args:
        mask: shows the value of a column.
        code: the position of a column that is shown beside the key, unmasked.
    """
    for difference in differences:
        key = [mask(value, name) for name, value in zip(columns, difference.key, strict=False)]
        if code is not None:
            key.append(show_value((difference.want or difference.have or ())[code], plain=True))
        if difference.want is None or difference.have is None:
            # A row that is missing or extra has no value that differs.
            yield (*key, difference.kind, "", "–", "–")
            continue
        for i in difference.columns():
            values = (mask(side[i], columns[i]) for side in (difference.want, difference.have))
            yield (*key, difference.kind, show_value(columns[i], plain=True), *values)


def of_rows(
    found: Comparison,
    columns: Sequence[str],
    key: int,
    examined: int,
    statement: str,
    mask: Mask,
    query: str,
    *,
    subject: Subject = UNKNOWN,
    known_by: int | None = None,
) -> Finding:
    """What was found of rows that differ: for each value that does the key, both values and the kind of difference.

    Args:
        subject: whose rows these are.
        known_by: see `find_code`.
    """
    known = () if known_by is None else (columns[known_by],)
    fields = (*columns[:key], *known, "difference", "column", "want", "have")
    rows = tuple(as_evidence(found.differences, columns, mask, known_by))
    statement += _describe_columns(found)
    changed = tuple((show_value(column.name, plain=True), _describe_damage(column)) for column in found.columns)
    subject = replace(subject, changed=changed)
    examined, code = max(examined, found.wrong), _name_kind(found)
    return Finding(statement, found.wrong, examined, fields, rows, query, code=code, subject=subject)


def _name_kind(found: Comparison) -> str:
    if found.want_rows and not found.have_rows:
        return "empty_table"
    kinds = [kind for kind, number in found.counts.items() if number]
    names = {"missing": "missing_rows", "extra": "extra_rows", "changed": "changed_values"}
    return names[kinds[0]] if len(kinds) == 1 else "different_rows"


def _describe_columns(found: Comparison) -> str:
    """In how many of the rows that differ each column does, where that says more than their names."""
    said = []
    for column in found.columns:
        damage, name = _describe_damage(column), show_value(column.name, plain=True)
        said.append(f"{name} {column.rows:,} of {found.counted:,}" + (f" ({damage})" if damage else ""))
    if len(said) < 2 and not any(column.nulls or column.damage for column in found.columns):
        return ""
    more = f", and {len(said) - _COLUMNS} more columns" if len(said) > _COLUMNS else ""
    part = f" in the first {found.counted:,}" if found.counted < found.counts["changed"] else ""
    return f"; by column{part}: {', '.join(said[:_COLUMNS])}{more}"


def _describe_damage(column: ColumnCount) -> str:
    notes = []
    if column.nulls == column.rows:
        notes.append("NULL now" if column.rows == 1 else "all NULL now")
    elif column.nulls:
        notes.append(f"{column.nulls:,} of them NULL now")
    return ", ".join([*notes, *([column.damage] if column.damage else [])])


def of_buckets(
    found: FingerprintComparison, key: Sequence[str], statement: str, mask: Mask, query: str, subject: Subject
) -> Finding:
    """What was found of buckets that differ: for each row in them its key, and how many rows both sides have there.

    Args:
        subject: whose rows these are.
    """
    buckets = {bucket.number: bucket for bucket in found.different}
    rows = tuple(
        (
            *(mask(value, name) for value, name in zip(values, key, strict=True)),
            str(number),
            f"{buckets[number].want_rows:,}",
            f"{buckets[number].have_rows:,}",
        )
        for number, *values in found.candidates
    )
    return Finding(
        f"{statement}: the keys of all rows in the first buckets that differ; {found.counts}",
        found.wrong,
        max(found.want_rows, found.have_rows, found.wrong),
        (*key, "bucket", "rows before", "rows now"),
        rows,
        query,
        code="different_rows",
        subject=subject,
    )


def of_keys(
    want: str,
    have: str,
    columns: Sequence[str],
    key: int,
    differences: Sequence[Difference],
    plain: Collection[str],
    *,
    table: str = "",
) -> str:
    """The query for those rows that differ, or for all where a key may tell of a person, in the columns that do.

    It is asked of the database that is judged, or of the state before where all of them are missing.

    Args:
        want, have: the queries for all rows of both sides.
        columns: what was compared.
        key: how many leading columns identify a row.
        plain: columns whose values say nothing of a person.
        table: the table that holds these rows on both sides, as SQL; empty where only the queries know them.
    """
    missing = all(difference.kind == "missing" for difference in differences)
    sql, side = (want, "baseline") if missing else (have, "target")
    where = "-- on the state before, where they are\n" if missing else ""
    differing = {i for d in differences if d.want is not None and d.have is not None for i in d.columns()}
    names = [quoted(name) for i, name in enumerate(columns) if i < key or i in differing or not differing]
    source = table or f"(\n{inspect.cleandoc(sql)}\n) AS {side}"
    query = f"{where}SELECT {', '.join(names)} FROM {source}"
    if not set(plain).issuperset(columns[:key]):
        return query
    keys = sorted({difference.key for difference in differences}, key=str)
    literals = ", ".join(f"({', '.join(map(_literal, values))})" for values in keys[:_MOST_KEYS])
    if len(keys) > _MOST_KEYS:
        query = f"-- {_MOST_KEYS:,} of the rows that differ\n{query}"
    return f"{query} WHERE ({', '.join(map(quoted, columns[:key]))}) IN ({literals})"


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
