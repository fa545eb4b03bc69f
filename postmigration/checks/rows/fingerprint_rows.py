"""Whether every table holds the rows that a fingerprint of the state before stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, count, list_names
from postmigration.checks.contents.tables import Relation, explain_few, read_tables, title
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_fingerprint import OTHERS, DeclaredRows, list_declared
from postmigration.checks.rows.declared_flows import show_declared
from postmigration.checks.rows.new_ids import find_references_to_new_ids, list_renewed
from postmigration.diff.expected_rows import expectation
from postmigration.diff.findings import of_buckets
from postmigration.diff.fingerprint import WERE, Fingerprint, TableFingerprint, diff_fingerprint
from postmigration.model.changes import Change
from postmigration.model.errors import NotJudged
from postmigration.model.evidence import Subject, show_value
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.ledgers import holds_ledger_alone
from postmigration.postgres.refusals import describe_refusal


def examine(
    after: Snapshot,
    before: Fingerprint,
    schemas: Collection[str] = (),
    *,
    keep: int = 5,
    show_values: bool = False,
    changes: Sequence[Change] = (),
) -> Examination:
    """Compares all tables that a fingerprint holds.

    Args:
        schemas: those that are judged: of a table in them that the fingerprint knows and holds no rows of, nothing is
            proven.
        keep: of how many buckets that differ to tell the keys.
        show_values: values that may describe a person are shown.
        changes: what a migration declares of the tables: what it makes of rows, a fingerprint tells that was taken
            where it was declared.
    """
    found = Examination()
    declared = Declared(changes)
    tables = read_tables(after, [before.schema])
    _tell_unheld(before, schemas, found)
    if not (before.tables or found.unjudged):
        found.inapplicable = "the fingerprint holds no table"
        return found
    if before.tables and not any(relation.is_table for relation in tables.values()):
        rows = sum(table.rows for table in before.tables.values())
        names = list_names(sorted(before.tables))
        found.find(f"all {count(len(before.tables), 'table')} are lost, with {count(rows, 'row')}: {names}", wrong=rows)
        return found
    ids = list_renewed(changes)
    renewed = {(c.schema, c.table) for c in ids} | {name[:2] for name in find_references_to_new_ids(after, ids)}
    ledgers: list[str] = []
    excused: list[str] = []
    held = {(each.schema, each.name) for each in before.declared}
    touched = {key for key in list_declared(declared) if key in held or declared.of(key).moves}
    for name, table in sorted(before.tables.items()):
        key = (before.schema, name)
        now = tables.get(key)
        if key in declared.ignored or (key in declared.gone and now is None):
            excused.append(name)
            continue
        called = declared.renamed.get(key, key)
        if called in renewed:
            words = "it has new ids or refers to such, and what its rows are known by no hash tells"
            found.unjudged.append(f"{title(called)}: {words}: name {OTHERS}")
            continue
        if called in touched or key in declared.renamed or declared.of(key).changes_rows:
            touched.add(called)
            continue
        if holds_ledger_alone(before.schema, name, table.columns):
            ledgers.append(name)
        elif now is None:
            if table.rows:
                words = f"{name}: the table is lost, with {count(table.rows, 'row')}"
                found.find(
                    words, wrong=table.rows, examined=table.rows, code="table_lost", subject=Subject.of_table(*key)
                )
            else:
                found.notes.append(f"{name} is lost, and was empty")
        elif not now.is_table:
            words = f"{name}: it was a table with {count(table.rows, 'row')}, and is none"
            found.find(words, wrong=max(1, table.rows), code="table_lost", subject=Subject.of_table(*key))
        elif now.hindrance:
            found.unjudged.append(f"{name}: {now.hindrance}")
        else:
            _compare(after, before, table, now, found, keep, show_values, declared.of(key).gone)
    found.tell("rows not compared, what a migration tool has done stands there", ledgers)
    found.tell("rows not compared, as declared", excused)
    moved = DeclaredRows(after, before, declared, found, keep=keep, show_values=show_values)
    for key in sorted(touched):
        moved.compare(key)
    found.overviews += show_declared(declared, moved.used)
    new = [
        r.title
        for key, r in tables.items()
        if r.is_table and not r.partition and key[1] not in before.tables and key not in touched
    ]
    found.tell("new, and compared with nothing", new)
    found.notes += [after.alone] if after.alone else []
    return found


def _tell_unheld(before: Fingerprint, schemas: Collection[str], found: Examination) -> None:
    """Tells of the tables that were there, and whose rows the fingerprint does not hold."""
    objects = before.objects or {}
    filled = {facts["of"] for name, facts in objects.items() if name.kind == "column"}
    unheld: dict[str, list[str]] = defaultdict(list)
    for name, facts in sorted(objects.items()):
        if name.kind == "table" and name.schema in schemas and name in filled and "partition of" not in facts:
            if name.schema != before.schema:
                unheld[name.schema].append(name.name)
            elif name.name not in before.tables:
                words = "the fingerprint holds no rows of it, and lists it as a table: it was changed, take it again"
                found.unjudged.append(f"{title((name.schema, name.name))}: {words}")
    if unheld:
        names = [title((schema, name)) for schema, those in unheld.items() for name in those]
        found.unjudged.append(
            f"{list_names(names)}: the fingerprint holds rows of schema {before.schema} alone: judge that with "
            f"--schema={before.schema}, or name {OTHERS}"
        )


def _compare(
    after: Snapshot,
    before: Fingerprint,
    table: TableFingerprint,
    now: Relation,
    found: Examination,
    keep: int,
    show_values: bool,
    gone: Collection[str],
) -> None:
    lost = [column for column in table.columns if column not in now.columns]
    found.tell(f"{table.name}: new columns", [name for name in now.columns if name not in table.columns])
    try:
        if lost:
            _compare_numbers(after, table, now, [column for column in lost if column not in gone], found)
            return
        expected = expectation(None, table.facts(), before.schema)
        result = diff_fingerprint(after, before, table, WERE, expected, "infinity", keep=keep)
    except sa.exc.DBAPIError as error:
        found.unjudged.append(f"{table.name}: {describe_refusal(error)}")
        return
    except NotJudged as error:
        found.unjudged.append(f"{table.name}: {error}")
        return
    found.tables += 1
    found.rows += max(result.want_rows, result.have_rows)
    if result.want_rows and not result.have_rows:
        words = f"{table.name}: it is empty, and held {count(table.rows, 'row')}"
        remarks = tuple(explain_few(0, now))
        subject = Subject.of_table(before.schema, table.name, traits=("as_before", "sentence"), remarks=remarks)
        found.find("; ".join([words, *remarks]), wrong=table.rows, code="empty_table", subject=subject)
    elif result.different and (others := _list_rewritten(table, now)):
        if result.want_rows != result.have_rows:
            words = f"{table.name}: it has {count(result.have_rows, 'row')}, and held {table.rows:,}"
            found.find(words, wrong=abs(result.want_rows - result.have_rows))
        found.unjudged.append(f"{table.name}: {others[0]}, which may write a value otherwise: name {OTHERS}")
    elif result.different:

        def mask(text: str | None, name: str) -> str:
            return show_value(text, plain=show_values or name in result.plain)

        remarks = tuple(explain_few(result.have_rows, now)) if result.have_rows < result.want_rows else ()
        words = "; ".join([f"{table.name}: rows differ from the fingerprint", *remarks])
        subject = Subject.of_table(before.schema, table.name, traits=("as_before", "sentence"), remarks=remarks)
        found.findings.append(of_buckets(result, table.key, words, mask, result.sql, subject))


def _list_rewritten(table: TableFingerprint, now: Relation) -> list[str]:
    """The columns that were hashed as text and have another type, which may write the same value otherwise."""
    texts = [name for name, _, as_it_is in table.hashed[WERE] if not as_it_is]
    types = {name: (table.columns[name][0], now.columns[name].type) for name in texts}
    return [f"{name} was {was} and is {type_}" for name, (was, type_) in types.items() if was != type_]


def _compare_numbers(
    after: Snapshot, table: TableFingerprint, now: Relation, lost: list[str], found: Examination
) -> None:
    """Compares how many rows a table has whose hashes cannot be repeated, since columns are lost."""
    rows = after.count(f"SELECT count(*) FROM {now.sql}")
    found.rows += max(rows, table.rows)
    for column in lost:
        if table.rows:
            found.find(f"{table.name}.{column}: the column is lost, and the table held {count(table.rows, 'row')}")
    if rows != table.rows:
        found.find(f"{table.name}: it has {count(rows, 'row')}, and held {table.rows:,}", wrong=abs(rows - table.rows))
    found.notes.append(f"{table.name}: without the lost columns a fingerprint tells no more than the number of rows")
