"""How the rows of a table become again what they were: copied with psql from the baseline to the target, by key.

A repair names keys and never values: what rows hold goes from one database to the other, past whoever reads this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from postmigration.diff.row_diff import Comparison
from postmigration.diff.row_sets import Row
from postmigration.model.sqltext import BASELINE, DECISION, TARGET, as_comment, literal, quoted

# So many keys are written out; of more rows all of the table travel, and the rest is found there.
_KEYS = 200
_HELD = "postmigration_rows"


@dataclass(frozen=True)
class TableRows:
    """A table whose rows are to become again what they were.

    Args:
        title: what it is called.
        compared: the columns that were compared, the key's first.
        before, after: what it is called in SQL on each side.
        columns: those that can be written and that both sides have.
        key: those of them that identify a row; none where nothing does.
        want: a query on the baseline for the key, and for columns that are to hold something else than before.
        altered: these columns. Where it gives NULL for one, any value may stand there, and none is written.
        shown: the values of the key say nothing of a person, so that they may be written out.
        zone: in which time zone a time without one is meant, where a column has one on one side only; empty where none
            does.
    """

    title: str
    compared: Sequence[str]
    before: str
    after: str
    columns: Sequence[str]
    key: Sequence[str]
    want: str = ""
    altered: Collection[str] = field(default_factory=frozenset)
    shown: bool = True
    zone: str = ""


def find_zone(types: Iterable[tuple[str, str]], zone: str) -> str:
    """The time zone that a repair has to name, or nothing: where a column had a time zone or has one, and not both.

    Args:
        types: those of each column, before and now.
        zone: the one in which such values were compared.
    """
    return zone if any(("with time zone" in was) != ("with time zone" in now) for was, now in types) else ""


def repair_rows(table: TableRows, found: Comparison) -> str:
    """The SQL that brings back what is missing and what was changed, and offers to delete what was not there.

    Args:
        found: what differs.
    """
    names = [table.before, table.after, *table.columns]
    # A command of psql ends with its line, and so would a comment in the project's query end it.
    if not table.columns or not all(name.isprintable() for name in names) or (table.altered and "--" in table.want):
        return ""
    if not table.key:
        return _replace_all(table, found)
    return _repair_by_key(table, found)


def _repair_by_key(table: TableRows, found: Comparison) -> str:
    counts = found.counts
    keys: dict[str, list[Row]] = {kind: [] for kind in counts}
    changed: dict[str, list[Row]] = {}
    for difference in found.differences:
        keys[difference.kind].append(difference.key)
        for place in difference.columns():
            changed.setdefault(table.compared[place], []).append(difference.key)
    listed = table.shown and found.wrong <= min(_KEYS, len(found.differences))
    if not listed:
        keys, changed = {kind: [] for kind in counts}, {column.name: [] for column in found.columns}
    changed = {n: k for n, k in changed.items() if n in table.columns and n not in table.key and counts["changed"]}
    if not counts["missing"]:
        # Of rows that are there no more travels than what is set back.
        table = replace(table, columns=[name for name in table.columns if name in changed or name in table.key])
    lines = []
    if counts["missing"]:
        names = _list(table.columns)
        lines += [
            f"INSERT INTO {table.after} ({names}) OVERRIDING SYSTEM VALUE",
            f"  SELECT {names} FROM {_HELD} w WHERE NOT EXISTS (SELECT FROM {table.after} t WHERE {_same(table)});",
        ]
    for name, of_name in changed.items():
        lines.append(_update(table, name, of_name))
    if counts["extra"]:
        # Whether somebody has added them since, no comparison can tell.
        where = _where(table, "t", keys["extra"]) or f"NOT EXISTS (SELECT FROM {_HELD} w WHERE {_same(table)})"
        lines.append(f"{DECISION}DELETE FROM {table.after} t WHERE {where};")
    if not lines:
        return ""
    begin = [TARGET, *_BEGIN, *_set_zone(table)]
    copied = any(_HELD in line for line in lines)
    if copied:
        begin = _copy_rows(table, [*keys["missing"], *keys["changed"]])
    undecided = all(line.startswith(DECISION) for line in lines)
    return "\n".join([_head(table, found, copied=copied, undecided=undecided), *begin, *lines, "COMMIT;"])


def repair_lost_column(table: TableRows, name: str, type_: str, *, filled: bool) -> str:
    """The SQL that brings a column back with the values that it held.

    Args:
        table: with the columns of its key and this one.
        filled: it was NOT NULL.
    """
    if not table.key or not all(text.isprintable() for text in (table.before, table.after, *table.columns)):
        return ""
    alter = f"ALTER TABLE {table.after}"
    add = f"{alter} ADD COLUMN IF NOT EXISTS {quoted(name)} {type_};"
    lines = [
        as_comment(
            f"the DBA, as a superuser: the column {name} of {table.title} with its values of the baseline; rows that "
            "are new since have none. It locks the table meanwhile. Delete the file afterwards: it holds rows"
        ),
        *_copy_rows(table, [], add),
        _update(table, name, []),
        *([f"{alter} ALTER COLUMN {quoted(name)} SET NOT NULL;"] if filled else []),
        "COMMIT;",
    ]
    return "\n".join(lines)


_BEGIN = (
    "BEGIN;",
    "-- No trigger fires (an audit trail would record the repair), and no foreign key is checked: judge again.",
    "SET LOCAL session_replication_role = replica;",
)


def _copy_rows(table: TableRows, keys: Sequence[Row], *first: str) -> list[str]:
    """Brings rows of before to the target, into a table of the transaction.

    Args:
        keys: those of the rows; all rows where there are none.
        first: what is done on the target before.
    """
    names = _list(table.columns)
    source, columns = table.before, names
    if table.altered:
        others = [name for name in table.columns if name not in table.altered]
        wanted = [f"x.{quoted(name)}" for name in table.columns if name in table.altered]
        same = " AND ".join(f"x.{quoted(name)} = b.{quoted(name)}" for name in table.key)
        ordered = [*(f"b.{quoted(name)}" for name in others), *wanted]
        names = _list([*others, *(name for name in table.columns if name in table.altered)])
        want = table.want.replace("\n", " ")
        source, columns = f"{table.before} b JOIN ({want}) x ON {same}", ", ".join(ordered)
        where = _where(table, "b", keys)
    else:
        source, where = f"{table.before} b", _where(table, "b", keys)
    file = re.sub(r"\W+", "_", table.title) + ".rows"
    copy = f"\\copy (SELECT {columns} FROM {source}{f' WHERE {where}' if where else ''}) TO {literal(file)}"
    return [
        BASELINE,
        *(["BEGIN;", *_set_zone(table), copy, "COMMIT;"] if table.zone else [copy]),
        TARGET,
        *_BEGIN,
        *_set_zone(table),
        *first,
        f"CREATE TEMPORARY TABLE {_HELD} ON COMMIT DROP AS SELECT {_list(table.columns)} FROM {table.after} "
        "WITH NO DATA;",
        f"\\copy {_HELD} ({names}) FROM {literal(file)}",
    ]


def _set_zone(table: TableRows) -> list[str]:
    """Has the session read and write times without a zone as they were compared, whatever its own zone is."""
    return [f"SET LOCAL TimeZone = {literal(table.zone)};"] if table.zone else []


def _update(table: TableRows, name: str, keys: Sequence[Row]) -> str:
    column = quoted(name)
    where = [_same(table), f"t.{column}::text IS DISTINCT FROM w.{column}::text"]
    if name in table.altered:
        where.append(f"w.{column} IS NOT NULL")
    if keys:
        where.append(_where(table, "t", keys))
    return f"UPDATE {table.after} t SET {column} = w.{column} FROM {_HELD} w WHERE {' AND '.join(where)};"


def _replace_all(table: TableRows, found: Comparison) -> str:
    """Of a table whose rows nothing identifies: what is missing is added, and what is extra is for a person."""
    if found.counts["changed"]:
        return ""
    names = _list(table.columns)
    head = _head(table, found, copied=True, undecided=bool(found.counts["extra"]))
    lines = [head, *_copy_rows(table, [])]
    if found.counts["extra"]:
        lines += [
            "-- Nothing tells its rows apart: all of them are exchanged for those of before.",
            f"{DECISION}DELETE FROM {table.after};",
            f"{DECISION}INSERT INTO {table.after} ({names}) SELECT {names} FROM {_HELD};",
        ]
    else:
        lines.append(
            f"INSERT INTO {table.after} ({names}) "
            f"SELECT {names} FROM {_HELD} EXCEPT ALL SELECT {names} FROM {table.after};"
        )
    return "\n".join([*lines, "COMMIT;"])


def _head(table: TableRows, found: Comparison, *, copied: bool, undecided: bool) -> str:
    """Who runs it, what it does and what it risks.

    Args:
        copied: rows travel from the baseline.
        undecided: it does nothing until somebody has decided.
    """
    missing, changed, extra = (found.counts[kind] for kind in ("missing", "changed", "extra"))
    decides = f"decides of {extra:,} that {'was' if extra == 1 else 'were'} not there"
    if undecided:
        decides = f"deletes {extra:,} {'row' if extra == 1 else 'rows'} of {table.title} not there before"
    does = [
        f"adds {missing:,} missing {'row' if missing == 1 else 'rows'} of {table.title} from the baseline"
        * bool(missing),
        f"sets {changed:,} {'row' if changed == 1 else 'rows'} of {table.title} back to the baseline" * bool(changed),
        decides * bool(extra),
    ]
    risks = ["a row that somebody deleted on purpose since comes back" * bool(missing)]
    risks += ["what was written to these columns since is overwritten" * bool(changed)]
    risk = "; ".join(filter(None, risks)) or "what somebody added since is lost"
    does_what = "changed" if missing else "deleted"
    waits = f'nothing is {does_what} until you remove the "{DECISION.strip()}", once product has decided: ' * undecided
    where = "It is run on the target"
    if copied:
        where = "The first part is run on the baseline, the second on the target, in the same directory"
    return as_comment(
        f"{waits}the DBA, as a superuser, {' and '.join(filter(None, does))}. Risk: {risk}. {where}. Enable "
        "disabled triggers after it, not before: they would fire for it"
        f"{'. Delete the file when it is done, since it holds rows.' * copied}"
    )


def _where(table: TableRows, alias: str, keys: Sequence[Row]) -> str:
    if not keys:
        return ""
    names = ", ".join(f"{alias}.{quoted(name)}" for name in table.key)
    # Numbers as texts: the shorter ones first.
    ordered = sorted(keys, key=lambda key: [(len(value or ""), value or "") for value in key])
    values = ", ".join(f"({', '.join(literal(value or '') for value in key)})" for key in ordered)
    return f"({names}) IN ({values})"


def _same(table: TableRows) -> str:
    return " AND ".join(f"t.{quoted(name)} = w.{quoted(name)}" for name in table.key)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))
