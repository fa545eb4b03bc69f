"""Each sees what they need, and nobody what is not theirs (rule R6): as the people themselves, not as a superuser."""

import pytest

from fixtures import MIGRATION, repairs
from fixtures.people import GUARDED, GUARDED_BEFORE, MAY_SEE, MUST_SEE
from fixtures.rules import INTERNAL_ROLES
from postmigration import DifferenceKind, NotJudged, Target
from postmigration.access import describe_disclosures, find_disclosures
from postmigration.checks import (
    expect_no_new_facts,
    expect_nothing,
    expect_recognized,
    expect_same_to,
    expect_seen,
    expect_seen_as_before,
    suspect_seen,
    suspect_seen_as_before,
)


@pytest.mark.parametrize("table", MAY_SEE)
def test_everybody_sees_what_is_theirs(target: Target, table: str) -> None:
    """Staff see their operator's projects, contacts, contact points and customers; nobody sees another's.

    Impact: Every project shows "No Customer", though all data is right; or everybody reads the addresses of all
    customers.

    Likely causes: Policies still compare organization_id with the user's own, though contacts moved to their
    customer's; or a policy was opened to everybody to make that go away.

    Fix: Compare the policies of the table with the rules, as the person who is named.
    """
    may, must = MAY_SEE[table], MUST_SEE[table]
    others = suspect_seen(target, table, may=may, must=must)
    seen = [expect_seen(target, actor, table, may=may, must=must) for actor in (*target.population.actors, *others)]
    target.repair_by_definitions(table)
    users = target.snapshot.count("SELECT count(*) FROM users", target.snapshot.application)
    target.note(f"tried as {len(seen)} people; the database has {users:,} users, and --as names others")
    if target.population.login is not None:
        target.note("tried through the login of --authenticator-url, but for who was invented")
    columns = ("who", "table", "may see", "sees", "wrong")
    rows, figures = [row for row, _ in seen], [(sees,) for _, sees in seen]
    target.evidence.show(f"who sees which rows of {table}", columns, rows, "access", figures=figures)
    if target.population.absent:
        raise NotJudged("; ".join(target.population.absent))


def test_everybody_is_recognized(target: Target) -> None:
    """The database knows who asks, whether the API tells it by one setting for all claims or by one for each.

    Impact: Everybody is a stranger: all lists are empty after the next update of the API layer, or at once.

    Likely causes: auth.uid() was replaced by one that reads request.jwt.claims or request.jwt.claim.sub alone, or
    policies read claims in a way of their own.

    Fix: Let auth.uid() read both, as the platform's own does, and policies call auth.uid() and auth.jwt().
    """
    staff = next((actor for actor in target.population.actors if actor.kind == "internal"), None)
    if staff is None:
        target.state()
        target.evidence.unexamined.append("people of the staff to ask as")
        return
    expect_recognized(target, staff, MIGRATION.legacy_tables)
    target.repair_by_definitions()


# Projects of every operator that have something to show, as many as one statement can ask for.
SOME_PROJECTS = """
    SELECT p.id::text AS id FROM projects p WHERE p.customer_organization_id IS NOT NULL ORDER BY p.id LIMIT 1000
"""

# Staff, and portal users of the operator, may see what the migration adds to these; the audit trail grows.
_GROWS = ("organizations", "contacts", "activity_log")
# Entries that reveal projects and contacts; others, such as of a login, may be seen where they are filed.
_AUDITED = "t.entity_type IN ('contacts', 'projects', 'project_contact_points', 'documents', 'reviews')"
_GROWTH = {"activity_log": f"NOT {_AUDITED}"}
_MORE: tuple[DifferenceKind, ...] = ("extra",)
_LESS: tuple[DifferenceKind, ...] = ("missing",)


@pytest.mark.parametrize("table", MIGRATION.legacy_tables)
def test_everybody_sees_what_they_saw(target: Target, table: str) -> None:
    """Staff see every row that they saw before the migration, and outsiders see no row more.

    Impact: Pages that the migration did not touch lose rows for those who work with them, or show them to others.

    Likely causes: A policy was replaced for a table that the migration did not need to touch, or it reads a table whose
    rows are hidden now.

    Fix: Compare the policies of the table with those of before, as the person who is named.
    """
    before = target.before.tables().get(table)
    if before is None:
        raise NotJudged(f"the state before holds no table {table}")
    everybody = (*target.population.actors, *target.population.everybody)
    ids = [actor.id for actor in everybody if actor.id is not None]
    known = "SELECT id::text FROM users WHERE id = ANY(CAST(:ids AS uuid[]))"
    was = target.before.rows()
    there = {row.id for row in was.rows(known, was.application, ids=ids)}
    seen = []
    # Who may see which rows that were added is the rules' to say, and judged as those who are named.
    others = suspect_seen_as_before(target, before, there, grows=table in _GROWS)
    for actor in (*target.population.actors, *others):
        if actor.tenant is not None and actor.id not in there:
            target.note(f"{actor.name} was not there before")
            continue
        grows = table in _GROWS and actor.kind != "outsider"
        ignore = (_MORE if grows else ()) + (() if actor.kind == "internal" else _LESS)
        growth = _GROWTH.get(table, "false")
        seen.append(expect_seen_as_before(target, actor, before, ignore=ignore, growth=growth))
    target.repair_by_definitions(table)
    target.evidence.show(f"who saw and sees rows of {table}", ("who", "saw before", "sees now"), seen)


def test_nothing_else_tells_of_them(target: Target) -> None:
    """No view, function or other table tells anybody of projects, contacts and customers that are not theirs.

    Impact: The tables are guarded, and a copy, a report or a search function beside them shows strangers whom to call.

    Likely causes: A backup table was left behind, a view belongs to a role that bypasses, or a function runs with its
    owner's rights.

    Fix: Drop the copy; make the view security_invoker and the function SECURITY INVOKER, or withdraw them from
    strangers.
    """
    # Strangers first; of each operator's staff one.
    staff = {actor.tenant: actor for actor in reversed(target.population.actors) if actor.kind == "internal"}
    asking = [actor for actor in reversed(target.population.actors) if actor.kind == "outsider"]
    asking += staff.values()
    # With a state before, what is seen of the other tables of before is compared with it.
    but = {*MAY_SEE, *_REVEALED, *(MIGRATION.legacy_tables if target.baseline is not None else ())}
    found = find_disclosures(target.snapshot, target.population.reach, asking, GUARDED, but=but)
    expect_no_new_facts(
        target,
        found,
        lambda before: find_disclosures(before, lambda _: before, asking, GUARDED_BEFORE, but=but),
        describe_disclosures,
        examined="views, functions and other tables",
        code="way_around_policies",
        locate=lambda told: told.locate(target.snapshot.database.schema),
    )
    target.repair_by_definitions()


# A function is called for each project by itself, under the policies of whoever asks, which is dear. Of more projects
# than these that somebody sees they are asked for as many, chosen by the hash of the id: the same ones in each run.
_MOST_ASKED = 500
_ASKED = f"(SELECT * FROM projects ORDER BY hashtextextended(id::text, 0), id LIMIT {_MOST_ASKED})"

# What the functions of the new model reveal of projects, and what the tables show of the same.
_REVEALED = {
    "get_project_customer_organization": (
        "organization_id",
        f"""
        SELECT p.id AS project, o.id AS shown FROM {_ASKED} p JOIN organizations o ON o.id = p.customer_organization_id
        """,
    ),
    "get_project_contact_points": (
        "contact_point_id",
        f"""
        SELECT p.id AS project, k.id AS shown FROM project_contact_points k
        JOIN {_ASKED} p ON p.id = k.project_id JOIN contacts c ON c.id = k.contact_id
        """,
    ),
}


@pytest.mark.parametrize("function", _REVEALED)
def test_functions_show_what_tables_show(target: Target, function: str) -> None:
    """The functions of the new model show staff what the tables show them, and show nobody else anything.

    Impact: A function that runs with its owner's rights gives away the contacts that every policy guards.

    Likely causes: The function is SECURITY DEFINER and does not ask who calls it, or it filters otherwise than the
    policies do.

    Fix: Make it SECURITY INVOKER, or let it check the caller; withdraw EXECUTE from anon.
    """
    column, held = _REVEALED[function]
    shown = f"SELECT p.id AS project, f.{column} AS shown FROM {_ASKED} p, LATERAL {function}(p.id) AS f"
    there = target.snapshot.count("SELECT count(*) FROM projects", target.snapshot.application)
    if there > _MOST_ASKED:
        target.note(f"of {there:,} projects each is asked for the {_MOST_ASKED:,} whose ids have the least hashes")
    projects = [row.id for row in target.snapshot.rows(SOME_PROJECTS, target.snapshot.application)]
    asked = f"SELECT f.* FROM unnest(CAST(:projects AS uuid[])) AS p (id), LATERAL {function}(p.id) AS f"
    # One of each operator's staff: that all of them see the same of the tables is another check's to say.
    staff = {actor.tenant: actor for actor in reversed(target.population.actors) if actor.kind == "internal"}
    for actor in target.population.actors:
        if actor in staff.values():
            expect_same_to(target, actor, held, shown, columns=("project", "shown"), statement=f"what {function} shows")
        elif actor.kind == "outsider":
            expect_nothing(target, actor, asked, statement=f"rows that {function} shows", projects=projects)
    target.repair_by_definitions("projects", "project_contact_points")


def test_the_audit_trail_is_the_operators(target: Target) -> None:
    """What was recorded since the state before is filed under an operator, whose staff can read it.

    Impact: Nobody can see who changed what: it is filed under the customer.

    Likely causes: The audit trigger takes the organization of the row, which is the customer's since the contact moved.

    Fix: Let the trigger take the operator, and correct the entries that are named.
    """
    before = target.before.rows()
    newest = before.scalar("SELECT coalesce(max(created_at), '-infinity')::text FROM activity_log", before.application)
    target.expect_none(
        f"""
        SELECT t.id, t.entity_type, t.organization_id FROM activity_log t
        WHERE t.created_at > CAST('{newest}' AS timestamptz)
          AND {_AUDITED}
          AND NOT EXISTS (SELECT FROM users u WHERE u.organization_id = t.organization_id AND u.{INTERNAL_ROLES})
        """,
        statement="entries of the audit trail that are filed under no operator",
        repair=repairs.AUDIT_TRAIL,
        examined=f"SELECT count(*) FROM activity_log t WHERE t.created_at > CAST('{newest}' AS timestamptz)",
        plain=["entity_type"],
        optional=True,
    )
