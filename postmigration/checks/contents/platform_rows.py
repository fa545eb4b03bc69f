"""The tables of a platform that hold rows of the application: whoever signs in, and what they have stored."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, count
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import RowSet
from postmigration.model.errors import NotJudged
from postmigration.model.evidence import Finding, Subject
from postmigration.model.platform import PlatformTable
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal
from postmigration.postgres.schemas import find_platform, read_inhabitants


def examine(before: Snapshot, after: Snapshot, schemas: Collection[str]) -> Examination:
    """Compares by key the tables of a platform that hold rows of the application.

    Args:
        schemas: those that are compared whole, so that there is nothing to do here.
    """
    found = Examination()
    platform = find_platform(before, after)
    for table in platform.tables:
        name = f"{quoted(table.schema)}.{quoted(table.table)}"
        if table.schema in schemas or not before.scalar("SELECT to_regclass(:name)", name=name):
            continue
        try:
            _compare(table, name, before, after, found)
        except sa.exc.DBAPIError as error:
            found.unjudged.append(f"{name}: {describe_refusal(error)}")
        except NotJudged as error:
            found.unjudged.append(f"{name}: {error}")
    _count_strangers(before, after, platform.schemas - {*schemas}, found)
    if not found.tables and not found.unjudged:
        found.inapplicable = "no platform is known here that holds rows of the application"
    return found


def _compare(table: PlatformTable, name: str, before: Snapshot, after: Snapshot, found: Examination) -> None:
    rows, of = before.count(f"SELECT count(*) FROM {name}"), (table.schema, table.table)
    found.tables += 1
    found.rows += rows
    if not after.scalar("SELECT to_regclass(:name)", name=name):
        if rows:
            words = f"{name}: the table is gone, and held {count(rows, 'row')}"
            found.find(words, wrong=rows, examined=rows, code="table_lost", subject=Subject.of_table(*of))
        return
    there = after.types(f"SELECT * FROM {name}")
    shared = [column for column in before.types(f"SELECT * FROM {name}") if column in there]
    columns = (*table.key, *(column for column in shared if column not in table.key))
    rows_of = RowSet(f"SELECT {', '.join(map(quoted, columns))} FROM {name}", columns, len(table.key))
    differences = Sides(before, after, rows_of, rows_of).compare(keep=0)
    if missing := differences.counts["missing"]:
        words = f"{name}: {count(missing, 'row')} of {rows:,} lost"
        found.find(words, wrong=missing, examined=rows, code="missing_rows", subject=Subject.of_table(*of))
    if changed := differences.counts["changed"]:
        found.notes.append(f"{name}: values of {count(changed, 'row')} are other ones")
    if extra := differences.counts["extra"]:
        found.notes.append(f"{name}: {count(extra, 'new row')}")


def _count_strangers(before: Snapshot, after: Snapshot, schemas: Collection[str], found: Examination) -> None:
    """Counts the rows of tables in a platform's schemas that are none which it is known to have.

    They may be the application's, or of a newer version of the platform, so that what they have lost is only warned of.
    """
    for schema, table in sorted(read_inhabitants(before).find_strangers()):
        if schema not in schemas:
            continue
        name = f"{quoted(schema)}.{quoted(table)}"
        try:
            rows = before.count(f"SELECT count(*) FROM {name}")
            there = bool(after.scalar("SELECT to_regclass(:name)", name=name))
            left = after.count(f"SELECT count(*) FROM {name}") if there else 0
        except sa.exc.DBAPIError as error:
            found.notes.append(f"{name}: {describe_refusal(error)}")
            continue
        found.tables += 1
        found.rows += rows
        if left < rows:
            lost = f"has {count(left, 'row')} of {rows:,}" if there else f"is gone, and held {count(rows, 'row')}"
            words = f"{name} {lost}, in a schema of the platform, which is not known to have such a table"
            found.findings.append(Finding(words, rows - left, rows, severity="warning"))
