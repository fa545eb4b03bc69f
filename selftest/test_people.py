"""The people as whom a database is tried: found, made where there are none, narrowed, and never left behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fixtures import MIGRATION
from postmigration.access.principals import population
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.conftest import Copy, Judge, Judged
from selftest.dumps import dump
from selftest.servers import PASSWORD
from selftest.test_safety import content
from selftest.tiers import few

PEOPLE = ("tests/test_security.py", "tests/test_operations.py")
SEEN = "everybody_sees_what_is_theirs"


def seen_as(judged: Judged) -> set[str]:
    """As whom the tables were seen."""
    results = [result for result in judged.results if SEEN in result.nodeid]
    return {row[0] for result in results for overview in result.evidence.overviews for row in overview.rows}


def test_some_of_every_role_of_each_operator_are_found(server: embedded.Server) -> None:
    database = Database(server.conninfo("migrated"), option="--db-url")
    snapshot = Snapshot(database)
    found = population(snapshot, MIGRATION.people, MIGRATION.invent, only=[], writing=False)
    try:
        assert [actor.name for actor in found.actors if actor.role == "sales"] == [
            "sales of operator 1",
            "sales of operator 2",
        ]
        assert len(found.actors) == 22
        assert [actor.database_role for actor in found.actors[-2:]] == ["authenticated", "anon"]
        assert not found.absent
        again = population(snapshot, MIGRATION.people, MIGRATION.invent, only=[], writing=False)
        assert again.actors == found.actors
        again.real.close()
    finally:
        found.real.close()
        snapshot.close()
        database.close()


@pytest.fixture
def without_sales(server: embedded.Server, copy: Copy) -> str:
    """A migrated database in which nobody sells."""
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("UPDATE users SET role = 'admin' WHERE role = 'sales'")
    return name


@pytest.mark.full
def test_who_is_not_there_is_made_and_leaves_no_trace(
    server: embedded.Server, without_sales: str, judge: Judge
) -> None:
    before = content(server, without_sales, marks=False)
    judged = judge(f"--db-url={server.conninfo(without_sales)}")
    assert judged.status == 0, judged.output
    assert "sales of operator 1 (invented)" in seen_as(judged)
    assert content(server, without_sales, marks=False) == before


@pytest.mark.full
def test_who_is_not_there_and_may_not_be_made_is_not_judged(
    server: embedded.Server, without_sales: str, judge: Judge
) -> None:
    judged = judge(f"--db-url={server.conninfo(without_sales)}", "--read-only")
    assert judged.outcome(SEEN) == "not judged"
    reasons = {result.reason for result in judged.results if SEEN in result.nodeid}
    assert any("sales of operator 1: there is none, and none may be made here" in reason for reason in reasons)


def test_only_those_who_are_named_are_tried(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        (row,) = connection.execute("SELECT id FROM users WHERE role = 'qa' ORDER BY created_at, id LIMIT 1").fetchall()
        connection.execute("CREATE POLICY fix ON contacts FOR SELECT TO anon USING (true)")
    judged = judge(f"--db-url={server.conninfo(name)}", f"--as={row[0]}", "--allow-partial", "-k", SEEN)
    assert judged.red() == set(), judged.output
    assert seen_as(judged) == {f"qa of operator 1 ({row[0]})"} or seen_as(judged) == {f"qa of operator 2 ({row[0]})"}


def test_anybody_can_be_named(server: embedded.Server, judge: Judge) -> None:
    """Also somebody who is not among the few of each role."""
    with server.connect("migrated") as connection:
        ((one,),) = connection.execute(
            "SELECT id FROM users WHERE role = 'sales' ORDER BY created_at DESC, id DESC LIMIT 1"
        ).fetchall()
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--as={one}", "--allow-partial", "-k", SEEN)
    assert judged.red() == set(), judged.output
    (name,) = seen_as(judged)
    assert name.startswith("sales of operator")
    assert name.endswith(f"({one})")


def test_an_unknown_user_is_an_error(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", "--as=nobody", "-k", SEEN)
    assert judged.status == 4
    assert "ERROR: --as=nobody: the database has no user with this id" in judged.output


def test_a_role_that_may_act_as_nobody_is_not_judged(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    role = f"lonely_{name}"
    with server.connect(name) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD '{PASSWORD}'")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            url = make_conninfo(server.conninfo(name), user=role)
            judged = judge(f"--db-url={url}", "-k", SEEN)
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert {result.outcome for result in judged.results} == {"not judged"}
    assert "may not act as authenticated: GRANT authenticated TO it" in judged.results[0].reason


@pytest.mark.full
def test_a_slow_policy_is_not_judged_by_name(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "CREATE FUNCTION slow(id uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS "
            "$$ BEGIN PERFORM pg_sleep(0.5); RETURN true; END $$;"
            "CREATE POLICY fix ON contacts AS RESTRICTIVE FOR SELECT TO authenticated USING (slow(id))"
        )
    options = ("--statement-timeout=1", "--lock-timeout=1", "--allow-partial", "-k", f"{SEEN} and contacts")
    judged = judge(f"--db-url={server.conninfo(name)}", *options)
    result = next(r for r in judged.results if r.nodeid.endswith("[contacts]"))
    assert result.outcome == "not judged"
    assert result.reason.startswith("admin of operator 1: canceling statement due to statement timeout")


@pytest.mark.full
def test_a_leak_of_before_is_inherited(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute("CREATE POLICY open ON contacts FOR SELECT TO anon USING (id IS NOT NULL)")
    urls = [f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}"]
    judged = judge(*urls)
    assert judged.red() == set(), judged.output
    notes = [note for r in judged.results if r.nodeid.endswith(f"{SEEN}[contacts]") for note in r.evidence.notes]
    assert any("inherited" in note and "anon sees and may not" in note for note in notes)
    assert judge(urls[0]).red() == {SEEN}


def test_policies_read_what_the_platform_knows_of_somebody(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    """Claims that the application put there, and whether somebody has a second factor."""
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "ALTER TABLE auth.users ADD raw_app_meta_data jsonb, ADD is_anonymous boolean DEFAULT false;"
            "UPDATE auth.users SET raw_app_meta_data = jsonb_build_object('tenant', u.organization_id)"
            "FROM public.users u WHERE u.id = auth.users.id;"
            "CREATE TABLE auth.mfa_factors (user_id uuid, status text);"
            "INSERT INTO auth.mfa_factors SELECT id, 'verified' FROM auth.users;"
            "CREATE POLICY claims ON contacts AS RESTRICTIVE FOR SELECT TO authenticated USING ("
            "(auth.jwt() -> 'app_metadata' ->> 'tenant')::uuid = current_organization_id() AND auth.jwt() ->> 'aud' = "
            "'authenticated' AND auth.jwt() ->> 'aal' = 'aal2' AND (auth.jwt() ->> 'exp')::numeric > 0)"
        )
    judged = judge(f"--db-url={server.conninfo(name)}", "--allow-partial", "-k", f"{SEEN} and contacts")
    assert judged.red() == set(), judged.output


@pytest.mark.full
def test_that_an_older_api_is_not_understood_is_a_warning_where_nobody_knows_it_was(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute((MIGRATION.faults / "everybody_is_recognized__all_claims_only.sql").read_bytes())
    alone = ("--allow-partial", "-k", "everybody_is_recognized")
    (result,) = judge(f"--db-url={server.conninfo(after)}", *alone).results
    assert [finding.severity for finding in result.evidence.findings] == ["warning"]
    urls = (f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}")
    (result,) = judge(*urls, *alone).results
    assert not result.evidence.findings
    assert "inherited" in result.evidence.notes[0]


ONE_MORE = """
    INSERT INTO auth.users (id) VALUES ('c0ffee00-0000-4000-8000-000000000001');
    INSERT INTO users (id, organization_id, email, name, role, status)
        SELECT 'c0ffee00-0000-4000-8000-000000000001', organization_id, 'one@example.com', 'One', 'sales', {status}
        FROM users WHERE role = 'sales' LIMIT 1;
    UPDATE users SET status = 'active' WHERE role = 'sales' AND name <> 'One';
"""
CUT_OFF = """
    CREATE POLICY blocked ON {table} AS RESTRICTIVE FOR SELECT TO authenticated
        USING (auth.uid() <> 'c0ffee00-0000-4000-8000-000000000001');
"""


@pytest.mark.full
def test_everybody_is_compared_with_before(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute(ONE_MORE.format(status="NULL").encode())
    with server.connect(after) as connection:
        connection.execute(CUT_OFF.format(table="documents").encode())
    options = ("--allow-partial", "-k", "what_they_saw")
    judged = judge(f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}", *options)
    failed = {result.nodeid.split("[")[-1] for result in judged.results if result.outcome == "failed"}
    assert failed == {"documents]"}, judged.output
    said = judged.evidence("everybody_sees_what_they_saw")
    assert "rows of documents that another sales of operator" in said


@pytest.mark.full
def test_who_was_shut_out_may_be_shown_nothing(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(ONE_MORE.format(status="'suspended'").encode())
        connection.execute(CUT_OFF.format(table="contacts").encode())
    judged = judge(f"--db-url={server.conninfo(name)}", "--allow-partial", "-k", SEEN)
    assert judged.red() == set(), judged.output


def test_too_many_people_are_not_counted_and_that_is_told(
    server: embedded.Server, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postmigration.access.visible_counts._MOST_ROWS", 1)
    judged = judge(f"--db-url={server.conninfo('migrated')}", "--allow-partial", "-k", f"{SEEN} and contacts")
    notes = [note for result in judged.results for note in result.evidence.notes]
    assert any("what each of all people sees of contacts is not counted: " in note for note in notes)


@pytest.fixture
def login(server: embedded.Server, copy: Copy) -> Iterator[str]:
    """A login as that of an API, and a migrated database in which contacts are shown through it alone, as its URL."""
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            f"CREATE ROLE gateway_{name} LOGIN NOINHERIT PASSWORD '{PASSWORD}'; GRANT anon TO gateway_{name};"
            f"CREATE POLICY login ON contacts AS RESTRICTIVE FOR SELECT TO authenticated "
            f"USING (session_user = 'gateway_{name}')"
        )
        yield make_conninfo(server.conninfo(name), user=f"gateway_{name}", password=PASSWORD)
        connection.execute(f"DROP POLICY login ON contacts; DROP ROLE gateway_{name}")


@pytest.mark.full
def test_people_are_judged_through_the_login_of_the_api(
    server: embedded.Server, login: str, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = conninfo_to_dict(login)["dbname"]
    only = (f"--db-url={server.conninfo(str(name))}", "--allow-partial", "-k", f"{SEEN} and contacts")
    assert judge(*only).red() == {SEEN}
    lacking = judge(*only, f"--authenticator-url={login}")
    said = "ERROR: the login of --authenticator-url may not act as authenticated: GRANT authenticated TO"
    assert lacking.status == 4
    assert lacking.last_line.startswith(said)
    with server.connect(str(name)) as connection:
        connection.execute(f"GRANT authenticated TO gateway_{name}")
    monkeypatch.setenv("POSTMIGRATION_AUTHENTICATOR_URL", login)
    judged = judge(*only)
    assert judged.red() == set(), judged.output
    assert PASSWORD not in judged.output
    notes = [note for result in judged.results for note in result.evidence.notes]
    assert "tried through the login of --authenticator-url, but for who was invented" in notes
    # Nobody is known to it who is made in a transaction of whoever judges.
    with server.connect(str(name)) as connection:
        connection.execute("UPDATE users SET role = 'admin' WHERE role = 'sales'")
    judged = judge(*only)
    assert judged.red() == {SEEN}
    assert "rows of contacts that sales of operator 1 (invented) must see and does not" in judged.evidence(SEEN)
    assert "admin of operator" not in judged.evidence(SEEN)


def test_a_login_of_another_database_is_an_error(server: embedded.Server, login: str, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--authenticator-url={login}", "-k", SEEN)
    assert judged.status == 4
    assert "ERROR: --authenticator-url names another running database than --db-url, gateway_" in judged.last_line


@dataclass(frozen=True)
class Backed:
    """Judges what others can do in a migrated database with one more policy, beside a backup or a live state before."""

    server: embedded.Server
    copy: Copy
    judge: Judge
    backup: Path

    def beside(self, policy: str, *, live: bool = False) -> Judged:
        name = self.copy("migrated")
        with self.server.connect(name) as connection:
            connection.execute(f"CREATE POLICY fix ON {policy}".encode())
        baseline = self.server.conninfo("legacy") if live else self.backup
        only = ("--allow-partial", "-k", "nobody_else_can_do_it")
        return self.judge(f"--db-url={self.server.conninfo(name)}", f"--baseline={baseline}", *only)


@pytest.fixture
def backed(server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path) -> Backed:
    return Backed(server, copy, judge, dump(server, "legacy", tmp_path / "before.dump", "--format=custom"))


@pytest.mark.full
def test_what_people_could_do_before_is_inherited(backed: Backed) -> None:
    """A backup is restored into a copy of our own, where it can be tried; a live state before is never written to."""
    policy = "projects FOR DELETE TO authenticated USING (organization_id = (SELECT current_organization_id()))"
    restored = backed.beside(policy).results[0].evidence
    assert restored.findings == []
    inherited = "inherited, so before the migration too: customer of the operator tries to delete a project"
    assert f"{inherited}: it succeeds, and must be refused" in restored.notes
    cells = {row[0]: dict(zip(view.columns, row, strict=True)) for view in restored.overviews for row in view.rows}
    assert cells["supplier of the operator"]["delete a project"] == "✔ → ✔"
    assert cells["supplier of the operator"]["change a project"] == "✔ → –"
    assert cells["sales of the operator"]["add a contact point"] == "✔"
    live = backed.beside(policy, live=True).results[0].evidence
    assert {finding.severity for finding in live.findings} == {"warning"}
    assert "customer of the operator tries to delete a project" in live.findings[0].statement


@pytest.mark.full
def test_what_a_portal_user_can_do_anew_fails_beside_a_backup(backed: Backed) -> None:
    judged = backed.beside("organizations FOR INSERT TO authenticated WITH CHECK (true)")
    assert judged.red() == {"nobody_else_can_do_it"}
    what = "supplier of the operator tries to create a customer organization: it succeeds"
    assert what in judged.evidence("nobody_else_can_do_it")


@pytest.mark.full
@pytest.mark.parametrize("fault", few(["profile", "removes", "read_only", "broken_trigger"]))
def test_what_people_write_is_compared_with_a_backup(fault: str, backed: Backed) -> None:
    name = backed.copy("migrated")
    with backed.server.connect(name) as connection:
        script = MIGRATION.faults / f"everybody_writes_what_they_wrote__{fault}.sql"
        connection.execute(script.read_bytes().replace(b"BEFORE INSERT ON", b"BEFORE UPDATE ON"))
    only = ("--allow-partial", "-k", "everybody_writes_what_they_wrote")
    urls = (f"--db-url={backed.server.conninfo(name)}", f"--baseline={backed.backup}")
    evidence = backed.judge(*urls, *only).results[0].evidence
    said = " ".join(finding.statement for finding in evidence.findings if finding.severity == "blocker")
    assert {
        "profile": "12 people (admin of the operator, management of the operator and others) tried to make themselves "
        "an admin: no rows before, and now done; the UPDATE policy profile on users was not there before",
        "removes": "tried to remove a row of workflow_stages of the operator: no rows before, and now done",
        "read_only": "tried to change a row of documents of the operator: done before, and now no rows",
        "broken_trigger": "nobody can change a row of reviews of the operator: 42703",
    }[fault] in said


@pytest.mark.full
def test_what_a_role_was_granted_is_a_fault_where_it_had_less(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    before, after = copy("legacy"), copy("migrated")
    with server.connect(before) as connection:
        connection.execute("REVOKE ALL ON users FROM anon; REVOKE UPDATE ON users FROM authenticated")
        connection.execute("GRANT UPDATE (name, phone) ON users TO authenticated")
    only = ("--allow-partial", "-k", "privileges_are_as_before")
    evidence = judge(f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}", *only).results[0]
    said = [finding.statement for finding in evidence.evidence.findings]
    stops = "row-level security does not stop TRUNCATE; DELETE, INSERT, REFERENCES, SELECT, TRIGGER, UPDATE besides"
    assert f"anon now has TRUNCATE on table public.users: {stops}" in said
    assert "authenticated now has UPDATE on table public.users" in said


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_what_code_of_the_database_does_as_another_role_counts_for_nobody(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "CREATE FUNCTION take_back() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RESET ROLE; RETURN new; END$$"
        )
        connection.execute(
            "CREATE TRIGGER take_back BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION take_back()"
        )
    judged = judge(f"--db-url={server.conninfo(name)}", "-k", "everybody_writes")
    assert judged.outcome("everybody_writes_what_they_wrote") == "not judged"
    reason = next(r.reason for r in judged.results if r.check == "everybody_writes_what_they_wrote")
    assert "code of the database went on as another role" in reason


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_nobody_is_known_by_the_name_of_the_program(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("""
            CREATE POLICY only_for_the_gate ON reviews AS RESTRICTIVE FOR ALL TO authenticated
                USING (current_setting('application_name') = 'postmigration')
        """)
    judged = judge(f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo('legacy')}")
    assert judged.status == 1, judged.output
