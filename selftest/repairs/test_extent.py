"""A printed repair touches the rows of its finding and no others, and says how many these are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy
from selftest.judging import Judges
from selftest.repairs.running import collect, decide, run

# Two projects name an organization that is gone, one of them without a customer contact; of others one names another
# customer's, and one none.
DAMAGE = """
    SET session_replication_role = replica;
    CREATE TEMPORARY TABLE chosen AS
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM projects WHERE customer_id IS NOT NULL;
    UPDATE projects SET customer_organization_id = '00000000-0000-4000-8000-000000000000'
    WHERE id IN (SELECT id FROM chosen WHERE place = 1)
       OR id IN (SELECT id FROM projects WHERE customer_id IS NULL ORDER BY id LIMIT 1);
    UPDATE projects p SET customer_organization_id = (
        SELECT o.id FROM organizations o WHERE o.description = 'Customer Organization'
          AND o.id <> p.customer_organization_id ORDER BY o.id LIMIT 1)
    WHERE id IN (SELECT id FROM chosen WHERE place = 2);
    UPDATE projects SET customer_organization_id = NULL WHERE id IN (SELECT id FROM chosen WHERE place = 3);
"""
# The check, which of its findings, the number that its repair says, and how many rows change once all is decided.
CASES = (
    ("16", "does not exist", r"\(rows now: 1\)", 2),
    ("7", "without a customer organization", r"\(rows now: 1\)", 1),
)


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
@pytest.mark.parametrize(("check", "says", "number", "rows"), CASES, ids=[check for check, *_ in CASES])
def test_the_repair_of_a_finding_touches_its_rows_and_no_others(
    check: str,
    says: str,
    number: str,
    rows: int,
    server: embedded.Server,
    copy: Copy,
    judges: Judges,
    tmp_path: Path,
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(DAMAGE.encode())
        connection.execute("CREATE TABLE public.kept AS SELECT id, xmin::text AS version FROM projects")
    (result,) = judges.judge(server.conninfo(name), first=[check], only=True)
    (finding,) = (one for one in result.evidence.findings if says in one.statement)
    (repair,) = collect([finding], "blocker")
    assert re.search(rf"^-- the DBA: .*{number}", repair, re.MULTILINE)
    assert run(decide(repair), {"target": server.conninfo(name)}, tmp_path) == ""
    with server.connect(name) as connection:
        sql = "SELECT count(*) FROM projects p JOIN public.kept k ON k.id = p.id AND k.version <> p.xmin::text"
        assert connection.execute(sql).fetchall() == [(rows,)]
        assert finding.wrong == rows


# What the audit trigger of projects writes is refused, by the table that it goes to.
STRAY = """
    CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'nothing is logged'; END$$;
    CREATE TRIGGER stray BEFORE INSERT ON activity_log FOR EACH ROW EXECUTE FUNCTION stray();
"""


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_refusal_is_repaired_where_it_comes_from(server: embedded.Server, copy: Copy, judges: Judges) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(STRAY)
    check = "existing_rows_can_be_changed"
    (result,) = (one for one in judges.judge(server.conninfo(name), first=[check], only=True) if one.check == check)
    assert "P0001" in str(result.evidence.words), result.evidence
    repairs = "\n".join(collect(result.evidence.findings, "blocker"))
    assert "DROP TRIGGER IF EXISTS stray ON public.activity_log" in repairs
