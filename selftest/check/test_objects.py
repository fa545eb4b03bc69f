"""Every loss, weakening and widening of objects turns its check red and no other; what is sound turns none."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.model.evidence import Severity
from selftest.check import object_faults, privilege_faults
from selftest.check.conftest import Change, statements
from selftest.check.judging import Verdict, judge
from selftest.check.object_faults import Fault
from selftest.check.sound_objects import SOUND
from selftest.tiers import few

BLOCKERS = (*object_faults.BLOCKERS, *privilege_faults.BLOCKERS)
WARNINGS = (*object_faults.WARNINGS, *privilege_faults.WARNINGS)
MODULES = ("test_objects", "test_privileges", "test_settings", "test_extensions")


def judged(changed: Change, fault: Fault) -> Verdict:
    before, after = changed(fault.sql, undo=fault.undo)
    return judge(before, after, only=MODULES)


def plant(database: str, fault: Fault) -> bool:
    """Breaks a database, and tells whether that was possible after what others have broken of it."""
    with psycopg.connect(database) as connection:
        try:
            for statement in statements(fault.sql):
                connection.execute(statement.encode())
        except psycopg.Error:
            connection.rollback()
            return False
    return True


def said(verdict: Verdict, fault: Fault, severity: Severity) -> bool:
    """Whether the check that is to find a fault says so."""
    found = [evidence for name, evidence in verdict.evidence.items() if fault.check in name]
    return any(fault.words in f.statement for e in found for f in e.findings if f.severity == severity)


# Each fault belongs to one of these; those that lie side by side, and break the same objects, to different ones.
TOGETHER = (
    *(pytest.param(BLOCKERS[number::10], "blocker", id=f"blockers {number}") for number in range(10)),
    *(pytest.param(WARNINGS[number::3], "warning", id=f"warnings {number}") for number in range(3)),
)


@pytest.mark.parametrize(("faults", "severity"), TOGETHER)
def test_what_many_faults_have_broken_is_found(
    faults: tuple[Fault, ...], severity: Severity, changed: Change, request: pytest.FixtureRequest
) -> None:
    version = request.node.callspec.params["world"]
    before, after = changed()
    planted = [fault for fault in faults if fault.since <= version and plant(after, fault)]
    together = judge(before, after, only=MODULES)
    alone = [f for f in faults if f.since <= version and not (f in planted and said(together, f, severity))]
    # What another fault hides, or stands in the way of, is found where it is the only one.
    assert len(alone) < len(faults) / 2
    for fault in alone:
        verdict = judged(changed, fault)
        assert said(verdict, fault, severity), (fault, verdict.words(severity))


def skip_older(request: pytest.FixtureRequest, fault: Fault) -> None:
    version = request.node.callspec.params["world"]
    if version < fault.since:
        pytest.skip(reason=f"PostgreSQL {version} has no such thing")


@pytest.mark.full
@pytest.mark.parametrize(
    "fault",
    # Before all other checks one half is enough for a day: one fault resembles another.
    [pytest.param(fault, marks=[pytest.mark.nightly] * (place % 2)) for place, fault in enumerate(BLOCKERS)],
    ids=lambda fault: fault.sql[:80],
)
def test_a_fault_turns_its_check_red_and_no_other(
    fault: Fault, changed: Change, request: pytest.FixtureRequest
) -> None:
    skip_older(request, fault)
    verdict = judged(changed, fault)
    assert [name for name in verdict.red() if fault.check not in name] == [], verdict.words("blocker")
    assert verdict.red(), verdict.words("warning")
    assert any(fault.words in words for words in verdict.words("blocker")), verdict.words("blocker")


@pytest.mark.full
@pytest.mark.parametrize("fault", WARNINGS, ids=lambda fault: fault.sql[:80])
def test_what_may_be_meant_is_a_warning(fault: Fault, changed: Change, request: pytest.FixtureRequest) -> None:
    skip_older(request, fault)
    verdict = judged(changed, fault)
    assert not verdict.red(), verdict.words("blocker")
    assert [name for name in verdict.yellow() if fault.check not in name] == [], verdict.words("warning")
    assert any(fault.words in words for words in verdict.words("warning")), verdict.words("warning")


@pytest.mark.parametrize("what", few(SOUND, *range(0, len(SOUND), 3)))
def test_what_is_sound_is_accused_of_nothing(what: str, changed: Change) -> None:
    before, after = changed(SOUND[what])
    verdict = judge(before, after, only=MODULES)
    assert not verdict.red(), verdict.words("blocker")
    assert not verdict.yellow(), verdict.words("warning")


HOSTED = """
DO $$ BEGIN CREATE ROLE supabase_auth_admin; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
CREATE SCHEMA storage;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
ALTER TABLE auth.users OWNER TO supabase_auth_admin;
CREATE INDEX users_email ON auth.users (email);
CREATE TRIGGER on_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION tools.stamp();
CREATE TABLE storage.objects (id uuid PRIMARY KEY, owner uuid);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON storage.objects FOR SELECT USING (owner IS NULL);
"""
ON_A_PLATFORM = {
    "another version of the platform": (
        "DROP INDEX auth.users_email; ALTER TABLE auth.users DROP email, ADD phone text NOT NULL; "
        "CREATE TABLE auth.sessions (id uuid); GRANT SELECT ON auth.sessions TO anon",
        "",
        "schema auth is left out: it belongs to Supabase",
    ),
    "the application's trigger": (
        "DROP TRIGGER on_created ON auth.users",
        "triggers",
        "trigger on_created on auth.users is gone",
    ),
    "the application's policy": (
        "DROP POLICY mine ON storage.objects",
        "row_level",
        "policy mine on storage.objects is gone",
    ),
}


@pytest.mark.parametrize("what", ON_A_PLATFORM)
def test_of_a_platform_what_the_application_put_there_is_compared(what: str, changed: Change) -> None:
    change, check, words = ON_A_PLATFORM[what]
    before = changed(HOSTED)[1]
    after = changed(change, database=str(conninfo_to_dict(before)["dbname"]))[1]
    verdict = judge(before, after, only=MODULES)
    assert len(verdict.red()) == bool(check), verdict.words("blocker")
    assert all(check in name for name in verdict.red())
    assert not verdict.yellow(), verdict.words("warning")
    assert any(words in said for said in verdict.words("blocker" if check else "told")), verdict.words("told")


WAIVED = """
[[waiver]]
object = "index sales.invoice_note"
reason = "nobody searches notes any more"
owner = "dba"
expires = 2999-12-31
"""


def test_a_waiver_of_an_object_accepts_what_became_of_it_and_of_no_other(changed: Change, tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(WAIVED)
    before, after = changed("DROP INDEX sales.invoice_note", "DROP INDEX sales.invoice_open")
    verdict = judge(before, after, f"--waivers={file}", only=MODULES)
    (lost,) = verdict.words("blocker")
    assert "index sales.invoice_open is gone" in lost
    (accepted,) = verdict.words("waived")
    assert "index sales.invoice_note is gone" in accepted
    assert "nobody searches notes any more" in accepted
