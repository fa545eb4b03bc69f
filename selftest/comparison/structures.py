"""Rows that are missing, extra, doubled or exchanged, and tables and columns of every shape and name."""

from selftest.comparison.cases import FOLDED, FULL, Case, change

_PAIR = "CREATE TABLE {t} (id int PRIMARY KEY, a text, b text)"
_FILLED = "INSERT INTO {t} SELECT i, 'a' || i, 'b' || i FROM generate_series(1, 9) i"
_LOOSE = "CREATE TABLE {t} (a int, b text)"
_EQUALS = "INSERT INTO {t} VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, NULL), (2, NULL), (3, '')"

_ROWS = (
    change("a row is missing", _PAIR, _FILLED, after="DELETE FROM {t} WHERE id = 4", found=(("missing", ("4",), ()),)),
    change(
        "a row is extra", _PAIR, _FILLED, after="INSERT INTO {t} VALUES (0, '', '')", found=(("extra", ("0",), ()),)
    ),
    change(
        "all rows are missing",
        _PAIR,
        _FILLED,
        after="TRUNCATE {t}",
        found=tuple(("missing", (str(i),), ()) for i in range(1, 10)),
    ),
    change("the only row is extra", _PAIR, after="INSERT INTO {t} VALUES (1)", found=(("extra", ("1",), ()),)),
    change(
        "a row has another key",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET id = 40 WHERE id = 4",
        found=(("missing", ("4",), ()), ("extra", ("40",), ())),
    ),
    change(
        "a row is missing and another is changed",
        _PAIR,
        _FILLED,
        after=("DELETE FROM {t} WHERE id = 4", "UPDATE {t} SET b = NULL WHERE id = 5"),
        found=(("missing", ("4",), ()), ("changed", ("5",), ("b",))),
    ),
    change(
        "two columns of a row are changed",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET a = a || ' ', b = '' WHERE id = 5",
        found=(("changed", ("5",), ("a", "b")),),
    ),
    change(
        "every row is changed",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET b = upper(b)",
        found=tuple(("changed", (str(i),), ("b",)) for i in range(1, 10)),
    ),
)

_EXCHANGED = (
    change(
        "two rows have exchanged a value",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET b = CASE id WHEN 3 THEN 'b7' ELSE 'b3' END WHERE id IN (3, 7)",
        found=(("changed", ("3",), ("b",)), ("changed", ("7",), ("b",))),
    ),
    change(
        "two rows have exchanged their keys",
        _PAIR,
        _FILLED,
        after=("DELETE FROM {t} WHERE id IN (3, 7)", "INSERT INTO {t} VALUES (3, 'a7', 'b7'), (7, 'a3', 'b3')"),
        found=(("changed", ("3",), ("a", "b")), ("changed", ("7",), ("a", "b"))),
    ),
    change(
        "three rows have passed a value on",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET b = 'b' || (id % 3 + 1) WHERE id <= 3",
        found=tuple(("changed", (str(i),), ("b",)) for i in (1, 2, 3)),
    ),
    change(
        "two values of a row are exchanged",
        _PAIR,
        _FILLED,
        after="UPDATE {t} SET a = b, b = a WHERE id = 3",
        found=(("changed", ("3",), ("a", "b")),),
    ),
    change(
        "a value has moved to the next column",
        _PAIR,
        "INSERT INTO {t} VALUES (1, 'x', NULL), (2, 'x', '')",
        after="UPDATE {t} SET a = b, b = a",
        found=(("changed", ("1",), ("a", "b")), ("changed", ("2",), ("a", "b"))),
    ),
    change(
        "numbers that differ in their zeros have changed places",
        "CREATE TABLE {t} (id int PRIMARY KEY, a numeric, b numeric)",
        "INSERT INTO {t} VALUES (1, 1, 10000), (2, 1, 1)",
        after="UPDATE {t} SET a = b, b = a",
        found=(("changed", ("1",), ("a", "b")),),
    ),
    change(
        "one more here and one less there",
        "CREATE TABLE {t} (id int PRIMARY KEY, n int)",
        "INSERT INTO {t} SELECT i, 100 FROM generate_series(1, 9) i",
        after="UPDATE {t} SET n = CASE id WHEN 3 THEN 101 ELSE 99 END WHERE id IN (3, 7)",
        found=(("changed", ("3",), ("n",)), ("changed", ("7",), ("n",))),
    ),
    change(
        "the parts of a key are exchanged",
        "CREATE TABLE {t} (a int, b int, c text, PRIMARY KEY (a, b))",
        "INSERT INTO {t} VALUES (1, 2, 'x'), (2, 2, 'x'), (3, 4, 'y')",
        after="UPDATE {t} SET a = b, b = a WHERE c = 'y'",
        found=(("missing", ("3", "4"), ()), ("extra", ("4", "3"), ())),
    ),
    change(
        "half of a part of a key",
        "CREATE TABLE {t} (a bigint, b bigint, c text, PRIMARY KEY (a, b))",
        "INSERT INTO {t} VALUES (1, 1, 'x'), (2, 2, 'y')",
        after="UPDATE {t} SET b = 4294967296 WHERE b = 1",
        found=(("missing", ("1", "1"), ()), ("extra", ("1", "4294967296"), ())),
    ),
    change(
        "a text has moved within a key",
        "CREATE TABLE {t} (a text, b text, n int, PRIMARY KEY (a, b))",
        "INSERT INTO {t} VALUES ('x', 'yz', 1), ('v', 'w', 2)",
        after="UPDATE {t} SET a = 'xy', b = 'z' WHERE n = 1",
        found=(("missing", ("x", "yz"), ()), ("extra", ("xy", "z"), ())),
    ),
)

_KEYLESS = (
    change(
        "a row without a key is doubled",
        _LOOSE,
        "INSERT INTO {t} VALUES (1, 'x'), (2, NULL)",
        after="INSERT INTO {t} VALUES (2, NULL)",
        found=(("extra", ("2", None), ()),),
    ),
    change(
        "one of three equal rows is missing",
        _LOOSE,
        _EQUALS,
        after="DELETE FROM {t} WHERE ctid = (SELECT min(ctid) FROM {t} WHERE a = 1)",
        found=(("missing", ("1", "x"), ()),),
    ),
    change(
        "all equal rows are missing",
        _LOOSE,
        _EQUALS,
        after="DELETE FROM {t} WHERE a = 2",
        found=(("missing", ("2", None), ()), ("missing", ("2", None), ())),
    ),
    change(
        "equal rows are so often, but others",
        _LOOSE,
        "INSERT INTO {t} VALUES (1, 'x'), (1, 'x'), (2, 'y')",
        after=("TRUNCATE {t}", "INSERT INTO {t} VALUES (1, 'x'), (2, 'y'), (2, 'y')"),
        found=(("missing", ("1", "x"), ()), ("extra", ("2", "y"), ())),
    ),
    change(
        "NULL in a row without a key became empty",
        _LOOSE,
        _EQUALS,
        after="UPDATE {t} SET b = '' WHERE ctid = (SELECT min(ctid) FROM {t} WHERE a = 2)",
        found=(("missing", ("2", None), ()), ("extra", ("2", ""), ())),
    ),
    change(
        "a unique column that may be NULL is no key",
        "CREATE TABLE {t} (a int UNIQUE, b text)",
        "INSERT INTO {t} VALUES (NULL, 'x'), (NULL, 'y'), (1, 'z')",
        after="DELETE FROM {t} WHERE b = 'y'",
        found=(("missing", (None, "y"), ()),),
    ),
    Case(
        "rows of one key where the later side has none",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a text)", "INSERT INTO {t} VALUES (1, 'x'), (2, 'y')"),
        ("CREATE TABLE {t} (id int, a text)", "INSERT INTO {t} VALUES (1, 'x'), (1, 'x'), (2, 'z'), (2, NULL)"),
        (("extra", ("1",), ()), ("changed", ("2",), ("a",)), ("extra", ("2",), ())),
    ),
    Case(
        "a key that only the later side has",
        ("CREATE TABLE {t} (id int, a text)", "INSERT INTO {t} VALUES (1, 'x'), (2, 'y')"),
        ("CREATE TABLE {t} (id int PRIMARY KEY, a text)", "INSERT INTO {t} VALUES (1, 'x'), (2, 'z')"),
        (("missing", ("2", "y"), ()), ("extra", ("2", "z"), ())),
    ),
)


def key(name: str, type_: str, want: str, have: str, found: tuple[str, str]) -> Case:
    """The key of a row is another one."""
    return change(
        name,
        f"CREATE TABLE {{t}} (id {type_} PRIMARY KEY, a text)",
        f"INSERT INTO {{t}} VALUES ({want}, 'x')",
        after=f"UPDATE {{t}} SET id = {have}",
        found=(("missing", (found[0],), ()), ("extra", (found[1],), ())),
    )


_KEYS = (
    key("case of a key", "text", "'a'", "'A'", ("a", "A")),
    key("trailing blank of a key", "text", "'a'", "'a '", ("a", "a ")),
    key(
        "odd characters of a key",
        "text",
        r"'%s :x \ '' " " é'",
        r"'%s :x \ '' " " e'",
        (r"%s :x \ ' " " é", r"%s :x \ ' " " e"),
    ),
    key("scale of a key", "numeric", "1", "1.0", ("1", "1.0")),
    key("sign of a zero that is a key", "float8", "'0'", "'-0'", ("0", "-0")),
    key(
        "microsecond of a key",
        "timestamp",
        "'2025-01-01 00:00:00.000001'",
        "'2025-01-01'",
        ("2025-01-01 00:00:00.000001", "2025-01-01 00:00:00"),
    ),
    key(
        "last digit of a key",
        "bigint",
        "9007199254740993",
        "9007199254740992",
        ("9007199254740993", "9007199254740992"),
    ),
    key("half of a key", "bigint", "1", "4294967296", ("1", "4294967296")),
    key("byte of a key", "bytea", r"'\x00'", r"'\x01'", (r"\x00", r"\x01")),
    key("bpchar as a key", "bpchar", "'a'", "'a '", ("a", "a ")),
    Case(
        "case of a key under a folding collation",
        (
            FOLDED,
            "CREATE TABLE {t} (id text COLLATE folded PRIMARY KEY)",
            "INSERT INTO {t} VALUES ('a'), ('b')",
        ),
        (
            FOLDED,
            "CREATE TABLE {t} (id text COLLATE folded PRIMARY KEY)",
            "INSERT INTO {t} VALUES ('A'), ('b')",
        ),
        (("missing", ("a",), ()), ("extra", ("A",), ())),
        on=(FULL, FULL),
    ),
)

STRUCTURES = (*_ROWS, *_EXCHANGED, *_KEYLESS, *_KEYS)
