"""Tables that hold the same rows on both sides, however these are stored and constrained."""

from selftest.comparison.cases import FULL, Case, equal

_TABLE = "CREATE TABLE {t} (id int PRIMARY KEY, a text, b numeric)"
_ROWS = "INSERT INTO {t} SELECT i, nullif('a' || i % 7, 'a3'), i / 3.0 FROM generate_series(1, 900) i"
_PLAIN = (_TABLE, _ROWS)
_LONG = "INSERT INTO {t} SELECT i, repeat('long ', 20000) || i FROM generate_series(1, 4) i"
_TEXTS = ("CREATE TABLE {t} (id int PRIMARY KEY, a text)", _LONG)


def same(name: str, *more: str) -> Case:
    """The later side has done something with the table that leaves its rows as they were."""
    return equal(name, _PLAIN, (*_PLAIN, *more))


_DISK = (
    equal("other physical order", _PLAIN, (_TABLE, _ROWS + " ORDER BY random()")),
    same("vacuumed in full", "DELETE FROM {t} WHERE false", "VACUUM FULL {t}"),
    same("clustered", "CREATE INDEX ON {t} (a)", "CLUSTER {t} USING clustered_a_idx"),
    same("updated and put back", "UPDATE {t} SET b = b + 1", "UPDATE {t} SET b = b - 1"),
    same("deleted and put back", "CREATE TABLE {type} AS TABLE {t}", "DELETE FROM {t}", "INSERT INTO {t} TABLE {type}"),
    same("rolled back", "DO $$BEGIN DELETE FROM {t}; RAISE 'no'; EXCEPTION WHEN raise_exception THEN NULL; END$$"),
    same("a fill factor", "ALTER TABLE {t} SET (fillfactor = 10)", "VACUUM FULL {t}"),
    same("unlogged on one side", "ALTER TABLE {t} SET UNLOGGED"),
    same("analyzed with more statistics", "ALTER TABLE {t} ALTER a SET STATISTICS 1000", "ANALYZE {t}"),
    same("replica identity", "ALTER TABLE {t} REPLICA IDENTITY FULL"),
    equal("stored outside of the row", _TEXTS, (_TEXTS[0], "ALTER TABLE {t} ALTER a SET STORAGE EXTERNAL", _LONG)),
    equal("stored without compression", _TEXTS, (_TEXTS[0], "ALTER TABLE {t} ALTER a SET STORAGE MAIN", _LONG)),
    equal(
        "compressed otherwise",
        _TEXTS,
        (_TEXTS[0], "ALTER TABLE {t} ALTER a SET COMPRESSION lz4", _LONG),
        after_on=FULL,
    ),
    same("a column dropped", "ALTER TABLE {t} ADD c int DEFAULT 1", "ALTER TABLE {t} DROP c"),
    equal(
        "columns dropped and added again",
        _PLAIN,
        (
            *_PLAIN,
            "ALTER TABLE {t} RENAME a TO old",
            "ALTER TABLE {t} ADD a text",
            "UPDATE {t} SET a = old",
            "ALTER TABLE {t} DROP old",
        ),
    ),
    equal(
        "columns in another order",
        _PLAIN,
        ("CREATE TABLE {t} (b numeric, a text, id int PRIMARY KEY)", _ROWS.replace("{t}", "{t} (id, a, b)")),
    ),
    equal(
        "a column that was added with a default",
        (_TABLE, "ALTER TABLE {t} ADD c text NOT NULL DEFAULT 'x'", _ROWS),
        (*_PLAIN, "ALTER TABLE {t} ADD c text NOT NULL DEFAULT 'x'"),
    ),
    equal(
        "more rows than a bucket holds, reversed",
        _TABLE + ";" + _ROWS.replace("900", "3000"),
        _TABLE + ";" + _ROWS.replace("900", "3000") + " ORDER BY i DESC",
    ),
    equal("no rows", _TABLE, (*_PLAIN, "DELETE FROM {t}")),
    equal(
        "nothing but NULL",
        "CREATE TABLE {t} (a int, b text); INSERT INTO {t} VALUES (NULL)",
        "CREATE TABLE {t} (a int, b text); INSERT INTO {t} VALUES (NULL, NULL)",
    ),
    equal(
        "equal rows without a key, in another order",
        "CREATE TABLE {t} (a int, b text); INSERT INTO {t} VALUES (1, 'x'), (1, 'x'), (2, NULL), (2, NULL), (3, '')",
        "CREATE TABLE {t} (a int, b text); INSERT INTO {t} VALUES (2, NULL), (3, ''), (1, 'x'), (2, NULL), (1, 'x')",
    ),
)

_FAMILY = ("CREATE TABLE {t} (id int, a text)", "CREATE TABLE {type} () INHERITS ({t})")
_TABLES = (
    same("no key any more", 'ALTER TABLE {t} DROP CONSTRAINT "no key any more_pkey"'),
    equal("a key that was not there", (_TABLE.replace(" PRIMARY KEY", ""), _ROWS), _PLAIN),
    equal("a unique index in place of a key", _PLAIN, (_TABLE.replace("PRIMARY KEY", "NOT NULL UNIQUE"), _ROWS)),
    equal(
        "a key with its columns in another order",
        "CREATE TABLE {t} (a int, b int, PRIMARY KEY (a, b)); INSERT INTO {t} VALUES (1, 2), (2, 1), (2, 2)",
        "CREATE TABLE {t} (a int, b int, PRIMARY KEY (b, a)); INSERT INTO {t} VALUES (1, 2), (2, 1), (2, 2)",
    ),
    equal(
        "another column is the key",
        "CREATE TABLE {t} (a int PRIMARY KEY, b int NOT NULL UNIQUE); INSERT INTO {t} VALUES (1, 2), (2, 1), (3, 3)",
        "CREATE TABLE {t} (a int NOT NULL, b int PRIMARY KEY); INSERT INTO {t} VALUES (1, 2), (2, 1), (3, 3)",
    ),
    same("more indexes", "CREATE INDEX ON {t} (a)", "CREATE INDEX ON {t} USING hash (b)"),
    same(
        "another owner",
        "DO $$BEGIN CREATE ROLE owner_of_case; EXCEPTION WHEN duplicate_object THEN NULL; END$$",
        "ALTER TABLE {t} OWNER TO owner_of_case",
    ),
    same("row-level security", "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
    same("triggers switched off", "ALTER TABLE {t} DISABLE TRIGGER ALL"),
    same("constraints", "ALTER TABLE {t} ADD CHECK (b >= 0), ALTER b SET NOT NULL", "COMMENT ON TABLE {t} IS 'x'"),
    same("columns that may not be read", "REVOKE ALL ON {t} FROM PUBLIC, CURRENT_USER"),
    equal(
        "identity on one side",
        ("CREATE TABLE {t} (id int PRIMARY KEY, a int)", "INSERT INTO {t} VALUES (1, 1), (2, 2)"),
        (
            "CREATE TABLE {t} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int)",
            "INSERT INTO {t} (a) VALUES (1), (2)",
        ),
    ),
    equal(
        "a stored generated value and a plain one",
        "CREATE TABLE {t} (id int, a int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO {t} VALUES (1), (2)",
        "CREATE TABLE {t} (id int, a int); INSERT INTO {t} VALUES (1, 2), (2, 4)",
    ),
    equal(
        "a plain value and a virtual generated one",
        "CREATE TABLE {t} (id int, a int); INSERT INTO {t} VALUES (1, 2), (2, 4)",
        "CREATE TABLE {t} (id int, a int GENERATED ALWAYS AS (id * 2) VIRTUAL); INSERT INTO {t} VALUES (1), (2)",
        after_on=frozenset({18}),
    ),
    equal(
        "partitioned on one side",
        _PLAIN,
        (
            _TABLE + " PARTITION BY RANGE (id)",
            "CREATE TABLE {type} PARTITION OF {t} FOR VALUES FROM (0) TO (300)",
            'CREATE TABLE "partitioned on one side 2" (b numeric, gone int, a text, id int NOT NULL)',
            'ALTER TABLE "partitioned on one side 2" DROP gone',
            'ALTER TABLE {t} ATTACH PARTITION "partitioned on one side 2" DEFAULT',
            _ROWS,
        ),
    ),
    equal(
        "partitioned by hash and by list",
        (
            "CREATE TABLE {t} (id int, a int) PARTITION BY HASH (id)",
            "CREATE TABLE {type} PARTITION OF {t} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
            "INSERT INTO {t} SELECT i, i % 3 FROM generate_series(1, 99) i",
        ),
        (
            "CREATE TABLE {t} (id int, a int) PARTITION BY LIST (a)",
            "CREATE TABLE {type} PARTITION OF {t} DEFAULT",
            "INSERT INTO {t} SELECT i, i % 3 FROM generate_series(1, 99) i",
        ),
    ),
    equal(
        "rows in a child that inherits",
        (*_FAMILY, "INSERT INTO {t} VALUES (1, 'x'), (2, NULL)"),
        (*_FAMILY, "INSERT INTO {t} VALUES (1, 'x')", "INSERT INTO {type} VALUES (2, NULL)"),
    ),
)

STORED = (*_DISK, *_TABLES)
