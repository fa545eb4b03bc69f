"""Single values that differ, each in a way that some tool takes for the same."""

from selftest.comparison.cases import EMBEDDED, FOLDED, FULL, value

_MEGABYTE = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 32768) n)"
_CITEXT = "CREATE EXTENSION IF NOT EXISTS citext"

_TEXT = (
    value("text: NULL and empty", "text", "NULL", "''"),
    value("text: NULL and the word NULL", "text", "NULL", "'NULL'"),
    value("text: trailing blank", "text", "'a'", "'a '"),
    value("text: leading blank", "text", "'a'", "' a'"),
    value("text: only a blank", "text", "''", "' '"),
    value("varchar: trailing blank", "varchar(20)", "'a'", "'a '"),
    value("char: NULL and blanks", "char(5)", "NULL", "''"),
    value("char: case", "char(5)", "'a'", "'A'"),
    value("bpchar: trailing blank", "bpchar", "'a'", "'a '"),
    value("text: case", "text", "'Straße'", "'straße'"),
    value("text: composed and decomposed", "text", "chr(233)", "'e' || chr(769)"),
    value("text: zero-width character", "text", "'ab'", "'a' || chr(8203) || 'b'"),
    value("text: no-break space", "text", "'a b'", "'a' || chr(160) || 'b'"),
    value("text: Latin and Cyrillic letter", "text", "'a'", "chr(1072)"),
    value("text: beyond the basic plane", "text", "chr(128512)", "chr(128513)"),
    value("text: line feed with a carriage return", "text", "E'a\\nb'", "E'a\\r\\nb'"),
    value("text: control character", "text", "chr(1)", "chr(2)"),
    value("text: tab and blanks", "text", "E'\\t'", "'    '"),
    value("text: backslash", "text", "E'a\\\\n'", "E'a\\n'"),
    value("text: two backslashes", "text", "E'\\\\'", "E'\\\\\\\\'"),
    value("text: quotes", "text", "'a''b'", "'a\"b'"),
    value("text: a comma and parentheses", "text", "'a,b'", "'(a,b)'"),
    value("text: one byte of a megabyte", "text", f"'a' || {_MEGABYTE}", f"'b' || {_MEGABYTE}", rows=4),
    value("text: last byte of a megabyte", "text", f"{_MEGABYTE} || 'a'", f"{_MEGABYTE} || 'b'", rows=4),
    value("text: case under a folding collation", "text COLLATE folded", "'a'", "'A'", FOLDED, on=FULL),
    value("name: case", "name", "'a'", "'A'"),
    value('"char": letter', '"char"', "'a'", "'b'"),
    value("citext: case", "citext", "'a'", "'A'", _CITEXT, on=FULL),
)

_TIMES = (
    value("timestamp: microsecond", "timestamp", "'2025-03-30 02:30:00.000001'", "'2025-03-30 02:30:00.000002'"),
    value("timestamptz: microsecond", "timestamptz", "'2025-03-30 02:30:00.999999Z'", "'2025-03-30 02:30:01Z'"),
    value("timestamptz: moved by an hour", "timestamptz", "'2025-03-30 01:30:00Z'", "'2025-03-30 01:30:00+01'"),
    value("timestamptz: infinity and NULL", "timestamptz", "'infinity'", "NULL"),
    value("timestamp: before Christ", "timestamp", "'0044-03-15'", "'0044-03-15 BC'"),
    value("date: day and month", "date", "'2025-03-02'", "'2025-02-03'"),
    value("date: century", "date", "'1925-01-01'", "'2025-01-01'"),
    value("time: midnight at either end", "time", "'24:00'", "'00:00'"),
    value("timetz: same instant, other offset", "timetz", "'12:00+00'", "'13:00+01'"),
    value("interval: a month and thirty days", "interval", "'1 mon'", "'30 days'"),
    value("interval: a day and 24 hours", "interval", "'1 day'", "'24:00:00'"),
    value("interval: sign", "interval", "'1 day'", "'-1 day'"),
)

_NUMBERS = (
    value("numeric: scale", "numeric", "42", "42.00"),
    value("numeric: zeros", "numeric", "0", "0.0"),
    value("numeric: twentieth digit", "numeric", "1234567890.1234567891", "1234567890.1234567892"),
    value("numeric: NaN and NULL", "numeric", "'NaN'", "NULL"),
    value("numeric: NaN and infinity", "numeric", "'NaN'", "'Infinity'"),
    value("float4: last bit", "float4", "1.1", "1.1000001"),
    value("float8: last bit", "float8", "0.1", "0.10000000000000002"),
    value("float8: negative zero", "float8", "'-0'", "'0'"),
    value("float4: negative zero", "float4", "'-0'", "'0'"),
    value("float8: NaN and NULL", "float8", "'NaN'", "NULL"),
    value("float8: denormal and zero", "float8", "'5e-324'", "0"),
    value("bigint: beyond 2^53", "bigint", "9007199254740992", "9007199254740993"),
    value("bigint: sign", "bigint", "-1", "1"),
    value("integer: NULL and zero", "int", "NULL", "0"),
    value("smallint: one", "smallint", "1", "2"),
    value("money: a cent", "money", "'1000.00'", "'1000.01'"),
    value("boolean: NULL and false", "boolean", "NULL", "false"),
    value("oid: one", "oid", "1", "2"),
)

_BYTES = (
    value(
        "uuid: one digit", "uuid", "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'", "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e91'"
    ),
    value("bytea: one byte", "bytea", "'\\x00ff'", "'\\x00fe'"),
    value("bytea: a zero byte more", "bytea", "'\\x00'", "'\\x0000'"),
    value("bytea: NULL and empty", "bytea", "NULL", "'\\x'"),
    value("bit: one", "bit(3)", "B'101'", "B'100'"),
    value("bit varying: leading zero", "varbit", "B'1'", "B'01'"),
    value("pg_lsn: one", "pg_lsn", "'0/1'", "'0/2'"),
)

_DOCUMENTS = (
    value("json: white space", "json", """'{"a":1}'""", """'{"a": 1}'"""),
    value("json: order of keys", "json", """'{"a":1,"b":2}'""", """'{"b":2,"a":1}'"""),
    value("json: doubled key", "json", """'{"a":1,"a":2}'""", """'{"a":2}'"""),
    value("json: null and NULL", "json", "'null'", "NULL"),
    value("jsonb: scale", "jsonb", """'{"a": 1}'""", """'{"a": 1.0}'"""),
    value("jsonb: null and NULL", "jsonb", "'null'", "NULL"),
    value("jsonb: null and no key", "jsonb", """'{"a": null}'""", "'{}'"),
    value("jsonb: number and text", "jsonb", """'{"a": 1}'""", """'{"a": "1"}'"""),
    value("jsonb: object and array", "jsonb", "'{}'", "'[]'"),
    value("jsonb: order of elements", "jsonb", "'[1, 2]'", "'[2, 1]'"),
    value("jsonb: false and null", "jsonb", "'[false]'", "'[null]'"),
    value("xml: white space", "xml", "'<a/>'", "'<a />'", on=FULL),
    value("hstore: NULL and the word NULL", "hstore", "'a=>NULL'", "'a=>\"NULL\"'", "CREATE EXTENSION hstore", on=FULL),
    value("tsvector: position", "tsvector", "'a:1'", "'a:2'"),
    value("tsvector: weight", "tsvector", "'a:1A'", "'a:1B'"),
    value("tsquery: operator", "tsquery", "'a & b'", "'a | b'"),
    value("jsonpath: key", "jsonpath", "'$.a'", "'$.b'"),
    value("vector: one component", "vector(2)", "'[1,2]'", "'[1,2.0000002]'", "CREATE EXTENSION vector", on=EMBEDDED),
)

_COMPOSED = (
    value("enum: label", "{type}", "'a'", "'b'", "CREATE TYPE {type} AS ENUM ('a', 'b')"),
    value("array: order", "text[]", "'{a,b}'", "'{b,a}'"),
    value("array: NULL and the word NULL", "text[]", "ARRAY[NULL]", "ARRAY['NULL']"),
    value("array: NULL and empty element", "text[]", "ARRAY[NULL]", "ARRAY['']"),
    value("array: lower bound", "int[]", "'{1,2}'", "'[0:1]={1,2}'"),
    value("array: dimensions", "int[]", "'{1,2}'", "'{{1,2}}'"),
    value("array: NULL and empty", "uuid[]", "NULL", "'{}'"),
    value("array: empty and an element that is NULL", "int[]", "'{}'", "'{NULL}'"),
    value("array: doubled element", "int[]", "'{1}'", "'{1,1}'"),
    value("array: scale", "numeric[]", "'{1}'", "'{1.0}'"),
    value("array: negative zero", "float8[]", "'{0}'", "'{-0}'"),
    value("array: trailing blank of bpchar", "bpchar[]", "ARRAY['a'::bpchar]", "ARRAY['a '::bpchar]"),
    value("array: label of an enum", "{type}[]", "'{a,b}'", "'{a,a}'", "CREATE TYPE {type} AS ENUM ('a', 'b')"),
    value("domain over bpchar: trailing blank", "{type}", "'a'", "'a '", "CREATE DOMAIN {type} AS bpchar"),
    value("domain over text: case", "{type}", "'a'", "'A'", "CREATE DOMAIN {type} AS text"),
    value("domain over numeric: scale", "{type}", "1", "1.0", "CREATE DOMAIN {type} AS numeric"),
    value("domain over citext: case", "{type}", "'a'", "'A'", _CITEXT, "CREATE DOMAIN {type} AS citext", on=FULL),
    value("composite: NULL and all NULL", "{type}", "NULL", "ROW(NULL, NULL)", "CREATE TYPE {type} AS (a int, b text)"),
    value("composite: NULL and empty", "{type}", "ROW(1, NULL)", "ROW(1, '')", "CREATE TYPE {type} AS (a int, b text)"),
    value("composite: scale", "{type}", "ROW(1)", "ROW(1.0)", "CREATE TYPE {type} AS (a numeric)"),
    value(
        "composite in an array: NULL and empty",
        "{type}[]",
        "ARRAY[ROW(NULL, 1)::{type}]",
        "ARRAY[ROW('', 1)::{type}]",
        "CREATE TYPE {type} AS (a text, b numeric)",
    ),
    value("range: bounds", "numrange", "'[1,2)'", "'[1,2]'"),
    value("range: scale", "numrange", "'[1,2]'", "'[1.0,2]'"),
    value("range: NULL and empty", "int4range", "NULL", "'empty'"),
    value("range: unbounded and infinity", "tsrange", "'[2025-01-01,)'", "'[2025-01-01,infinity)'"),
    value("multirange: a gap", "int4multirange", "'{[1,3)}'", "'{[1,2),[3,4)}'"),
    value("inet: with and without a mask", "inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    value("cidr: length", "cidr", "'10.0.0.0/8'", "'10.0.0.0/16'"),
    value("macaddr: one digit", "macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    value("point: last bit", "point", "'(1,0.1)'", "'(1,0.10000000000000002)'"),
    value("path: open and closed", "path", "'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    value("circle: radius", "circle", "'<(0,0),1>'", "'<(0,0),2>'"),
)

VALUES = (*_TEXT, *_TIMES, *_NUMBERS, *_BYTES, *_DOCUMENTS, *_COMPOSED)
