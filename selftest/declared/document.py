"""Writes docs/changes.md from the types of declared changes, as `python -m selftest.declared.document > FILE`."""

import inspect
import re
import textwrap

import msgspec

from postmigration.model.changes import PERMISSIONS, Change

BEGIN = """\
# The changes that a migration declares

Whatever differs from the state before and is not declared is a finding. A change is an entry `[[change]]` of
`migration.toml`, or an object of `postmigration.changes` in `Migration(changes=[…])`, with the same fields.

- Each has a `reason`, or names a `group`, whose reason stands in `[reasons]`. A change without one is refused.
- In `migration.toml`, `table`, `column` and `object` may be several names: `column = ["seen", "score"]` is a change of
  each, and all have one reason.
- Names of tables and columns are names and never SQL: `table = "Order"` is the table that SQL calls `"Order"`. The
  table is in the schema `public`, or in that of `schema`.
- `key`, `columns`, `value`, `where` and `after` are SQL: one expression over a row `r` of the state before, or a
  row `t` of the database that is judged. It runs with `search_path = pg_catalog` in a snapshot that can only read:
  tables and functions that are not PostgreSQL's own are named with their schema.
- A value that is declared is exact: text to the last byte, a number with all its digits, a time with its microseconds.
- The report says of each change how many rows it concerns, and of each permission whether anything used it: a
  `changed_object` that nothing used is a warning, where the state before is a database.
- A fingerprint as the state before judges them too, if it was taken in the directory of the project with these changes
  declared: it then holds the hashes of the rows that they must make of those of before. Not judged are tables with
  `grows`, `history_table` or `shrinks`, and those of which a column has a type that writes a value otherwise than the
  declared SQL gives it (a time without its zone, a number that is rounded); `postmigration fingerprint` and the report
  name them.

An editor that reads JSON schemas (Taplo, Even Better TOML) completes the file with
[migration.schema.json](../postmigration/model/migration.schema.json). `postmigration init` writes the changes that it
finds.
"""
EXAMPLES = {
    "gone_table": 'table = "Booking"',
    "gone_column": 'table = "Payment"\ncolumn = "bookingId"',
    "new_table": 'table = "Stay"',
    "new_column": 'table = "Payment"\ncolumn = "stayId"',
    "renamed_table": 'table = "Room"\nto = "Unit"',
    "renamed_column": 'table = "Room"\ncolumn = "no"\nto = "number"',
    "moved_rows": """\
table = "Booking"
to = "Stay"
where = "r.kind = 'stay'"
key = { id = "'stay_' || r.id" }
columns = { guestEMail = 'r."eMail"', cents = "r.price * 100", createdAt = 'r."createdAt"' }""",
    "repointed_reference": """\
table = "Payment"
column = "bookingId"
to = "stayId"
parent = "Booking"
through = "Stay\"""",
    "new_ids": 'table = "Guest"\ncolumn = "id"\nby = ["eMail"]',
    "derived_value": 'table = "Room"\ncolumn = "large"\nvalue = "r.beds > 2"',
    "retyped": 'table = "Payment"\ncolumn = "isRefund"',
    "may_change": 'table = "Payment"\ncolumn = "reviewed"\nwhere = "r.id % 3 = 0"\nafter = "t.id % 3 = 0"',
    "grows": 'table = "Event"\nwhere = "t.what LIKE \'migrated%\'"',
    "shrinks": 'table = "Draft"\nwhere = "r.stale"',
    "history_table": 'table = "Event"',
    "ignored": 'table = "Cache"',
    "changed_object": 'object = "policy read_* on public.orders"',
}


def make_page() -> str:
    """The page."""
    kinds = Change.__args__
    parts = [BEGIN, "\n## What must have happened\n"]
    parts += [_describe(kind) for kind in kinds if kind not in PERMISSIONS]
    parts += ["\n## What may have happened\n"]
    parts += [_describe(kind) for kind in kinds if kind in PERMISSIONS]
    return "".join(parts)


def _describe(kind: type[msgspec.Struct]) -> str:
    tag = str(kind.__struct_config__.tag)
    text = inspect.cleandoc(kind.__doc__ or "")
    words, _, fields = text.partition("\nArgs:\n")
    example = f'[[change]]\nkind = "{tag}"\n{EXAMPLES[tag]}\nreason = "…"'
    lines = [f"\n### `{tag}`: `{kind.__name__}`\n", *textwrap.wrap(" ".join(words.split()), 120)]
    lines += ["", "| field | |", "| --- | --- |"]
    joined = re.sub(r"\n +", " ", textwrap.dedent(fields))
    for line in joined.strip().splitlines():
        name, _, meaning = line.strip().partition(": ")
        lines.append(f"| `{name}` | {' '.join(meaning.split())} |")
    return "\n".join([*lines, "", "```toml", example, "```", ""])


if __name__ == "__main__":
    print(make_page(), end="")
