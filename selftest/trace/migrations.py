"""Random small migrations that do more than add: each step with the tables that it is about, and what must be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

_NAMES = ("Booking", "order_item", "Member Card", "GROUP", 'say "what"', "Place:Of", "größe", "event")
_WORDS = ("title", "displayName", "Full Name", "label:long", "select")


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass
class Table:
    """A table of before.

    Args:
        id, text, other, kind, note, amount, time: what its columns are called.
    """

    name: str
    id: str
    text: str
    other: str
    kind: str = "kind"
    note: str = "note"
    amount: str = "unitPrice"
    time: str = "createdAt"
    whole: bool = True

    @property
    def sql(self) -> str:
        return quote(self.name)


@dataclass
class Step:
    """One thing that a migration does.

    Args:
        before: SQL of the state before; `after`: what the migration does to it.
        expected: the changes that must be found, as they are described.
        damage: statements that damage the result, each with the table at which it must be found.
    """

    before: str
    after: str
    expected: tuple[str, ...]
    damage: tuple[tuple[str, str], ...]


@dataclass
class Maker:
    """Makes steps.

    Args:
        random: what decides.
    """

    random: Random
    number: int = 0
    rows: int = field(default=0)

    def table(self) -> tuple[Table, str]:
        """A table with rows, and its SQL."""
        self.number += 1
        random = self.random
        whole = random.random() < 0.6
        first, second = random.sample(_WORDS, 2)
        table = Table(
            f"{random.choice(_NAMES)}{self.number}",
            random.choice(("id", "Id", "number")),
            first,
            second,
            amount=random.choice(("unitPrice", "amount")),
            time=random.choice(("createdAt", "created_at")),
            whole=whole,
        )
        rows, offset, salt = random.randint(24, 60), random.choice((0, 100, 7_000)), random.randint(1, 10**9)
        key = f"g + {offset}" if whole else f"md5('{salt}' || g)::uuid"
        type_ = random.choice(("integer", "bigint")) if whole else "uuid"
        sql = f"""
            CREATE TABLE {table.sql} ({quote(table.id)} {type_} PRIMARY KEY, {quote(first)} text NOT NULL,
                {quote(second)} text NOT NULL, kind text NOT NULL, note text,
                {quote(table.amount)} numeric(10,2) NOT NULL, {quote(table.time)} timestamp NOT NULL);
            INSERT INTO {table.sql} SELECT {key}, 'Title ' || substr(md5('{salt}a' || g), 1, 6),
                substr(md5('{salt}b' || g % {rows // 2}), 1, 7) || '@Example.org',
                CASE WHEN g % 3 = 0 THEN 'rare' ELSE 'usual' END,
                CASE WHEN g % 4 > 1 THEN 'note ' || md5('{salt}' || g) END,
                g * {random.choice((1.25, 3.1))} + {random.randint(0, 99)},
                timestamp '2023-01-01' + g * interval '{random.randint(50, 500)}.123 minutes'
            FROM generate_series(1, {rows}) g;
        """
        return table, sql

    def new_name(self) -> str:
        self.number += 1
        return f"{self.random.choice(_NAMES)}{self.number}"


def rename_table(maker: Maker) -> Step:
    table, before = maker.table()
    to = maker.new_name()
    return Step(
        before,
        f"ALTER TABLE {table.sql} RENAME TO {quote(to)};",
        (f"renamed_table {table.name} to {to}",),
        (_change(to, table.text), _delete(to)),
    )


def rename_column(maker: Maker) -> Step:
    table, before = maker.table()
    old = maker.random.choice((table.text, table.note, table.amount))
    return Step(
        before,
        f"ALTER TABLE {table.sql} RENAME COLUMN {quote(old)} TO {quote('new ' + old)};",
        (f"renamed_column {table.name}.{old} to new {old}",),
        (_change(table.name, "new " + old if old != table.amount else table.text), _delete(table.name)),
    )


def drop_column(maker: Maker) -> Step:
    table, before = maker.table()
    return Step(
        before,
        f"ALTER TABLE {table.sql} DROP COLUMN note;",
        (f"gone_column {table.name}.note",),
        (_change(table.name, table.text), _delete(table.name)),
    )


def drop_table(maker: Maker) -> Step:
    table, before = maker.table()
    other, more = maker.table()
    return Step(
        before + more, f"DROP TABLE {table.sql};", (f"gone_table {table.name}",), (_change(other.name, other.text),)
    )


def _key(maker: Maker, table: Table) -> tuple[str, str]:
    """The type of a new key, and its value."""
    if maker.random.random() < 0.3:
        return ("bigint" if table.whole else "uuid"), quote(table.id)
    prefix = maker.random.choice(("ab_", "X-", "item", "it's:"))
    if not table.whole and prefix == "item":
        prefix = "item_"
    return "text", f"'{prefix.replace(chr(39), chr(39) * 2)}' || {quote(table.id)}"


def split(maker: Maker) -> Step:
    table, before = maker.table()
    after, expected, damage = "", [f"gone_table {table.name}"], []
    for kind in ("rare", "usual"):
        to = maker.new_name()
        type_, key = _key(maker, table)
        after += f"""
            CREATE TABLE {quote(to)} (id {type_} PRIMARY KEY, name text NOT NULL, note text, since timestamp NOT NULL,
                "cents" bigint NOT NULL, origin text NOT NULL);
            INSERT INTO {quote(to)} SELECT {key}, {quote(table.text)}, note, {quote(table.time)},
                {quote(table.amount)} * 100, 'split' FROM {table.sql} WHERE kind = '{kind}';
        """
        expected += [f"new_table {to}", f"moved_rows {table.name} to {to}"]
        damage += [_change(to, "name"), _change(to, "origin"), _delete(to)]
    return Step(before, f"{after} DROP TABLE {table.sql};", tuple(expected), tuple(damage))


def merge(maker: Maker) -> Step:
    first, before = maker.table()
    second, more = maker.table()
    to = maker.new_name()
    after = f"CREATE TABLE {quote(to)} (id text PRIMARY KEY, name text NOT NULL, mail text, since timestamp NOT NULL);"
    for prefix, table in (("one_", first), ("two_", second)):
        mail = quote(table.other) if table is first or maker.random.random() < 0.5 else "NULL"
        after += f"""
            INSERT INTO {quote(to)} SELECT '{prefix}' || {quote(table.id)}, {quote(table.text)}, {mail},
                {quote(table.time)} FROM {table.sql}; DROP TABLE {table.sql};
        """
    expected = [f"new_table {to}"]
    for table in (first, second):
        expected += [f"gone_table {table.name}", f"moved_rows {table.name} to {to}"]
    return Step(before + more, after, tuple(expected), (_change(to, "name"), _delete(to)))


def rekey(maker: Maker) -> Step:
    table, before = maker.table()
    child, to = maker.new_name(), maker.new_name()
    key = "integer" if table.whole else "uuid"
    before += f"""
        ALTER TABLE {table.sql} ALTER {quote(table.id)} TYPE {key};
        CREATE TABLE {quote(child)} (
            id integer PRIMARY KEY, "parentId" {key} REFERENCES {table.sql}, said text NOT NULL);
        INSERT INTO {quote(child)} SELECT row_number() OVER (ORDER BY {quote(table.id)}), {quote(table.id)}, 'said ' ||
            md5({quote(table.text)}) FROM {table.sql};
    """
    prefix = maker.random.choice(("ab_", "X-"))
    after = f"""
        CREATE TABLE {quote(to)} (key text PRIMARY KEY, {quote(table.text)} text NOT NULL, mail text, since timestamp);
        INSERT INTO {quote(to)} SELECT '{prefix}' || {quote(table.id)}, {quote(table.text)},
            lower({quote(table.other)}), {quote(table.time)} FROM {table.sql};
    """
    expected = [f"gone_table {table.name}", f"new_table {to}", f"moved_rows {table.name} to {to}"]
    expected.append(f"repointed_reference {child}.parentId through {to}")
    if maker.random.random() < 0.5:
        held = "parentId"
        after += f"""
            ALTER TABLE {quote(child)} DROP CONSTRAINT {quote(child + "_parentId_fkey")};
            ALTER TABLE {quote(child)} ALTER "parentId" TYPE text USING '{prefix}' || "parentId";
            ALTER TABLE {quote(child)} ADD FOREIGN KEY ("parentId") REFERENCES {quote(to)};
        """
    else:
        held = "newParent"
        after += f"""
            ALTER TABLE {quote(child)} ADD COLUMN "newParent" text REFERENCES {quote(to)};
            UPDATE {quote(child)} SET "newParent" = '{prefix}' || "parentId";
            ALTER TABLE {quote(child)} DROP COLUMN "parentId";
        """
        expected += [f"gone_column {child}.parentId", f"new_column {child}.newParent"]
    repoint = f"""
        UPDATE {quote(child)} SET {quote(held)} = (SELECT max(key) FROM {quote(to)}) WHERE id = (SELECT min(c.id)
        FROM {quote(child)} c WHERE {quote(held)} <> (SELECT max(key) FROM {quote(to)}))
    """
    damage = ((repoint, child), _change(to, "mail"), _change(child, "said"), _delete(child))
    return Step(before, f"{after} DROP TABLE {table.sql};", tuple(expected), damage)


def rekey_anew(maker: Maker) -> Step:
    """Rows get random ids; what they are known by is a text, or two columns together."""
    table, before = maker.table()
    child, other_child, to, moved = (maker.new_name() for _ in range(4))
    rows, salt = maker.random.randint(24, 60), maker.random.randint(1, 10**9)
    pair = maker.random.random() < 0.5
    tenant = "'tenant ' || md5('{0}' || g / 6)" if pair else "md5('{0}c' || g)"
    before += f"""
        ALTER TABLE {table.sql} ADD tenant text, ADD place text;
        WITH n AS (SELECT {quote(table.id)} AS id, row_number() OVER (ORDER BY {quote(table.id)}) AS g FROM {table.sql})
        UPDATE {table.sql} t SET tenant = {tenant.format(salt)}, place = 'place ' || md5('{salt}' || g % 6)
        FROM n WHERE n.id = t.{quote(table.id)};
    """
    type_ = "bigint" if table.whole else "uuid"
    for name in (child, other_child):
        before += f"""
            CREATE TABLE {quote(name)} (id int PRIMARY KEY, "parentId" {type_} REFERENCES {table.sql},
                said text NOT NULL);
            INSERT INTO {quote(name)} SELECT g, (SELECT {quote(table.id)} FROM {table.sql} ORDER BY md5('{salt}' || g ||
                {quote(table.id)}) LIMIT 1), 'said ' || md5('{salt}d' || g) FROM generate_series(1, {rows}) g;
        """
    known = "n.tenant = o.tenant AND n.place = o.place"
    parent = f'(SELECT n.key FROM {quote(to)} n JOIN {table.sql} o ON {known} WHERE o.{quote(table.id)} = c."parentId")'
    after = f"""
        CREATE TABLE {quote(to)} (key uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant text NOT NULL,
            place text NOT NULL, kind text);
        INSERT INTO {quote(to)} (tenant, place, kind) SELECT tenant, place, kind FROM {table.sql};
        ALTER TABLE {quote(child)} ADD "newParent" uuid REFERENCES {quote(to)};
        UPDATE {quote(child)} c SET "newParent" = {parent};
        ALTER TABLE {quote(child)} DROP "parentId";
        CREATE TABLE {quote(moved)} (id int PRIMARY KEY, owner uuid NOT NULL REFERENCES {quote(to)},
            words text NOT NULL);
        INSERT INTO {quote(moved)} SELECT 100 + id, {parent}, said FROM {quote(other_child)} c;
        DROP TABLE {quote(other_child)};
    """
    expected = [f"gone_table {table.name}", f"new_table {to}", f"moved_rows {table.name} to {to}", f"new_ids {to}.key"]
    expected += [f"gone_table {other_child}", f"new_table {moved}", f"moved_rows {other_child} to {moved}"]
    held = "newParent"
    if maker.random.random() < 0.5:
        held = "parentId"
        after += f'ALTER TABLE {quote(child)} RENAME "newParent" TO "parentId";'
    else:
        expected += [f"gone_column {child}.parentId", f"new_column {child}.newParent"]
    expected.append(f"repointed_reference {child}.parentId through {to}")

    def repoint(name: str, column: str) -> tuple[str, str]:
        last = f"(SELECT key FROM {quote(to)} ORDER BY key DESC LIMIT 1)"
        first = f"(SELECT min(id) FROM {quote(name)} WHERE {quote(column)} <> {last})"
        return f"UPDATE {quote(name)} SET {quote(column)} = {last} WHERE id = {first}", name

    damage = (
        repoint(child, held),
        repoint(moved, "owner"),
        _change(to, "kind"),
        _change(moved, "words"),
        _delete(child),
        _delete(moved),
    )
    return Step(before, f"{after} DROP TABLE {table.sql};", tuple(expected), damage)


def derive(maker: Maker) -> Step:
    table, before = maker.table()
    text, other = quote(table.text), quote(table.other)
    value, type_ = maker.random.choice(
        (
            (f"lower({other})", "text"),
            (f"{text} || ' / ' || {other}", "text"),
            ("'migrated'", "text"),
            ("CASE kind WHEN 'rare' THEN 'R' ELSE 'U' END", "text"),
            ("kind = 'rare'", "boolean"),
            (f"{quote(table.amount)} * 100", "bigint"),
            ("coalesce(note, 'none')", "text"),
            (f"'no. ' || {quote(table.id)}", "text"),
        )
    )
    after = f"ALTER TABLE {table.sql} ADD COLUMN made {type_}; UPDATE {table.sql} SET made = {value};"
    other_value = {"text": "made || 'x'", "boolean": "NOT made", "bigint": "made + 1"}[type_]
    wrong = f"UPDATE {table.sql} SET made = {other_value} WHERE {_one(table.name, 'made')}"
    expected = (f"new_column {table.name}.made", f"derived_value {table.name}.made")
    return Step(before, after, expected, ((wrong, table.name), _change(table.name, table.text)))


def derive_some(maker: Maker) -> Step:
    table, before = maker.table()
    text, other = quote(table.text), quote(table.other)
    value = maker.random.choice((f"{text} || '!'", other, "'rarity'"))
    column, after = table.text, ""
    if maker.random.random() < 0.5:
        column, after = "made", f"ALTER TABLE {table.sql} ADD COLUMN made text;"
    expected = (f"new_column {table.name}.made",) * bool(after) + (f"derived_value {table.name}.{column}",)
    after += f"UPDATE {table.sql} SET {quote(column)} = {value} WHERE kind = 'rare';"
    first = f"(SELECT min(ctid) FROM {table.sql} WHERE kind = 'usual')"
    usual = f"UPDATE {table.sql} SET {quote(column)} = 'x' WHERE ctid = {first}"
    return Step(before, after, expected, ((usual, table.name), _change(table.name, column), _delete(table.name)))


def retype(maker: Maker) -> Step:
    table, before = maker.table()
    column, type_ = maker.random.choice(
        (
            (table.amount, "text"),
            (table.amount, "numeric(12,4)"),
            (table.text, "varchar(200)"),
            (table.amount, "float8"),
        )
    )
    after = f"ALTER TABLE {table.sql} ALTER {quote(column)} TYPE {type_} USING {quote(column)}::{type_};"
    if maker.random.random() < 0.4 and table.whole:
        column = table.id
        after = f"ALTER TABLE {table.sql} ALTER {quote(column)} TYPE text USING 'n-' || {quote(column)};"
    return Step(
        before, after, (f"retyped {table.name}.{column}",), (_change(table.name, table.other), _delete(table.name))
    )


def extract(maker: Maker) -> Step:
    table, before = maker.table()
    to = maker.new_name()
    key = "bigint" if table.whole else "uuid"
    after = f"""
        CREATE TABLE {quote(to)} ("ownerId" {key} PRIMARY KEY, body text NOT NULL);
        INSERT INTO {quote(to)} SELECT {quote(table.id)}, note FROM {table.sql} WHERE note IS NOT NULL;
        ALTER TABLE {table.sql} DROP COLUMN note;
    """
    expected = (f"new_table {to}", f"moved_rows {table.name} to {to}", f"gone_column {table.name}.note")
    return Step(before, after, expected, (_change(to, "body"), _delete(to), _delete(table.name)))


def gather(maker: Maker) -> Step:
    table, before = maker.table()
    to = maker.new_name()
    other = quote(table.other)
    after = f"""
        CREATE TABLE {quote(to)} (mail text PRIMARY KEY, origin text NOT NULL);
        INSERT INTO {quote(to)} SELECT DISTINCT {other}, 'gathered' FROM {table.sql};
    """
    return Step(
        before, after, (f"new_table {to}", f"moved_rows {table.name} to {to}"), (_change(to, "origin"), _delete(to))
    )


STEPS: tuple[Callable[[Maker], Step], ...] = (
    rename_table,
    rename_column,
    drop_column,
    drop_table,
    split,
    merge,
    rekey,
    rekey_anew,
    derive,
    derive_some,
    retype,
    extract,
    gather,
)


def _one(table: str, column: str) -> str:
    """A condition for one row that holds something."""
    return f"ctid = (SELECT min(t.ctid) FROM {quote(table)} t WHERE t.{quote(column)} IS NOT NULL)"


def _change(table: str, column: str) -> tuple[str, str]:
    return f"UPDATE {quote(table)} SET {quote(column)} = {quote(column)} || 'x' WHERE {_one(table, column)}", table


def _delete(table: str) -> tuple[str, str]:
    return f"DELETE FROM {quote(table)} WHERE ctid = (SELECT min(t.ctid) FROM {quote(table)} t)", table
