"""The tables of a platform that hold rows of the application: whoever signs in, and what they have stored."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, count
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import RowSet
from postmigration.model.errors import NotJudged
from postmigration.model.platform import PlatformTable
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot, refused_because
from postmigration.postgres.schemas import find_platform


def examine(before: Snapshot, after: Snapshot, schemas: Collection[str]) -> Examination:
    """Compares by key the tables of a platform that hold rows of the application.

    Args:
        schemas: those that are compared whole, so that there is nothing to do here.
    """
    found = Examination()
    for table in find_platform(before, after).tables:
        name = f"{quoted(table.schema)}.{quoted(table.table)}"
        if table.schema in schemas or not before.scalar("SELECT to_regclass(:name)", name=name):
            continue
        try:
            _compare(table, name, before, after, found)
        except sa.exc.DBAPIError as error:
            found.unjudged.append(f"{name}: {refused_because(error)}")
        except NotJudged as error:
            found.unjudged.append(f"{name}: {error}")
    if not found.tables and not found.unjudged:
        found.inapplicable = "no platform is known here that holds rows of the application"
    return found


def _compare(table: PlatformTable, name: str, before: Snapshot, after: Snapshot, found: Examination) -> None:
    rows = before.counted(f"SELECT count(*) FROM {name}")
    found.tables += 1
    found.rows += rows
    if not after.scalar("SELECT to_regclass(:name)", name=name):
        if rows:
            found.find(f"{name}: the table is gone, and held {count(rows, 'row')}", wrong=rows, examined=rows)
        return
    there = after.types(f"SELECT * FROM {name}")
    shared = [column for column in before.types(f"SELECT * FROM {name}") if column in there]
    columns = (*table.key, *(column for column in shared if column not in table.key))
    rows_of = RowSet(f"SELECT {', '.join(map(quoted, columns))} FROM {name}", columns, len(table.key))
    differences = Sides(before, after, rows_of, rows_of).compared(keep=0)
    if missing := differences.counts["missing"]:
        found.find(f"{name}: {count(missing, 'row')} of {rows:,} lost", wrong=missing, examined=rows)
    if changed := differences.counts["changed"]:
        found.notes.append(f"{name}: values of {count(changed, 'row')} are other ones")
    if extra := differences.counts["extra"]:
        found.notes.append(f"{name}: {count(extra, 'new row')}")
