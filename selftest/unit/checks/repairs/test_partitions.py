"""Rows that lie in the wrong partition are moved to the right one, and stay what they are."""

from postmigration.checks.contents.violations import examine
from postmigration.checks.repairs.partitions import move_rows
from postmigration.model.verdict import Result
from postmigration.report.diagnosis.advice import advise
from postmigration.report.diagnosis.group import Found, group_findings
from postmigration.report.diagnosis.wording import describe
from selftest.unit.results import make_result
from selftest.unit.uncommitted import Fill, add

RESULT: Result = make_result("failed", None)
# A partition may have its columns in another order, and a row may belong under another branch.
WORLD = """
    CREATE TABLE event (id int GENERATED ALWAYS AS IDENTITY, year int, kind text, more int,
                        twice int GENERATED ALWAYS AS (year * 2) STORED, PRIMARY KEY (year, kind, id))
        PARTITION BY RANGE (year);
    CREATE TABLE old PARTITION OF event FOR VALUES FROM (1) TO (10) PARTITION BY LIST (kind);
    CREATE TABLE old_a (more int, kind text NOT NULL, gone int, twice int GENERATED ALWAYS AS (year * 2) STORED,
                        year int NOT NULL, id int NOT NULL);
    ALTER TABLE old_a DROP gone;
    ALTER TABLE old ATTACH PARTITION old_a FOR VALUES IN ('a');
    CREATE TABLE new PARTITION OF event FOR VALUES FROM (10) TO (20);
    CREATE TABLE note (year int, kind text, id int, FOREIGN KEY (year, kind, id) REFERENCES event ON DELETE CASCADE);
    INSERT INTO event (year, kind, more) VALUES (1, 'a', 5), (11, 'b', 6), (12, 'a', 7);
    INSERT INTO note SELECT year, kind, id FROM event;
"""
MISPLACED = (
    "UPDATE pg_class SET relispartition = false WHERE relname IN ('old_a', 'new')",
    """
    SET LOCAL session_replication_role = replica;
    INSERT INTO old_a (id, year, kind, more) OVERRIDING SYSTEM VALUE
        SELECT id, year, kind, more FROM new WHERE kind = 'b';
    DELETE FROM new WHERE kind = 'b';
    INSERT INTO new (id, year, kind, more) OVERRIDING SYSTEM VALUE
        SELECT id, year, kind, more FROM old_a WHERE year = 1;
    DELETE FROM old_a WHERE year = 1;
    SET LOCAL session_replication_role = origin;
    """,
    "UPDATE pg_class SET relispartition = true WHERE relname IN ('old_a', 'new')",
)


def list_statements(repair: str) -> list[str]:
    """The statements of a repair, without the transaction in which they stand."""
    lines = [line for line in repair.splitlines() if not line.startswith("--") and line not in ("BEGIN;", "COMMIT;")]
    return "\n".join(lines).split(";\n")


def test_rows_move_to_the_partitions_that_take_them_and_what_refers_to_them_stays(now: Fill) -> None:
    after = now(WORLD, *MISPLACED)
    findings = examine(after, None, ["public"]).findings
    assert {finding.statement for finding in findings if finding.code == "rows_misplaced"} == {
        "old_a: 1 row does not belong into this partition of old: its bounds (FOR VALUES IN ('a')) exclude them",
        "new: 1 row does not belong into this partition of event: its bounds (FOR VALUES FROM (10) TO (20)) exclude "
        "them",
    }
    for finding in findings:
        add(after, *list_statements(finding.repair))
    assert not [found for found in examine(after, None, ["public"]).findings if found.code == "rows_misplaced"]
    rows = after.rows(
        "SELECT tableoid::regclass::text AS part, id, year, kind, more, twice FROM public.event ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("public.old_a", 1, 1, "a", 5, 2),
        ("public.new", 2, 11, "b", 6, 22),
        ("public.new", 3, 12, "a", 7, 24),
    ]
    assert after.scalar("SELECT count(*) FROM public.note") == 3


def test_partitions_of_one_table_are_one_cause_with_an_advice_of_its_own(now: Fill) -> None:
    findings = [f for f in examine(now(WORLD, *MISPLACED), None, ["public"]).findings if f.code == "rows_misplaced"]
    (group,) = group_findings(Found(finding, RESULT) for finding in findings)
    assert describe(group) == "2 rows of event lie in partitions whose bounds exclude them: 1 in new and 1 in old_a."
    assert advise(group.main).remedy.startswith("Move each row to the partition that takes it")


def test_who_runs_it_and_what_it_risks_stands_first() -> None:
    repair = move_rows("p", "ONLY public.p", "public.t", ["id"], "(id > 3) IS FALSE")
    first = " ".join(line.removeprefix("-- ") for line in repair.partition("\nBEGIN;")[0].splitlines())
    assert first.startswith("the DBA, as a superuser, moves the rows of p that its bounds exclude")
    assert "Risk: " in first
    assert move_rows("p", "ONLY public.p", "public.t", [], "false") == ""
    assert move_rows("p", 'ONLY "a\nb"', "public.t", ["id"], "false") == ""
