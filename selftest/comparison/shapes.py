"""Tables of every kind and name, each with one difference."""

from pathlib import Path

from selftest.comparison.cases import ANY, Case, Found, change

# Words that SQL reserves, in 15 or in 18.
_RESERVED = (Path(__file__).parent / "reserved.txt").read_text().split()
# What the comparison's own queries call things.
_OWN = [
    "q",
    "k",
    "r",
    "n",
    "rows",
    "bucket",
    "new",
    "total",
    "repeated",
    "c",
    "missing",
    "extra",
    "changed",
    "since",
    "growth",
    "postmigration_key",
]
_ODD = [
    "A",
    "a b",
    "a:b",
    ":hashes",
    ":chosen",
    "a%sb",
    "%(a)s",
    'a"b',
    "a'b",
    "a\\b",
    "a\\:b",
    "a?b",
    "$1",
    "1",
    "é",
    "a\nb",
    "a\n",
]


def columns(name: str, *names: str, key: str = "id") -> Case:
    """A table with columns of these names beside the key, which all differ in one row."""
    columns = ['"' + column.replace('"', '""') + '"' for column in (key, *names)]
    both = (
        f"CREATE TABLE {{t}} ({' int, '.join(columns)} int, PRIMARY KEY ({columns[0]}))",
        f"INSERT INTO {{t}} SELECT {', '.join(['i'] * len(columns))} FROM generate_series(1, 9) i",
    )
    changes = ", ".join(f"{column} = 0" for column in columns[1:])
    return change(
        name, *both, after=f"UPDATE {{t}} SET {changes} WHERE {columns[0]} = 3", found=(("changed", ("3",), names),)
    )


def kind(name: str, *both: str, key: str = "3", on: frozenset[int] = ANY) -> Case:
    """A table of some kind with columns `id` and `a`, of which one value differs."""
    found: tuple[Found, ...] = (("changed", (key,), ("a",)),)
    return Case(name, both, (*both, f"UPDATE {{t}} SET a = 'changed' WHERE id = {key}"), found, on=(on, on))


_FILLED = "INSERT INTO {t} (id, a) SELECT i, 'a' || i FROM generate_series(1, 9) i"
_SIMPLE = ("CREATE TABLE {t} (id int PRIMARY KEY, a text)", _FILLED)

_COLUMNS = (
    columns("reserved words as columns", *_RESERVED),
    columns("odd names as columns", *_ODD),
    columns("names of its own as columns", *_OWN),
    *(columns(f"key called {name!r}", "a", key=name) for name in (*_ODD, *_OWN, "lateral", "system_user")),
    columns("two hundred columns", *(f"c{i}" for i in range(199))),
    change(
        "the last of as many columns as can be",
        f"CREATE TABLE {{t}} (id int PRIMARY KEY, {', '.join(f'c{i} bool' for i in range(1599))})",
        "INSERT INTO {t} (id) SELECT generate_series(1, 9)",
        after="UPDATE {t} SET c1598 = true WHERE id = 3",
        found=(("changed", ("3",), ("c1598",)),),
    ),
)

_TABLES = (
    *(kind(name, *_SIMPLE) for name in ("q", "user", "SELECT", "lateral", "tablesample", "pg_class", *_ODD)),
    kind("unlogged", "CREATE UNLOGGED TABLE {t} (id int PRIMARY KEY, a text)", _FILLED),
    kind("a key that a unique index is", "CREATE TABLE {t} (a text, id int NOT NULL UNIQUE)", _FILLED),
    kind("a key that can be deferred", "CREATE TABLE {t} (id int PRIMARY KEY DEFERRABLE, a text)", _FILLED),
    kind(
        "a key beside a partial and a unique index",
        "CREATE TABLE {t} (a text NOT NULL, id int PRIMARY KEY, UNIQUE (a, id))",
        "CREATE UNIQUE INDEX ON {t} (a) WHERE id > 5",
        "CREATE UNIQUE INDEX ON {t} (lower(a))",
        _FILLED,
    ),
    kind(
        "identity",
        "CREATE TABLE {t} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text)",
        "INSERT INTO {t} (a) SELECT 'a' || i FROM generate_series(1, 9) i",
    ),
    kind(
        "partitioned",
        "CREATE TABLE {t} (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)",
        "CREATE TABLE {type} PARTITION OF {t} FOR VALUES FROM (1) TO (4)",
        'CREATE TABLE "partitioned 2" PARTITION OF {t} DEFAULT',
        _FILLED,
    ),
    kind(
        "protected",
        *_SIMPLE,
        "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    ),
    kind(
        "a trigger that would change it back",
        *_SIMPLE,
        "CREATE FUNCTION {type}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER t BEFORE DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {type}()",
    ),
    kind(
        "a child that inherits",
        "CREATE TABLE {type} (id int, a text)",
        "CREATE TABLE {t} (PRIMARY KEY (id)) INHERITS ({type})",
        _FILLED,
    ),
    change(
        "a parent that is inherited",
        "CREATE TABLE {t} (id int, a text)",
        "CREATE TABLE {type} () INHERITS ({t})",
        "INSERT INTO {type} VALUES (1, 'x')",
        after="UPDATE {type} SET a = 'y'",
        found=(("missing", ("1", "x"), ()), ("extra", ("1", "y"), ())),
    ),
    change(
        "a row has moved to another partition",
        "CREATE TABLE {t} (id int, a int) PARTITION BY LIST (a)",
        "CREATE TABLE {type} PARTITION OF {t} FOR VALUES IN (1)",
        'CREATE TABLE "moved 2" PARTITION OF {t} DEFAULT',
        "INSERT INTO {t} VALUES (1, 1), (2, 1)",
        after="UPDATE {t} SET a = 2 WHERE id = 1",
        found=(("missing", ("1", "1"), ()), ("extra", ("1", "2"), ())),
    ),
    change(
        "a stored value that is generated",
        "CREATE TABLE {t} (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)",
        "INSERT INTO {t} VALUES (1, 1), (2, 2)",
        after="UPDATE {t} SET a = 3 WHERE id = 1",
        found=(("changed", ("1",), ("a", "b")),),
    ),
)


def columns_differ(name: str, before: str, after: str, *problems: str, on: frozenset[int] = ANY) -> Case:
    """Both sides hold the same rows in the columns that both have, and one has other columns."""
    sides = (f"CREATE TABLE {{t}} (id int PRIMARY KEY, a text{more})" for more in (before, after))
    first, then = ((table, _FILLED) for table in sides)
    return Case(name, first, then, problems=problems, on=(on, on))


_OTHERWISE = (
    columns_differ("a column is missing", ", b int", "", "column b is missing"),
    columns_differ("a column is extra", "", ", b int DEFAULT 1", "column b is extra"),
    columns_differ("a column has another name", ", b int", ", c int", "column b is missing", "column c is extra"),
    Case(
        "no column is the same",
        ("CREATE TABLE {t} (a int)", "INSERT INTO {t} VALUES (1), (2)"),
        ("CREATE TABLE {t} (b int)", "INSERT INTO {t} VALUES (1), (2)"),
        problems=("column a is missing", "column b is extra"),
    ),
    Case(
        "the key has another name",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a int)", "INSERT INTO {t} VALUES (1, 1)"),
        ("CREATE TABLE {t} (uid int PRIMARY KEY, a int)", "INSERT INTO {t} VALUES (1, 1)"),
        problems=("column id is missing", "column uid is extra"),
    ),
    Case(
        "another type in which a value differs",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a int)", "INSERT INTO {t} VALUES (1, 1), (2, 20)"),
        ("CREATE TABLE {t} (a numeric, id bigint PRIMARY KEY)", "INSERT INTO {t} VALUES (1, 1), (20.0, 2)"),
        (("changed", ("2",), ("a",)),),
    ),
    Case(
        "a time that has gained a zone",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a timestamp)", "INSERT INTO {t} VALUES (1, '2025-01-01'), (2, NULL)"),
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, a timestamptz)",
            "INSERT INTO {t} VALUES (1, '2025-01-01Z'), (2, NULL)",
        ),
        (("changed", ("1",), ("a",)),),
    ),
    Case(
        "blanks that a longer char has gained",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a char(5))", "INSERT INTO {t} VALUES (1, 'x'), (2, NULL)"),
        ("CREATE TABLE {t} (id int PRIMARY KEY, a char(6))", "INSERT INTO {t} VALUES (1, 'x'), (2, NULL)"),
        (("changed", ("1",), ("a",)),),
    ),
    Case(
        "a virtual value that is generated",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a int, b int)", "INSERT INTO {t} VALUES (1, 1, 2), (2, 2, 5)"),
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)",
            "INSERT INTO {t} VALUES (1, 1), (2, 2)",
        ),
        (("changed", ("2",), ("b",)),),
        on=(ANY, frozenset({18})),
    ),
)

SHAPES = (*_COLUMNS, *_TABLES, *_OTHERWISE)
