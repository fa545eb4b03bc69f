import pytest

from postmigration.checks.workload.collect import CATALOGS, CONSTANTS, GONE, OURS, PLATFORM, UTILITY, collect, try_again
from postmigration.model.errors import NotApplicable, NotJudged
from selftest.unit.uncommitted import Fill

# The extension as the catalogs know it: the embedded server is built without.
KEPT = """
    CREATE ROLE unit_app LOGIN; CREATE ROLE pgbouncer;
    CREATE SCHEMA ext; CREATE TABLE stay (id int, note text); GRANT SELECT ON stay TO unit_app;
    CREATE TABLE ext.kept (query text, userid oid, queryid int, calls int, time float8, rows int);
    INSERT INTO ext.kept SELECT query, coalesce(to_regrole(role), 1), 1, 4, time, 8 FROM (VALUES
        ('SELECT id FROM stay -- first', 'unit_app', 10.0),
        ('SELECT id FROM stay', 'unit_app', 2.0),
        ('SELECT lost FROM stay', 'unit_app', 50.0),
        ('CREATE ROLE x PASSWORD ''secret''', 'unit_app', 1),
        ('SELECT ''constant''', 'unit_app', 1),
        ('SELECT 1 FROM pg_class', 'unit_app', 1),
        ('SELECT 1 FROM stay -- $1', 'unit_app', 1),
        ('SELECT 1 FROM stay', 'pgbouncer', 1),
        ('SELECT 1 FROM stay', 'unit_gone', 1)) AS v (query, role, time);
    CREATE VIEW ext.pg_stat_statements AS
        SELECT query, userid, queryid, calls, time AS total_exec_time, rows, true AS toplevel,
               (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AS dbid FROM ext.kept;
    INSERT INTO pg_catalog.pg_extension
        SELECT 77777, 'pg_stat_statements', extowner, 'ext'::regnamespace, true, '1', NULL, NULL
        FROM pg_catalog.pg_extension LIMIT 1;
    INSERT INTO pg_catalog.pg_depend VALUES
        ('pg_class'::regclass, 'ext.pg_stat_statements'::regclass, 0, 'pg_extension'::regclass, 77777, 0, 'e')
"""


def test_what_an_application_has_sent_is_collected_and_tried(now: Fill) -> None:
    found = collect(now(KEPT), ["public"])
    # The most costly first; those that differ in a comment are one.
    lost, twice = found.statements
    assert (lost.text, lost.role, lost.milliseconds, lost.mean) == ("SELECT lost FROM stay", "unit_app", 50, 12.5)
    assert (twice.text, twice.calls, twice.milliseconds, twice.rows) == ("SELECT id FROM stay", 8, 12, 16)
    assert lost.before is not None
    assert lost.before.refused is not None
    assert twice.before is not None
    assert list(twice.before.columns) == [("id", "integer")]
    assert found.left_out == dict.fromkeys((UTILITY, CONSTANTS, CATALOGS, OURS, PLATFORM, GONE), 1)
    assert found.database.startswith("postgres@")


def test_the_same_statements_are_tried_again(now: Fill) -> None:
    sent = collect(now(KEPT))
    again = try_again(now("CREATE ROLE unit_app", "CREATE TABLE stay (lost int)"), sent, ["public"])
    assert [one.text for one in again.statements] == [one.text for one in sent.statements]
    refused = [one.before.refused is not None for one in again.statements if one.before is not None]
    assert refused == [False, True]


def test_without_the_extension_there_is_nothing_to_collect(now: Fill) -> None:
    with pytest.raises(NotApplicable, match="pg_stat_statements is not installed in it"):
        collect(now())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE ext.kept SET queryid = NULL", "hides the statements of other roles"),
        (
            "ALTER VIEW ext.pg_stat_statements RENAME TO before; CREATE VIEW ext.pg_stat_statements AS "
            "SELECT query, userid, queryid, 1 / (calls - calls) AS calls, 1.0 AS total_time, rows, d.oid AS dbid "
            "FROM ext.kept, pg_catalog.pg_database d; UPDATE pg_catalog.pg_depend SET objid = "
            "'ext.pg_stat_statements'::regclass WHERE objid = 'ext.before'::regclass AND refobjid = 77777",
            "pg_stat_statements cannot be read: division by zero",
        ),
    ],
)
def test_statements_that_may_not_be_read_are_not_judged(now: Fill, change: str, words: str) -> None:
    with pytest.raises(NotJudged, match=words):
        collect(now(KEPT, change))
