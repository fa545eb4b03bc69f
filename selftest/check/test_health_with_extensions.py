"""What needs a server with ICU and with extensions: collations of another version, amcheck and plpgsql_check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, cast

import pytest
from psycopg.conninfo import make_conninfo

from postmigration.checks.health import ages
from postmigration.postgres.connection import Snapshot
from selftest.check.conftest import load
from selftest.check.judging import Verdict, judge
from selftest.servers import Servers
from selftest.tiers import few

MODULES = ("test_damage", "test_statements")
COUNTER = itertools.count()
WORLD = """
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE TABLE name (id integer PRIMARY KEY, n text COLLATE german, plain text);
INSERT INTO name SELECT g, CASE g % 3 WHEN 0 THEN 'B' WHEN 1 THEN 'a' ELSE 'Ä' END || g, 'x' || g
FROM generate_series(1, 300) g;
CREATE INDEX name_n ON name (n);
CREATE FUNCTION count_names() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM name);
END $$;
CREATE FUNCTION make_names() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE some_names AS SELECT * FROM name;
    RETURN (SELECT count(*) FROM some_names);
END $$;
ANALYZE;
"""
# The index is ordered as in German, and asked as in C.
OTHER_COLLATION = """UPDATE pg_index SET indcollation = '950' WHERE indexrelid = 'name_n'::regclass"""
OLD_LIBRARY = "UPDATE pg_collation SET collversion = '9.1' WHERE collname = 'german'"
AMCHECK = "CREATE EXTENSION amcheck"
LINTED = "CREATE EXTENSION plpgsql_check"

Judge = Callable[..., Verdict]


@pytest.fixture
def judged(servers: Servers) -> Iterator[Judge]:
    """Judges a copy in which statements were run; `both` were run on the side before, too, and `alone` has none."""
    server = servers[15]
    made: list[str] = []

    def make(options: str, *statements: str) -> str:
        made.append(f"health_{next(COUNTER)}")
        with server.connect("postgres") as connection:
            connection.autocommit = True
            connection.execute(f"CREATE DATABASE {made[-1]} {options}".encode())
        load(server, made[-1], "\n".join([WORLD, *(f"{statement};" for statement in statements if statement)]))
        return server.conninfo(made[-1])

    def run(*statements: str, both: str = "", alone: bool = False, user: str = "", options: str = "") -> Verdict:
        after = make(options, both, *statements)
        before = "" if alone else make(options, both)
        return judge(before, make_conninfo(after, user=user) if user else after, only=MODULES)

    yield run
    for name in made:
        server.drop(name)


# What is done to one side and to both, and what is said of it.
FAULTS = {
    "another collation": ("", OTHER_COLLATION, "blocker", "another order than text_ops with the collation"),
    "another collation, by amcheck": (AMCHECK, OTHER_COLLATION, "blocker", "index name_n of name: amcheck finds it"),
    "another collation on both sides": (OTHER_COLLATION, "", "warning", "it was so before"),
    "another collation on both sides, by amcheck": (f"{AMCHECK}; {OTHER_COLLATION}", "", "warning", "was so before"),
    "rows that no vacuum has seen": (
        AMCHECK,
        "UPDATE pg_class SET relfrozenxid = CAST(CAST(txid_current() AS text) AS xid) WHERE relname = 'name'",
        "blocker",
        "table name: amcheck finds it damaged: 300 places; the first: block 0, item 1: ",
    ),
    "another library": ("", OLD_LIBRARY, "warning", "collation german was made with version 9.1 of its library"),
    "another library on both sides": (OLD_LIBRARY, "", "told", "name_n may be in another order"),
    "a body that names what is gone": (
        LINTED,
        "ALTER TABLE name RENAME TO names",
        "blocker",
        'function count_names() cannot run: relation "name" does not exist; it could before',
    ),
}


@pytest.mark.parametrize("what", few(FAULTS))
def test_a_fault_is_found(what: str, judged: Judge) -> None:
    both, statement, severity, words = FAULTS[what]
    verdict = judged(statement, both=both)
    assert any(words in said for said in verdict.words(severity)), verdict
    assert len(verdict.red()) == (severity == "blocker"), verdict.words("blocker")


@pytest.mark.full
@pytest.mark.parametrize("both", [AMCHECK, LINTED, f"{AMCHECK}; {LINTED}", ""])
@pytest.mark.parametrize("alone", [True, False])
def test_what_is_sound_is_accused_of_nothing(both: str, alone: bool, judged: Judge) -> None:
    verdict = judged(both=both, alone=alone)
    assert not verdict.red() | verdict.yellow(), verdict


@pytest.mark.full
def test_the_collation_of_the_database_counts(judged: Judge) -> None:
    options = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'"
    old = "UPDATE pg_database SET datcollversion = '9.1' WHERE datname = current_database()"
    verdict = judged(old, "CREATE INDEX name_plain ON name (plain)", options=options)
    (said,) = verdict.words("warning")
    assert said.startswith("the collation of the database was made with version 9.1 of its library")
    assert said.endswith("name_plain may be in another order than searches expect")
    assert "REFRESH COLLATION VERSION" in verdict.repairs("warning")[0]


@pytest.mark.full
def test_amcheck_that_may_not_be_executed_is_told(judged: Judge) -> None:
    role = f"health_reader_{next(COUNTER)}"
    verdict = judged(
        f"DO $$ BEGIN EXECUTE 'CREATE ROLE {role} LOGIN PASSWORD ''correct horse'''; END $$",
        f"GRANT SELECT ON name TO {role}",
        both=AMCHECK,
        user=role,
    )
    assert any(words.startswith("amcheck may not be executed") for words in verdict.words("told")), verdict


def test_pages_whose_checksum_is_wrong_are_counted() -> None:
    class Server:
        """Answers as a server that has counted some."""

        def __init__(self, failures: int | None, *, kept: bool = True) -> None:
            self.failures, self.kept, self.last = failures, kept, datetime(2026, 1, 2, 3, 4, 5)

        def rows(self, sql: str) -> list[Any]:
            assert "checksum_failures" in sql
            return [self]

    def look(after: Server, before: Server | None = None) -> list[tuple[str, str]]:
        found = ages.examine_checksums(cast(Snapshot, after), cast("Snapshot | None", before))
        return [(one.severity, one.statement) for one in found.findings]

    words = "the server has counted 2 wrong checksums of pages of this database, the last at 2026-01-02 03:04:05"
    assert look(Server(2)) == [("blocker", words)]
    assert look(Server(2), Server(2)) == [("warning", f"{words}; it was so before")]
    assert look(Server(2), Server(1)) == [("blocker", words)]
    assert look(Server(0)) == look(Server(None, kept=False)) == []
