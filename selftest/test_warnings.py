"""What a reader should know and what does not stand in the way."""

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])


def warned(judge: Judge, database: str) -> list[str]:
    judged = judge(f"--db-url={database}", "-k", "statistics_were_gathered", "--allow-partial")
    assert judged.status == 0
    (result,) = judged.results
    return [row[0] for finding in result.evidence.warnings for row in finding.rows]


def test_statistics_that_were_never_gathered_are_a_warning(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    assert warned(judge, server.conninfo(name)) == []
    with server.connect(name) as connection:
        connection.execute("ALTER TABLE activity_log SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO activity_log (organization_id, entity_type, entity_id, action, description) "
            "SELECT organization_id, entity_type, entity_id, action, repeat('x', 500) "
            "FROM activity_log, generate_series(1, 20)"
        )
        # Or the server may count these rows only after it has analyzed the table.
        connection.execute("SELECT pg_stat_force_next_flush()")
        assert warned(judge, server.conninfo(name)) == ["activity_log"]
        connection.execute("ANALYZE activity_log")
        assert warned(judge, server.conninfo(name)) == []
        connection.execute("ALTER TABLE activity_log ADD COLUMN later text")
    assert warned(judge, server.conninfo(name)) == ["activity_log"]
