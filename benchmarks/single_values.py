"""What each tool finds of two tables that differ in a single value, and what it reports where nothing differs.

Run it with `python -m benchmarks.single_values [--server=15] [--markdown]`. Each kind of difference is a small table of
its own in two databases. A third database holds the very rows of the first one under other settings: whatever a tool
reports there is a false alarm.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.peers import Answer, Pair
from postmigration.postgres import embedded
from selftest.servers import SYSTEM_BINARIES, SystemServer

Rows = tuple[tuple[int, str], ...]

# Settings of the third database, none of which changes a value.
SETTINGS = {
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-10",
    "bytea_output": "escape",
}


@dataclass(frozen=True)
class Kind:
    """One kind of difference.

    Args:
        title: what it is.
        columns: those of the table beyond `id`, as SQL.
        want, have: the rows of each side: the id, and the other values as SQL.
        first: what has to be there before the table.
        key: whether the table has one.
    """

    title: str
    columns: str
    want: Rows
    have: Rows
    first: str = ""
    key: bool = True

    @property
    def differing(self) -> set[str]:
        """The ids of the rows that differ."""
        return {str(row[0]) for row in set(self.want) ^ set(self.have)} or {str(self.want[-1][0])}


def one(title: str, type_: str, want: str, have: str, *, first: str = "") -> Kind:
    """The second of two rows has another value."""
    return Kind(title, f"value {type_}", ((1, want), (2, want)), ((1, want), (2, have)), first)


def two(title: str, type_: str, want: tuple[str, str], have: tuple[str, str], *, first: str = "") -> Kind:
    """Two rows have other values."""
    return Kind(title, f"value {type_}", tuple(enumerate(want, 1)), tuple(enumerate(have, 1)), first)


def both(title: str, type_: str, want: str, have: str) -> Kind:
    """The second of two rows has other values in two columns."""
    return Kind(title, f"a {type_}, b {type_}", ((1, want), (2, want)), ((1, want), (2, have)))


KINDS = [
    one("NULL and the empty text", "text", "NULL", "''"),
    one("one blank at the end of text", "text", "'Toyota Vietnam'", "'Toyota Vietnam '"),
    one("one blank at the end of varchar", "varchar(50)", "'Toyota Vietnam'", "'Toyota Vietnam '"),
    one("one blank at the end of bpchar", "bpchar", "'Toyota Vietnam'", "'Toyota Vietnam '"),
    one("a line break at the end of text", "text", "'Toyota Vietnam'", "E'Toyota Vietnam\\n'"),
    one("a tab for a blank", "text", "'Toyota Vietnam'", "E'Toyota\\tVietnam'"),
    one("a no-break space for a blank", "text", "'Toyota Vietnam'", "U&'Toyota\\00A0Vietnam'"),
    one("a control character in text", "text", "'Toyota Vietnam'", "E'Toyota \\x01Vietnam'"),
    one("upper and lower case in text", "text", "'Toyota Vietnam'", "'toyota vietnam'"),
    one(
        "upper and lower case in citext",
        *("citext", "'Toyota Vietnam'", "'toyota vietnam'"),
        first="CREATE EXTENSION citext",
    ),
    one(
        "upper and lower case under a collation that ignores it",
        *('text COLLATE "blind"', "'Toyota Vietnam'", "'toyota vietnam'"),
        first="""CREATE COLLATION "blind" (provider = icu, locale = 'und-u-ks-level2', deterministic = false)""",
    ),
    one("é as one character and as two", "text", "U&'Caf\\00E9'", "U&'Cafe\\0301'"),
    one("the last of 100,000 characters", "text", "repeat('x', 99999) || 'y'", "repeat('x', 99999) || 'z'"),
    one("one microsecond in a timestamp", "timestamp", "'2025-03-30 02:30:00'", "'2025-03-30 02:30:00.000001'"),
    one("one microsecond in a timestamptz", "timestamptz", "'2025-03-30 02:30:00Z'", "'2025-03-30 02:30:00.000001Z'"),
    one("infinity and -infinity in a timestamp", "timestamp", "'infinity'", "'-infinity'"),
    one("infinity and NULL in a date", "date", "'infinity'", "NULL"),
    one("00:00 and 24:00", "time", "'00:00'", "'24:00'"),
    one("the offset of a timetz", "timetz", "'12:00+00'", "'14:00+02'"),
    one("1 month and 30 days", "interval", "'1 mon'", "'30 days'"),
    one("1 day and 24 hours", "interval", "'1 day'", "'24:00:00'"),
    one("42 and 42.00", "numeric", "42", "42.00"),
    one("the 20th digit of a numeric", "numeric", "0.12345678901234567890", "0.12345678901234567891"),
    one("the cents of a large numeric(20,2)", "numeric(20,2)", "123456789012345678.01", "123456789012345678.02"),
    one("NaN and NULL in numeric", "numeric", "'NaN'", "NULL"),
    one("the last bit of a double", "double precision", "0.1::float8 + 0.2::float8", "0.3"),
    one("the last bit of a real", "real", "'1.0000001'", "1"),
    one("0.0 and -0.0", "double precision", "'0.0'", "'-0.0'"),
    one("NaN and NULL in a double", "double precision", "'NaN'", "NULL"),
    one("a bigint beyond 2^53", "bigint", "9007199254740993", "9007199254740992"),
    one("false and NULL", "boolean", "false", "NULL"),
    one(
        "the last digit of a uuid",
        "uuid",
        "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'",
        "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e91'",
    ),
    one("1 and 1.0 in jsonb", "jsonb", """'{"a": 1}'""", """'{"a": 1.0}'"""),
    one("null in jsonb and NULL", "jsonb", "'null'", "NULL"),
    one("a blank in json", "json", """'{"a":1}'""", """'{"a": 1}'"""),
    one("the order of keys in json", "json", """'{"a":1,"b":2}'""", """'{"b":2,"a":1}'"""),
    one("the order of an array", "integer[]", "'{1,2}'", "'{2,1}'"),
    one("the bounds of an array", "integer[]", "'{1,2}'", "'[0:1]={1,2}'"),
    one("NULL and 'NULL' in an array", "text[]", "ARRAY['a', NULL]", "ARRAY['a', 'NULL']"),
    one("an empty array and NULL", "text[]", "'{}'", "NULL"),
    one("one byte of a bytea", "bytea", "'\\x00ff'", "'\\x00fe'"),
    one("a zero byte at the end of a bytea", "bytea", "'\\x00ff'", "'\\x00ff00'"),
    one("a bound of a range", "numrange", "'[1,2)'", "'[1,2]'"),
    one("the mask of an inet", "inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    one("a point a millionth away", "point", "'(1,1)'", "'(1.0000001,1)'"),
    one("a blank in xml", "xml", "'<a><b/></a>'", "'<a> <b/></a>'"),
    one(
        "NULL and a composite of NULLs",
        *("pair", "NULL", "ROW(NULL, NULL)::pair"),
        first="CREATE TYPE pair AS (a integer, b text)",
    ),
    one(
        "1 and 1.0 in a domain",
        *("amount", "1", "1.0"),
        first="CREATE DOMAIN amount AS numeric",
    ),
    two(
        "two rows exchange an enum value",
        *("stage", ("'planned'", "'active'"), ("'active'", "'planned'")),
        first="CREATE TYPE stage AS ENUM ('planned', 'active')",
    ),
    two("two rows exchange a text", "text", ("'a'", "'b'"), ("'b'", "'a'")),
    both("two columns of a row exchange their values", "text", "'a', 'b'", "'b', 'a'"),
    both("NULL moves to the next column", "text", "NULL, 'a'", "'a', NULL"),
    both("a letter moves to the next column", "text", "'ab', 'c'", "'a', 'bc'"),
    Kind(
        "a doubled row in a table without a key",
        *("value text", ((1, "'a'"), (2, "'a'")), ((1, "'a'"), (2, "'a'"), (2, "'a'"))),
        key=False,
    ),
]


@dataclass(frozen=True)
class Said:
    """What a tool said of one kind.

    Args:
        different: of the tables that differ.
        equal: of those that do not.
    """

    different: Answer
    equal: Answer

    def finds(self, kind: Kind) -> str:
        """The cell for whether it finds the difference."""
        keys = {finding.key for finding in self.different.findings}
        if keys == kind.differing:
            return "yes"
        if keys:
            return "other rows"
        if self.different.error:
            return "refuses" if self.equal.error else "breaks off"
        return "no"

    @property
    def false_alarm(self) -> bool:
        """Whether it reports a difference where there is none."""
        return bool(self.equal.findings)


def main() -> None:
    """Builds the three databases, asks each tool, and prints what it said."""
    system = (15,) if SYSTEM_BINARIES.exists() else ()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", type=int, choices=(*system, *embedded.VERSIONS), default=(*system, 18)[0])
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    options = parser.parse_args()
    console = Console(width=200 if options.markdown else None)
    peers.install()
    with worlds(options.server) as (tables, different, equal):
        told = {
            "ours": said(lambda pair: peers.ours(pair, [*tables]), different, equal),
            "reladiff": said(each(peers.reladiff, tables), different, equal),
            "reladiff unsorted": said(each(unsorted, tables), different, equal),
            "data validator": said(each(peers.data_validator, tables), different, equal),
        }
    for kind in KINDS:
        if kind not in tables.values():
            console.print(f"left out, because PostgreSQL {options.server} lacks it here: {kind.title}")
    console.print(shown(tables, told, markdown=options.markdown))


def shown(tables: dict[str, Kind], told: dict[str, dict[str, Said]], *, markdown: bool) -> Table:
    """The table of who finds what."""
    table = Table("what differs", *told, "false alarm of", box=box.MARKDOWN if markdown else box.HEAVY_HEAD)
    for name, kind in tables.items():
        alarms = [tool for tool, said in told.items() if said[name].false_alarm]
        table.add_row(kind.title, *(said[name].finds(kind) for said in told.values()), ", ".join(alarms) or "–")
    found = [sum(said[name].finds(kind) == "yes" for name, kind in tables.items()) for said in told.values()]
    alarms = [f"{tool} {sum(each.false_alarm for each in said.values())}" for tool, said in told.items()]
    table.add_row("found", *(f"{number} of {len(tables)}" for number in found), ", ".join(alarms))
    return table


def said(ask: Callable[[Pair], dict[str, Answer]], different: Pair, equal: Pair) -> dict[str, Said]:
    """What a tool says of both pairs of databases, by table."""
    of_different, of_equal = ask(different), ask(equal)
    return {name: Said(of_different[name], of_equal[name]) for name in of_different}


def unsorted(pair: Pair, table: str) -> Answer:
    """What reladiff says where it need not sort NULL, at which it breaks off."""
    return peers.reladiff(pair, table, "--skip-sort-results")


def each(ask: Callable[[Pair, str], Answer], tables: Iterable[str]) -> Callable[[Pair], dict[str, Answer]]:
    """A way to ask a tool for one table after the other, two at a time."""

    def answers(pair: Pair) -> dict[str, Answer]:
        with ThreadPoolExecutor(2) as threads:
            return dict(zip(tables, threads.map(lambda name: ask(pair, name), tables), strict=True))

    return answers


@contextmanager
def worlds(version: int) -> Iterator[tuple[dict[str, Kind], Pair, Pair]]:
    """The kinds that the server knows, by table; two databases that differ in them; two that do not."""
    server = embedded.Server(version) if version in embedded.VERSIONS else SystemServer()
    try:
        for name in ("before", "after", "settings"):
            server.create(name)
        tables = {
            name: kind
            for name, kind in ((f"kind_{number:02}", kind) for number, kind in enumerate(KINDS, start=1))
            if built(server, "before", name, kind, kind.want)
            and built(server, "after", name, kind, kind.have)
            and built(server, "settings", name, kind, kind.want)
        }
        with server.connect("postgres") as connection:
            for setting, value in SETTINGS.items():
                connection.execute(f"ALTER DATABASE settings SET {setting} = '{value}'")
        with tempfile.TemporaryDirectory() as connections:
            directory = Path(connections)
            yield tables, Pair(server, "before", "after", directory), Pair(server, "before", "settings", directory)
    finally:
        server.stop()


def built(server: embedded.Server, database: str, name: str, kind: Kind, rows: Rows) -> bool:
    """Builds the table of one kind, if the server knows its type."""
    key = "PRIMARY KEY" if kind.key else "NOT NULL"
    values = ", ".join(f"({number}, {value})" for number, value in rows)
    with server.connect(database) as connection:
        try:
            if kind.first:
                connection.execute(kind.first)
            connection.execute(f"CREATE TABLE {name} (id integer {key}, {kind.columns})")
            connection.execute(f"INSERT INTO {name} VALUES {values}")
        except psycopg.errors.FeatureNotSupported:
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            return False
    return True


if __name__ == "__main__":
    main()
