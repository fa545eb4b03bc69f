"""Whole rehearsals, as a user runs them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.deployment.records.store import read_records
from postmigration.deployment.subject import hash_scripts
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from selftest.conftest import ROOT
from selftest.dumps import dump
from selftest.rehearsal.conftest import Run
from selftest.rehearsal.stages import script
from selftest.servers import PASSWORD, SYSTEM_BINARIES, SystemServer, url
from selftest.test_real_rows import load

TITLES = [
    "the state before",
    "the migration",
    "the migrated copy, judged",
    "the migration, a second time",
    "the rollback, at once",
    "the selective rollback, after use",
    "the backup, restored into an empty database",
    "the backup, restored over the migrated database",
]
# Restoring over what is there leaves what is new; the plan has other ways back.
OUTCOMES = ["passed"] * 7 + ["warned"]


@pytest.mark.full
def test_the_reference_migration_is_proven(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTMIGRATION_RECORD_DIR")
    report = tmp_path / "rehearsal.html"
    done = run("rehearse", "--world-size=40", f"--html={report}")
    assert done.status == 0, done.out + done.err
    assert done.last_line.startswith("PROVEN: 7 of 8 steps passed; warned: the backup, restored over the migrated")
    assert [line[2:].partition(": ")[0] for line in done.out.splitlines() if re.match(r"[✔✘⚠○–] ", line)] == TITLES
    assert "✔ the suite says GO: 29 of 29 plan checks passed" in done.out
    page = report.read_text()
    assert [title for title in TITLES if f">{title}</a>" not in page] == []
    assert '<p class="word">PROVEN</p>' in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|@import|url\(", page)
    assert (tmp_path / "rehearsal-validation.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "records",
        "rehearsal-validation.html",
        "rehearsal-validation.json",
        "rehearsal-validation.md",
        "rehearsal-validation.xml",
        "rehearsal.html",
    ]
    # One record, of the rehearsal; the suite that it ran on its copy leaves none.
    (stored,) = read_records([tmp_path / "records"]).stored
    record = stored.record
    assert (record.command, record.word, record.status, record.report) == (
        *("rehearse", "PROVEN", 0),
        "../rehearsal.html",
    )
    assert record.demonstration
    assert [step.title for step in record.steps] == TITLES
    assert [step.outcome for step in record.steps] == OUTCOMES
    assert record.steps[1].seconds > 0
    lost = re.search(r"of \d+ rows that were written since, .* would be lost\n((?: {8}.*\n)+)", done.out)
    assert lost is not None
    assert record.steps[5].rows_lost == sum(map(int, re.findall(r": (\d+) of \d+ rows", lost[1]))) > 0
    assert [step.rows_lost for step in record.steps if step.title != TITLES[5]] == [None] * 7
    assert [file.name for file in record.scripts] == [file.name for file in hash_scripts(ROOT, MIGRATION)]


@pytest.mark.full
def test_a_broken_migration_of_somebody_is_not_proven(run: Run, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    script(scripts, "ALTER TABLE projects ADD customer_organization_id text;\n<b>;\n\\echo All done\n", "1_<i>.sql")
    report = tmp_path / "rehearsal.html"
    done = run("rehearse", "--world-size=12", f"--migration={scripts}", f"--html={report}", "--json")
    assert done.status == 1
    found = done.object()
    assert found["proven"] is False
    outcomes = [step["outcome"] for step in found["steps"]]
    assert [step["title"] for step in found["steps"]] == TITLES
    assert outcomes[:5] == ["passed", "failed", "failed", "passed", "left out"]
    # Nothing new stands in the way of what is restored over it.
    assert outcomes[5:] == ["left out", "passed", "passed"]
    (said,) = found["steps"][1]["checks"]
    assert said["details"][0].startswith("1_<i>.sql:2: syntax error at or near ‹…›")
    failed = [check["statement"] for check in found["steps"][2]["checks"]]
    assert failed[0].startswith("the suite says NO-GO: ")
    assert any(words.startswith("check 1, Database Schema: Projects table has customer") for words in failed)
    page = report.read_text()
    assert "1_<i>" not in page
    assert "1_&lt;i&gt;.sql:2" in page


@pytest.mark.full
@pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason="no PostgreSQL 15")
def test_a_hosted_database_is_rehearsed_from_its_dump_and_its_url(run: Run, tmp_path: Path) -> None:
    server = SystemServer()
    try:
        demonstration_world(server, MIGRATION, seed=1, size=20)
        server.create("hosted", template="legacy")
        with server.connect("hosted") as connection:
            run_script(connection, ROOT / "selftest" / "hosted.sql")
            # Made to stop whoever loads rows with triggers on; the application has no such.
            connection.execute(
                "DROP TRIGGER on_auth_user_created ON auth.users; DROP TRIGGER always_fires ON documents; "
                "DROP RULE nothing ON reviews; GRANT USAGE ON SCHEMA auth TO supabase_auth_admin"
            )
        backup = dump(server, "hosted", tmp_path / "hosted.dump", "-Fc")
        for baseline in (str(backup), url(server.conninfo("hosted"))):
            done = run("rehearse", f"--baseline={baseline}", f"--html={tmp_path / 'rehearsal.html'}", "--json")
            assert [step["outcome"] for step in done.object()["steps"]] == OUTCOMES, done.err
            assert done.status == 0
            assert PASSWORD not in done.out + done.err + (tmp_path / "rehearsal.html").read_text()
        against = f"--against={url(server.conninfo('hosted'))}"
        done = run("verify-backup", backup, against, "--scratch=embedded")
        assert done.status == 0, done.out
        assert "not in it: left out: " in done.out
        assert "extensions citext, pg_stat_statements, pg_trgm" in done.out
    finally:
        server.stop()


@pytest.mark.full
@pytest.mark.skipif("POSTMIGRATION_REAL_ROWS" not in os.environ, reason="POSTMIGRATION_REAL_ROWS names no directory")
def test_the_applications_own_rows_are_rehearsed(run: Run, tmp_path: Path) -> None:
    server = embedded.Server(16)
    try:
        server.create("real")
        with server.connect("real") as connection:
            load(connection)
        backup = dump(server, "real", tmp_path / "real.sql")
    finally:
        server.stop()
    done = run(
        *("rehearse", f"--baseline={backup}", f"--html={tmp_path / 'rehearsal.html'}", "--json"),
        "--embedded-version=16",
    )
    assert [step["outcome"] for step in done.object()["steps"]] == OUTCOMES, done.err


@pytest.mark.full
def test_what_cannot_be_rehearsed_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "before.dump").write_bytes(b"no backup at all")
    script(tmp_path, "\\! ls\n")
    fingerprint = tmp_path / "f"
    fingerprint.write_text('{"postmigration fingerprint": 1}\n')
    for arguments, words in (
        ([f"--migration={tmp_path / 'empty'}"], "is a directory without scripts"),
        ([f"--migration={tmp_path / '1.sql'}"], r"1.sql:1: \! is not run in a rehearsal"),
        ([f"--rollback={tmp_path / 'none'}"], "no such file or directory"),
        ([f"--baseline={tmp_path / 'none'}"], "--baseline: no such file"),
        ([f"--baseline={fingerprint}"], "is a fingerprint and holds no rows: name a backup or a database"),
        ([f"--baseline={tmp_path / 'before.dump'}"], "before.dump"),
        (["--baseline="], "--baseline is empty"),
        (["--baseline=postgresql://u:secret@127.0.0.1:1/none"], "the database of --baseline cannot be dumped: "),
        (["--world-size=0"], "--world-size=0: want 1 or more"),
        (["--script-timeout=0"], "want more than 0 seconds"),
    ):
        done = run("rehearse", f"--html={tmp_path / 'r.html'}", *arguments)
        assert (done.status, done.out) == (4, ""), arguments
        assert done.err.startswith("ERROR: ")
        assert words in done.err
        assert len(done.err.splitlines()) == 1
        assert "secret" not in done.err
    done = run("rehearse", f"--html={tmp_path / '1.sql' / 'r.html'}")
    assert done.status == 4
    assert "the report cannot be written to" in done.err
