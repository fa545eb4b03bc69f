from postmigration.checks.rows.complete_fingerprint import complete_fingerprint
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import MovedRows
from selftest.unit.conftest import OpenSnapshot

EMPTY = Fingerprint("", "", "", "", "public", "native", "", "", {}, secret=5)
MOVE = MovedRows(table="stay", to="visit", key={"id": "r.id"})


def test_a_fingerprint_gets_what_a_database_holds_beside_rows(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot("""
        CREATE TABLE stay (id serial PRIMARY KEY);
        INSERT INTO stay DEFAULT VALUES;
        SELECT lo_from_bytea(0, 'abc');
    """)
    taken = complete_fingerprint(snapshot, EMPTY)
    assert taken.sequences is not None
    assert [(one.name, one.next) for one in taken.sequences.sequences] == [("stay_id_seq", 2)]
    assert taken.large_objects is not None
    assert taken.large_objects.count == 1
    # The embedded server has no pg_stat_statements, and the fingerprint says so.
    assert taken.workload is not None
    assert taken.workload.statements is None
    assert taken.workload.reason.startswith("pg_stat_statements is not installed")
    assert taken.declared == ()
    (declared,) = complete_fingerprint(snapshot, EMPTY, [MOVE]).declared
    assert declared.rows is not None
    assert (declared.name, declared.rows.rows) == ("visit", 1)
