"""The gate against a fingerprint: what it still proves, what it leaves unjudged, and what it refuses."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from fixtures.intended import BEFORE
from postmigration.gate.commands import cli
from postmigration.model.faults import Fault
from postmigration.postgres.embedded import run_script
from selftest.comparison.cases import KINDS
from selftest.comparison.conftest import Done, Servers
from selftest.conftest import ROOT, Judge, Judged
from selftest.faults import FAULTS
from selftest.tiers import few

Fresh = Callable[..., str]

# The checks that compare with the state before; the others do not know how it was named.
PARITY = ("-k", "test_parity or rows_are_those_of_before")
# Those of them that need its rows.
NEED_ROWS = {"the_state_before_met_the_preconditions", "settings_keep_what_they_held"}
ROWS = [fault for fault in FAULTS if fault.check == "rows_are_those_of_before" and not fault.before]


@pytest.fixture
def taken(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Takes the fingerprint of a database where the gate stands; gives the option that names it."""

    def take(version: int, *options: str, conninfo: str = "") -> str:
        monkeypatch.chdir(ROOT)
        path = tmp_path / "before.fingerprint"
        database = conninfo or servers.world(version).conninfo("legacy")
        assert cli.main(["fingerprint", f"--db-url={database}", "-o", str(path), *options]) == 0
        return f"--baseline={path}"

    return take


def migrated(servers: Servers, fresh: Fresh, version: int, *statements: str) -> str:
    servers.world(version)
    return fresh(version, *statements, how="TEMPLATE migrated")


def differences(before: str, after: str, capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, str]]]:
    """The keys of the rows that the target has and that are not what they were, by table."""
    capsys.readouterr()
    cli.main(["compare", f"--baseline={before}", f"--db-url={after}", "--json", "--evidence-rows=999"])
    tables = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {
        table["table"]: [found["key"] for found in table["differences"] if found["kind"] != "missing"]
        for table in tables
        if not table["equal"]
    }


def red(judged: Judged) -> set[str]:
    """The checks that failed, with their tables."""
    return {result.nodeid.split("::test_")[1] for result in judged.results if result.outcome == "failed"}


def notes(judged: Judged, table: str) -> str:
    return next(
        " ".join(result.evidence.notes) for result in judged.results if result.nodeid.endswith(f"_of_before[{table}]")
    )


@pytest.mark.parametrize(
    ("version", "options", "some"), few([(18, [], PARITY), (18, [], ()), (15, ["--portable"], ())])
)
def test_what_was_only_migrated_is_go(
    servers: Servers,
    fresh: Fresh,
    taken: Callable[..., str],
    judge: Judge,
    version: int,
    options: list[str],
    some: tuple[str, ...],
) -> None:
    baseline = taken(version, *options)
    judged = judge(f"--db-url={migrated(servers, fresh, version)}", baseline, *some, *["--allow-partial"] * bool(some))
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("PARTIAL: " if some else "GO: 29 of 29 plan checks passed")
    assert "fingerprint of legacy, taken " in judged.output
    assert "on another server or of another database" in judged.output
    unjudged = {name for name in NEED_ROWS if judged.outcome(name) == "not judged"}
    assert unjudged == NEED_ROWS


@pytest.mark.full
def test_of_the_same_database_it_is_not_said_to_be_of_another(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge
) -> None:
    servers.world(18)
    database = fresh(18, how="TEMPLATE legacy")
    baseline = taken(18, conninfo=database)
    judged = judge(f"--db-url={database}", baseline, *PARITY)
    assert "fingerprint of fresh_" in judged.output
    assert "of another database" not in judged.output
    # Nothing was migrated: what must change has not, and the fingerprint shows it.
    assert {"rows_are_those_of_before[organizations]", "rows_are_those_of_before[contacts]"} <= red(judged)


@pytest.mark.parametrize("fault", few(ROWS, 2), ids=lambda fault: fault.path.stem)
def test_a_fault_of_rows_is_found(
    servers: Servers,
    fresh: Fresh,
    taken: Callable[..., str],
    judge: Judge,
    capsys: pytest.CaptureFixture[str],
    fault: Fault,
) -> None:
    number = ROWS.index(fault)
    version = KINDS[number % len(KINDS)]
    baseline = taken(version, *([], ["--portable"])[number % 2])
    after = migrated(servers, fresh, version)
    with psycopg.connect(after, autocommit=True) as connection:
        run_script(connection, fault.path)
    damage = differences(servers[version].conninfo("migrated"), after, capsys)
    judged = judge(f"--db-url={after}", baseline, *PARITY)
    assert judged.status == 1
    # The audit trail may grow, and does with each change of a contact.
    damage = {table: keys for table, keys in damage.items() if table != "activity_log" or "audit" in fault.path.stem}
    assert red(judged) == {f"rows_are_those_of_before[{table}]" for table in damage}
    evidence = judged.evidence("rows_are_those_of_before")
    assert "at least " in evidence
    assert all(value in evidence for keys in damage.values() for key in keys for value in key.values())


@pytest.mark.full
def test_a_fault_of_rows_is_no_go(servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge) -> None:
    after = migrated(
        servers,
        fresh,
        18,
        "UPDATE documents SET description = 'x' WHERE id = (SELECT min(id::text)::uuid FROM documents)",
    )
    judged = judge(f"--db-url={after}", taken(18))
    assert (judged.status, judged.red()) == (1, {"rows_are_those_of_before"})
    assert judged.last_line.startswith("NO-GO: ")


BECAME = f"SELECT id FROM ({BEFORE['organizations']}) r WHERE becomes_customer"


@pytest.mark.parametrize(
    ("table", "change"),
    few(
        [
            ("organizations", "description = settings ->> 'legacy_description'"),
            ("organizations", "description = 'customer organization'"),
            ("contacts", "client_organization_id = NULL"),
            ("contacts", "client_organization_id = organization_id"),
        ]
    ),
    ids=["not marked", "marked otherwise", "operator not kept", "operator taken for the customer"],
)
def test_a_change_that_must_be_and_is_not_is_found(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge, table: str, change: str
) -> None:
    with servers.world(16).connect("legacy") as connection:
        contact = "SELECT min(id::text) FROM contacts WHERE type = 'customer' AND client_organization_id IS NULL"
        ids = {
            name: connection.execute(sql.encode()).fetchall()[0][0]
            for name, sql in (("organizations", BECAME), ("contacts", contact))
        }
    quietly = f"UPDATE {table} SET {change} WHERE id = '{ids[table]}'"
    after = migrated(servers, fresh, 16, "SET session_replication_role = replica", quietly)
    judged = judge(f"--db-url={after}", taken(16), *PARITY)
    assert red(judged) == {f"rows_are_those_of_before[{table}]"}
    assert str(ids[table]) in judged.evidence("rows_are_those_of_before")


LATER = """
    INSERT INTO contacts (organization_id, type, company_name) SELECT organization_id, type, company_name FROM contacts
    WHERE type = 'supplier' LIMIT 3
"""
TOUCHED = (
    "UPDATE contacts SET notes = 'called' WHERE id = (SELECT min(id::text)::uuid FROM contacts WHERE type = 'supplier')"
)


@pytest.mark.full
def test_a_running_system_may_move_on_and_may_lose_nothing(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge
) -> None:
    baseline = taken(18)
    with servers[18].connect("migrated") as connection:
        first, last, now = connection.execute(
            "SELECT min(id::text), max(id::text), clock_timestamp() FROM contacts WHERE type = 'supplier'"
        ).fetchall()[0]
    cutover = now.isoformat()
    touched = f"UPDATE contacts SET notes = 'called' WHERE id = '{first}'"
    moved = migrated(servers, fresh, 18, LATER, touched)
    # Without a cut-over nothing may have been invented or changed.
    assert "rows_are_those_of_before[contacts]" in red(judge(f"--db-url={moved}", baseline, *PARITY))
    judged = judge(f"--db-url={moved}", baseline, f"--cutover={cutover}", *PARITY)
    assert red(judged) == set()
    assert "1 buckets not judged: 1 rows were changed since the cut-over" in notes(judged, "contacts")
    assert "not judged" not in notes(judged, "documents")
    # A row that is lost leaves its bucket with fewer, whatever else was changed there.
    for lost in (first, last):
        with psycopg.connect(moved, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM contacts WHERE id = %s", [lost])
        judged = judge(f"--db-url={moved}", baseline, f"--cutover={cutover}", *PARITY)
        assert red(judged) == {"rows_are_those_of_before[contacts]"}
        assert "missing" in judged.evidence("rows_are_those_of_before")


@pytest.mark.full
def test_what_was_altered_without_a_trace_after_the_cutover_is_found(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge
) -> None:
    baseline = taken(18)
    with servers[18].connect("migrated") as connection:
        cutover = connection.execute("SELECT clock_timestamp()").fetchall()[0][0].isoformat()
    quietly = "UPDATE documents SET description = 'x' WHERE id = (SELECT min(id::text)::uuid FROM documents)"
    after = migrated(servers, fresh, 18, "SET session_replication_role = replica", quietly)
    judged = judge(f"--db-url={after}", baseline, f"--cutover={cutover}", *PARITY)
    assert red(judged) == {"rows_are_those_of_before[documents]"}


@pytest.mark.parametrize(
    ("change", "says"),
    few(
        [
            ("DROP TABLE reviews", "the database has no table reviews, of which it holds"),
            ("ALTER TABLE contacts DROP tax_id CASCADE", "the table contacts of the database has no column tax_id"),
        ]
    ),
)
def test_a_target_that_lacks_something_is_refused(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge, change: str, says: str
) -> None:
    judged = judge(f"--db-url={migrated(servers, fresh, 18, change)}", taken(18))
    assert judged.status == 4
    assert f"the fingerprint of --baseline does not fit: {says}" in judged.output
    assert "Traceback" not in judged.output


@pytest.mark.full
def test_a_fingerprint_under_other_rules_is_refused(
    servers: Servers,
    fresh: Fresh,
    run: Callable[..., Done],
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # Taken where there is no migration, it knows of no change that is intended.
    monkeypatch.chdir(tmp_path)
    legacy = servers.world(18).conninfo("legacy")
    taken = run("fingerprint", f"--db-url={legacy}", "-o", "other.fingerprint")
    assert taken.status == 0
    assert "for postmigration check and compare only" in taken.out
    assert run("compare", "--baseline=other.fingerprint", f"--db-url={legacy}").status == 0
    path = Path("other.fingerprint").resolve()
    monkeypatch.chdir(ROOT)
    judged = judge(f"--db-url={migrated(servers, fresh, 18)}", f"--baseline={path}")
    assert judged.status == 4
    assert "it was taken under other intended changes than those of this directory (or none)" in judged.output
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    judged = judge(f"--db-url={migrated(servers, fresh, 18)}", f"--baseline={path}")
    assert judged.status == 4
    assert "is damaged or was changed: copy it again from where it was taken" in judged.output


@pytest.mark.full
def test_a_fingerprint_from_which_tables_were_cut_is_seen(
    servers: Servers, fresh: Fresh, taken: Callable[..., str], judge: Judge
) -> None:
    database = migrated(servers, fresh, 18, "CREATE TABLE news (id int)")
    baseline = taken(18)
    path = Path(baseline.removeprefix("--baseline="))
    body = "".join(
        line for line in path.read_text().splitlines(keepends=True)[:-1] if not line.startswith('{"name":"contacts"')
    )
    path.write_text(f"{body}{json.dumps({'sha256': hashlib.sha256(body.encode()).hexdigest()})}\n")
    judged = judge(f"--db-url={database}", baseline)
    assert judged.status == 1
    assert judged.red() == {"rows_are_those_of_before"}
    facts = judged.evidence("rows_are_those_of_before")
    assert "the state before holds no table contacts" in facts
    assert "the fingerprint holds no table news, and the migration brings none" in facts
    assert not [result for result in judged.results if result.outcome == "broken"]
