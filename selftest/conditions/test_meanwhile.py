"""What others do to the schema while it is judged: never GO over what is gone, and nothing breaks down."""

import pytest

from postmigration.postgres import embedded
from selftest.conditions import meddling
from selftest.conftest import Copy, Judge
from selftest.tiers import few

# The statement of somebody else, and the exit statuses that are right.
MEANWHILE = {
    "a column is added": ("ALTER TABLE contacts ADD COLUMN added text DEFAULT 'x'", (0,)),
    "a table is created": ("CREATE TABLE added (id int PRIMARY KEY)", (0, 1)),
    "a legacy column is dropped": ("ALTER TABLE contacts DROP COLUMN notes CASCADE", (1,)),
    "a table is renamed": ("ALTER TABLE documents RENAME TO papers", (1,)),
    "a table is dropped": ("DROP TABLE reviews CASCADE", (1,)),
    "an index is built": ("CREATE INDEX ON contacts (contact_name)", (0,)),
    "a type is changed": ("ALTER TABLE projects ALTER title TYPE text", (0, 1)),
    "a table is emptied": ("TRUNCATE project_contact_points", (1,)),
    "a function is dropped": ("DROP FUNCTION get_project_customer_organization", (1,)),
}


@pytest.mark.full
@pytest.mark.parametrize("meanwhile", few(MEANWHILE, 4, full=(2,)))
def test_what_others_change_meanwhile_breaks_nothing(
    server: embedded.Server,
    copy: Copy,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
) -> None:
    statement, statuses = MEANWHILE[meanwhile]
    target = server.conninfo(copy("migrated"))
    monkeypatch.setenv(meddling.CONNINFO, target)
    monkeypatch.setenv(meddling.STATEMENT, statement)
    judged = judge(
        f"--db-url={target}", f"--baseline={server.conninfo('legacy')}", "-p", "selftest.conditions.meddling"
    )
    assert judged.status in statuses, judged.output
    assert not [(r.nodeid, r.reason) for r in judged.results if r.outcome == "broken"], judged.output
    assert "Traceback" not in judged.output
