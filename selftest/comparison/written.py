"""Values that are the same on both sides, in whatever type and words they were written."""

from selftest.comparison.cases import ANY, CITEXT, EMBEDDED, FOLDED, FULL, Case, equal


def written(name: str, type_: str, before: str, after: str, *setup: str, on: frozenset[int] = ANY) -> Case:
    """The same values of one type, written in two ways."""
    table = "CREATE TABLE {t} (id int PRIMARY KEY, a " + type_ + ")"
    rows = ("INSERT INTO {t} VALUES (1, " + text + "), (2, NULL)" for text in (before, after))
    first, then = ((*setup, table, row) for row in rows)
    return equal(name, first, then, on=on)


def typed(name: str, before: str, after: str, values: str, *setup: str) -> Case:
    """The same values in columns of two types."""
    tables = ("CREATE TABLE {t} (id int PRIMARY KEY, a " + type_ + ")" for type_ in (before, after))
    first, then = ((*setup, table, f"INSERT INTO {{t}} VALUES {values}") for table in tables)
    return equal(name, first, then)


_ENUM = "CREATE TYPE {type} AS ENUM ('a', 'c')"
_ENUMS = (
    equal(
        "labels of an enum that were added later",
        (
            "CREATE TYPE {type} AS ENUM ('a', 'b', 'c')",
            "CREATE TABLE {t} (id {type} PRIMARY KEY, a {type}, b {type}[])",
            "INSERT INTO {t} VALUES ('a', 'b', '{c}'), ('b', 'c', '{a,b}')",
        ),
        (
            _ENUM,
            "ALTER TYPE {type} ADD VALUE 'b' BEFORE 'c'",
            "CREATE TABLE {t} (id {type} PRIMARY KEY, a {type}, b {type}[])",
            "INSERT INTO {t} VALUES ('a', 'b', '{c}'), ('b', 'c', '{a,b}')",
        ),
    ),
    equal(
        "labels of an enum in another order",
        (
            "CREATE TYPE {type} AS ENUM ('a', 'b')",
            "CREATE TABLE {t} (a {type})",
            "INSERT INTO {t} VALUES ('a'), ('b'), ('b')",
        ),
        (
            "CREATE TYPE {type} AS ENUM ('b', 'a')",
            "CREATE TABLE {t} (a {type})",
            "INSERT INTO {t} VALUES ('a'), ('b'), ('b')",
        ),
    ),
    equal(
        "a label of an enum that was renamed",
        (
            "CREATE TYPE {type} AS ENUM ('a', 'b')",
            "CREATE TABLE {t} (id int PRIMARY KEY, a {type})",
            "INSERT INTO {t} VALUES (1, 'b')",
        ),
        (
            _ENUM,
            "CREATE TABLE {t} (id int PRIMARY KEY, a {type})",
            "INSERT INTO {t} VALUES (1, 'c')",
            "ALTER TYPE {type} RENAME VALUE 'c' TO 'b'",
        ),
    ),
    typed("an enum and a text", "{type}", "text", "(1, 'a'), (2, 'c'), (3, NULL)", _ENUM),
    equal(
        "a type of another name",
        (_ENUM, "CREATE TABLE {t} (a {type})", "INSERT INTO {t} VALUES ('a')"),
        (
            _ENUM,
            'ALTER TYPE {type} RENAME TO "renamed t"',
            'CREATE TABLE {t} (a "renamed t")',
            "INSERT INTO {t} VALUES ('a')",
        ),
    ),
    equal(
        "a composite that has lost an attribute",
        (
            "CREATE TYPE {type} AS (a int, b text)",
            "CREATE TABLE {t} (id int PRIMARY KEY, a {type})",
            "INSERT INTO {t} VALUES (1, '(1,x)'), (2, '(,)'), (3, NULL)",
        ),
        (
            "CREATE TYPE {type} AS (z int, a int, b text)",
            "CREATE TABLE {t} (id int PRIMARY KEY, a {type})",
            "INSERT INTO {t} VALUES (1, '(9,1,x)'), (2, '(,,)'), (3, NULL)",
            "ALTER TYPE {type} DROP ATTRIBUTE z",
        ),
    ),
)

_TYPES = (
    typed("an integer and a bigint", "int", "bigint", "(1, 7), (2, NULL), (3, -1)"),
    typed("a smallint and a numeric", "smallint", "numeric", "(1, 7), (2, NULL), (3, -1)"),
    typed("a varchar and a text", "varchar(10)", "text", "(1, 'x '), (2, NULL), (3, '')"),
    typed("a longer varchar", "varchar(10)", "varchar(20)", "(1, 'x '), (2, NULL), (3, '')"),
    typed("a char that is full and a text", "char(2)", "text", "(1, 'xy'), (2, NULL)"),
    typed(
        "a domain and its base", "{type}", "text", "(1, 'x '), (2, NULL)", "CREATE DOMAIN {type} AS text CHECK (true)"
    ),
    typed("a numeric with and without a scale", "numeric(10,2)", "numeric", "(1, 1.50), (2, NULL), (3, 0.00)"),
    typed("a uuid and a text", "uuid", "text", "(1, '4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'), (2, NULL)"),
    typed("a json and a text", "json", "text", "(1, '{\"a\":  1}'), (2, 'null'), (3, NULL)"),
    typed(
        "a collation that is another", 'text COLLATE "C"', 'text COLLATE "POSIX"', "(1, 'Zoë'), (2, 'zoe'), (3, NULL)"
    ),
    equal(
        "a citext and a text",
        (CITEXT, "CREATE TABLE {t} (a citext PRIMARY KEY)", "INSERT INTO {t} VALUES ('A'), ('b')"),
        ("CREATE TABLE {t} (a text)", "INSERT INTO {t} VALUES ('b'), ('A')"),
        on=FULL,
        after_on=ANY,
    ),
    equal(
        "a collation that folds and one that does not",
        (FOLDED, "CREATE TABLE {t} (a text COLLATE folded)", "INSERT INTO {t} VALUES ('A'), ('a'), ('a')"),
        ("CREATE TABLE {t} (a text)", "INSERT INTO {t} VALUES ('a'), ('A'), ('a')"),
        on=FULL,
        after_on=ANY,
    ),
)

_WRITTEN = (
    written(
        "keys of a jsonb in another order",
        "jsonb",
        """'{"b": [1, {"d": 1, "c": 2}], "a": 1}'""",
        """jsonb_build_object('a', 1, 'b', jsonb_build_array(1, '{"c": 2, "d": 1}'::jsonb))""",
    ),
    written("a key of a jsonb twice", "jsonb", """'{"a": 1, "a": 2}'""", """'{"a":2}'"""),
    written("letters of a json as escapes", "jsonb", """'{"a": "é"}'""", r"""'{"a": "\u00e9"}'"""),
    written(
        "an array that was aggregated",
        "text[]",
        "'{a,NULL,\"b c\"}'",
        "(SELECT array_agg(x) FROM unnest(ARRAY['a', NULL, 'b c']) x)",
    ),
    written("an array without a NULL bitmap", "int[]", "'{1,2}'", "array_remove('{1,NULL,2}'::int[], NULL)"),
    written("an empty array", "int[]", "'{}'", "array_remove('{1}'::int[], 1)"),
    written("a numeric from an integer", "numeric", "42", "42::int::numeric"),
    written("a numeric with an exponent", "numeric", "100", "1e2"),
    written("a numeric that was calculated", "numeric", "0.30", "0.1 + 0.20"),
    written("a float with an exponent", "float8", "1000", "'1e3'"),
    written("a float that was calculated", "float8", "0.5", "1::float8 / 2"),
    written("a time of another zone", "timestamptz", "'2025-07-01 12:00+00'", "'2025-07-01 14:00 Europe/Berlin'"),
    written("a time in words", "timestamptz", "'2025-07-01 00:00+00'", "'Jul 1 2025 12:00 AM UTC'"),
    written("a date in another order", "date", "'2025-07-01'", "to_date('01.07.2025', 'DD.MM.YYYY')"),
    written("an interval in other units", "interval", "'14 mons'", "'1 year 2 mons'"),
    written("an interval in another style", "interval", "'1 day 02:03:04'", "'P1DT2H3M4S'"),
    written("bytes as escapes", "bytea", r"'\x6100ff'", r"'a\000\377'"),
    written(
        "a uuid in capital letters",
        "uuid",
        "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'",
        "'{4E1B2B1C-0C5F-4F5E-9D7A-3A8D1C5B7E90}'",
    ),
    written("a boolean in words", "boolean", "true", "'yes'"),
    written("an address with its whole mask", "inet", "'10.0.0.1'", "'10.0.0.1/32'"),
    written("a range that is closed", "int4range", "'[1,3]'", "'[1,4)'"),
    written("ranges that touch", "int4multirange", "'{[1,2),[2,4)}'", "'{[1,4)}'"),
    written("words in another order", "tsvector", "'a:1 b:2'", "'b:2 a:1'"),
    written("letters as escapes", "text", r"'é' || chr(10) || '\'", r"E'\u00e9\n\\'"),
    written("a money from a number", "money", "'$1,000.50'", "1000.5::numeric::money"),
    written(
        "a composite from a row",
        "{type}",
        "'(1,\"a b\")'",
        "ROW(1, 'a b')::{type}",
        "CREATE TYPE {type} AS (a int, b text)",
    ),
    written(
        "pairs in another order",
        "hstore",
        "'a=>1, b=>NULL'",
        "'b=>NULL, a=>1'",
        "CREATE EXTENSION IF NOT EXISTS hstore",
        on=FULL,
    ),
    written(
        "a vector with decimals",
        "vector(2)",
        "'[1,2]'",
        "'[1.0,2.00]'",
        "CREATE EXTENSION IF NOT EXISTS vector",
        on=EMBEDDED,
    ),
    written("a point with decimals", "point", "'(1,2)'", "point(1.0, 2.00)"),
)

WRITTEN = (*_ENUMS, *_TYPES, *_WRITTEN)
