"""What the rules leave free is never accused: other ways to build it, and what a live system does afterwards."""

import pytest

from fixtures import MIGRATION
from postmigration.model.verdict import verdict
from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge
from selftest.judging import Judges
from selftest.tiers import few

COLLEAGUE = """
    SELECT k.project_id, colleague.id AS contact_id FROM project_contact_points k JOIN contacts c ON c.id = k.contact_id
    JOIN contacts colleague ON colleague.organization_id = c.organization_id AND colleague.type = 'customer'
    WHERE NOT EXISTS (SELECT FROM project_contact_points other
                      WHERE other.project_id = k.project_id AND other.contact_id = colleague.id)
    ORDER BY 1, 2 LIMIT 1
"""

OTHER_WAYS = {
    "names of objects": """
        ALTER INDEX IF EXISTS projects_customer_organization_idx RENAME TO another;
        ALTER TABLE projects RENAME CONSTRAINT projects_customer_organization_id_fkey TO yet_another;
        ALTER TRIGGER project_contact_points_updated_at ON project_contact_points RENAME TO touched;
    """,
    "a reference that is cleared": """
        ALTER TABLE projects DROP CONSTRAINT projects_customer_organization_id_fkey,
            ADD FOREIGN KEY (customer_organization_id) REFERENCES organizations (id) ON DELETE SET NULL;
    """,
    "an index of one column, without the NULLs": """
        DROP INDEX projects_customer_organization_idx, projects_customer_operator_idx;
        CREATE INDEX ON projects (customer_organization_id) WHERE customer_organization_id IS NOT NULL;
    """,
    "no unique contact points": """
        DROP INDEX project_contact_points_one_primary_idx;
        ALTER TABLE project_contact_points DROP CONSTRAINT project_contact_points_project_id_contact_id_key;
    """,
    "columns that may be NULL": "ALTER TABLE project_contact_points ALTER is_primary DROP NOT NULL;",
    "new tables and columns": """
        CREATE TABLE news (id int PRIMARY KEY);
        ALTER TABLE news ENABLE ROW LEVEL SECURITY;
        ALTER TABLE contacts ADD COLUMN extra text;
    """,
    "functions that lend their rights with care": """
        CREATE FUNCTION is_colleague(person uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = '' AS $$ SELECT EXISTS (SELECT FROM public.users WHERE id = person) $$;
        CREATE FUNCTION count_rows(relation text, name text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = '' AS $$ DECLARE n bigint; BEGIN
            -- session_user and user_metadata are asked for by nobody here: EXECUTE name;
            EXECUTE format('SELECT count(*) FROM public.%I WHERE name = $1', relation) INTO n USING name;
            RETURN n; END $$;
        REVOKE ALL ON FUNCTION is_colleague(uuid), count_rows(text, text) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION is_colleague(uuid), count_rows(text, text) TO authenticated;
        CREATE POLICY colleagues ON reviews FOR DELETE TO authenticated
            USING (is_colleague(reviewer_id) AND current_user = 'authenticated' AND reviewer_id = (SELECT auth.uid()));
    """,
    "an audit trail": """
        CREATE TABLE trail (who text DEFAULT current_setting('application_name'), what text, address inet);
        ALTER TABLE trail ENABLE ROW LEVEL SECURITY;
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
            DECLARE program text := pg_catalog.current_setting('application_name', true); BEGIN
            INSERT INTO public.trail VALUES (program, pg_catalog.current_query(), pg_catalog.inet_client_addr());
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
        REVOKE ALL ON FUNCTION note() FROM PUBLIC, anon, authenticated;
        CREATE TRIGGER note BEFORE INSERT OR UPDATE OR DELETE ON reviews FOR EACH ROW EXECUTE FUNCTION note();
    """,
    "roles and descriptions of contacts": "UPDATE contacts SET role = 'Einkäufer', description = 'knows everybody';",
    "a flag that suppliers do not have": "UPDATE contacts SET is_primary_contact = NULL WHERE type <> 'customer';",
    "another primary contact": """
        UPDATE contacts SET is_primary_contact = false WHERE type = 'customer';
        UPDATE contacts SET is_primary_contact = true WHERE id IN (
            SELECT DISTINCT ON (organization_id) id FROM contacts WHERE type = 'customer'
            ORDER BY organization_id, id DESC);
    """,
    "a further contact point": f"""
        INSERT INTO project_contact_points (project_id, contact_id, role)
        SELECT project_id, contact_id, 'engineer' FROM ({COLLEAGUE}) colleague;
    """,
    "a primary contact of the services": """
        CREATE UNIQUE INDEX ON contacts (organization_id) WHERE is_primary_contact AND type = 'customer';
    """,
    "audit rows": """
        INSERT INTO activity_log (organization_id, entity_type, entity_id, action)
        SELECT organization_id, 'migration', gen_random_uuid(), 'MIGRATED' FROM users;
    """,
    "touched rows": "UPDATE projects SET title = title; UPDATE documents SET title = title;",
    "statistics gathered again": "ANALYZE;",
    "a constraint that is not validated and not violated": """
        ALTER TABLE reviews ADD CONSTRAINT reviews_kept CHECK (review_type <> 'none') NOT VALID;
        ALTER TABLE contacts ADD CONSTRAINT contacts_kept CHECK (type IS NOT NULL AND id IS NOT NULL) NOT VALID;
    """,
    "columns that nobody may change": """
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'it is kept';
        END
        $$;
        CREATE TRIGGER keep BEFORE UPDATE OF id, created_at, file_name ON documents
            FOR EACH ROW EXECUTE FUNCTION keep();
        CREATE TRIGGER z_redundant BEFORE UPDATE ON documents
            FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
    """,
    "settings that let the application work": """
        DO $$
        BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, extensions', current_database());
            EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = off', current_database());
            EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 50', current_database());
            EXECUTE format('ALTER ROLE authenticated IN DATABASE %I SET statement_timeout = 8000', current_database());
            -- Whoever judges is none of the API's.
            EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET default_transaction_read_only = on',
                           current_database());
        END
        $$;
    """,
}

# Beside a state before that had other ones, these are differences that nobody declared.
ALONE = {"settings that let the application work"}

LATER = {
    "a new customer without contacts": """
        INSERT INTO organizations (name, slug, description, created_at)
        VALUES ('New & Co', 'new-co', 'Customer Organization', now() + interval '1 hour');
    """,
    "a project with an organization selected": """
        INSERT INTO projects (organization_id, title, customer_organization_id, created_at)
        SELECT u.organization_id, 'Selected', o.id, now() + interval '1 hour' FROM users u, organizations o
        WHERE u.role = 'admin' AND o.description = 'Customer Organization' LIMIT 1;
    """,
    "a customer that was renamed and deactivated": """
        SET session_replication_role = replica;
        UPDATE organizations SET name = name || ' GmbH', is_active = false, updated_at = now() + interval '1 hour'
        WHERE id = (SELECT id FROM organizations
                    WHERE description = 'Customer Organization' AND length(name) < 200 ORDER BY id LIMIT 1);
    """,
    "a contact that has left for another company": """
        SET session_replication_role = replica;
        UPDATE contacts c SET organization_id = o.id, company_name = o.name, is_primary_contact = false,
               updated_at = now() + interval '1 hour'
        FROM organizations o
        WHERE o.id = (SELECT id FROM organizations WHERE description = 'Customer Organization' ORDER BY id DESC LIMIT 1)
          AND c.id = (SELECT id FROM contacts c2 WHERE c2.type = 'customer' AND c2.organization_id <> o.id
                      AND NOT EXISTS (SELECT FROM project_contact_points k WHERE k.contact_id = c2.id)
                      ORDER BY is_primary_contact DESC, id LIMIT 1);
    """,
    "an e-mail address that was changed": """
        SET session_replication_role = replica;
        UPDATE contacts SET email = 'new@example.com', role = NULL, updated_at = now() + interval '1 hour'
        WHERE id = (SELECT id FROM contacts WHERE type = 'customer' ORDER BY id LIMIT 1);
    """,
    "another primary contact point": f"""
        CREATE TEMPORARY TABLE colleague AS {COLLEAGUE};
        SET session_replication_role = replica;
        UPDATE project_contact_points SET is_primary = false, updated_at = now() + interval '1 hour'
        WHERE project_id = (SELECT project_id FROM colleague);
        INSERT INTO project_contact_points (project_id, contact_id, is_primary, created_at)
        SELECT project_id, contact_id, true, now() + interval '1 hour' FROM colleague;
    """,
}


ALONE_AND_COMPARED = pytest.mark.parametrize(
    "baseline", [pytest.param("", id="alone", marks=pytest.mark.full), pytest.param("legacy", id="against_baseline")]
)


def expect_go(judges: Judges, server: embedded.Server, database: str, baseline: str, *options: str) -> None:
    conninfos = [server.conninfo(name) if name else "" for name in (database, baseline)]
    results = judges.judge(*conninfos, options=options)
    assert [(r.check, r.outcome, r.evidence.words) for r in results if r.outcome in ("failed", "broken")] == []
    assert verdict(results, plan_checks=MIGRATION.plan_checks, subject="").go


@ALONE_AND_COMPARED
def test_all_other_sound_ways_together_are_go(
    server: embedded.Server, copy: Copy, judges: Judges, baseline: str
) -> None:
    name = copy("migrated")
    # One session, so that settings for the next ones do not hinder it; what is renamed is named before.
    with server.connect(name) as connection:
        for way, change in reversed(OTHER_WAYS.items()):
            if not (baseline and way in ALONE):
                connection.execute(change.encode())
    expect_go(judges, server, name, baseline)


@pytest.mark.full
@pytest.mark.parametrize(
    ("way", "baseline"),
    [
        pytest.param(
            way, baseline, marks=[] if way in ALONE or (baseline and number % 10 == 0) else pytest.mark.nightly
        )
        for number, way in enumerate(OTHER_WAYS)
        for baseline in ("", "legacy")
        if not (baseline and way in ALONE)
    ],
    ids=lambda text: text.replace(" ", "_") or "alone",
)
def test_another_sound_way_is_go(way: str, baseline: str, server: embedded.Server, copy: Copy, judges: Judges) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(OTHER_WAYS[way].encode())
    expect_go(judges, server, name, baseline)


# For this collation 'Toyota', 'toyota' and 'TOYOTA' are equal; for rule R1 they are three companies.
NONDETERMINISTIC = """
    CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    ALTER TABLE contacts ALTER COLUMN company_name TYPE varchar(255) COLLATE any_case;
"""


@pytest.mark.full
@pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
@pytest.mark.parametrize(
    "sides",
    [pytest.param(("migrated",), id="after", marks=pytest.mark.nightly), ("legacy", "migrated")],
    ids=[None, "before_and_after"],
)
def test_a_collation_that_takes_names_for_equal_does_not_change_the_rules(
    server: embedded.Server, copy: Copy, judge: Judge, sides: tuple[str, ...]
) -> None:
    made = {name: copy(name) if name in sides else name for name in ("legacy", "migrated")}
    for name in sides:
        with server.connect(made[name]) as connection:
            connection.execute(NONDETERMINISTIC)
    judged = judge(f"--db-url={server.conninfo(made['migrated'])}", f"--baseline={server.conninfo(made['legacy'])}")
    assert judged.red() == set(), judged.output
    assert judged.status == 0, judged.output


APPEND_ONLY = """
    CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a review is not changed';
    END
    $$;
    CREATE TRIGGER append_only BEFORE UPDATE ON reviews FOR EACH ROW EXECUTE FUNCTION append_only();
"""


@pytest.mark.full
def test_a_table_that_nobody_might_change_before_is_no_fault(
    server: embedded.Server, copy: Copy, judges: Judges
) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute(APPEND_ONLY)
    check = "existing_rows_can_be_changed"
    for baseline, outcome in ((before, "passed"), ("", "failed")):
        results = judges.judge(server.conninfo(after), baseline and server.conninfo(baseline), first=[check], only=True)
        assert outcome in {result.outcome for result in results} <= {outcome, "passed"}


@pytest.mark.full
@ALONE_AND_COMPARED
def test_all_that_happens_after_the_cut_over_together_is_no_fault(
    server: embedded.Server, copy: Copy, judges: Judges, baseline: str
) -> None:
    happen(server, copy("migrated"), baseline, judges, *LATER.values())


@pytest.mark.full
@pytest.mark.parametrize("baseline", few(["legacy", ""], full=()), ids=["against_baseline", "alone"])
@pytest.mark.parametrize("change", few(LATER.values(), full=(3,)), ids=[name.replace(" ", "_") for name in LATER])
def test_what_happens_after_the_cut_over_is_no_fault(
    change: str, baseline: str, server: embedded.Server, copy: Copy, judges: Judges
) -> None:
    happen(server, copy("migrated"), baseline, judges, change)


def happen(server: embedded.Server, name: str, baseline: str, judges: Judges, *changes: str) -> None:
    with server.connect(name) as connection:
        row = connection.execute("SELECT now()").fetchone()
    for change in changes:
        with server.connect(name) as connection:
            connection.execute(change.encode())
    assert row is not None
    expect_go(judges, server, name, baseline, f"--cutover={row[0].isoformat()}")


def test_a_lost_row_is_a_fault_after_the_cut_over_too(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("DELETE FROM reviews WHERE id = (SELECT id FROM reviews ORDER BY id LIMIT 1)")
    options = (f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo('legacy')}")
    judged = judge(*options, "--cutover=2026-01-01T00:00:00+00:00", "-k", "rows_are_those_of_before")
    assert "rows_are_those_of_before" in judged.red()
