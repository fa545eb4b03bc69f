"""Whether user mappings of foreign servers still hold what is needed to log in there."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import copy_statements, literal
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

# Of the options no more than their names: one is a password.
_MAPPINGS = """
    SELECT s.srvname::text AS server, CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(m.umuser) END AS role,
           ARRAY(SELECT split_part(u.o, '=', 1) FROM unnest(m.umoptions) AS u(o) ORDER BY 1) AS options
    FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid = m.umserver ORDER BY 1, 2
"""


def examine(after: Snapshot, before: Snapshot) -> Examination:
    """Compares the options that user mappings have on both sides; one that is gone is an object that is lost."""
    found = Examination()
    try:
        now, was = ({(row.server, row.role): set(row.options) for row in side.rows(_MAPPINGS)}
                    for side in (after, before))  # fmt: skip
    except sa.exc.DBAPIError as error:
        if any(side.scalar("SELECT count(*) FROM pg_user_mappings") for side in (after, before)):
            found.unjudged.append(f"options of user mappings: {describe_refusal(error)}")
        else:
            found.inapplicable = "there is no user mapping on either side"
        return found
    found.facts = len(now)
    if not (now or was):
        found.inapplicable = "there is no user mapping on either side"
    for key, options in now.items():
        lost = sorted(was.get(key, set()) - options)
        if lost:
            server, role = key
            words = f"user mapping of {server} for {role} has no {' and no '.join(lost)}, and had: nobody can log in"
            subject = Subject("user mapping", name=f"{server} for {role}")
            repair = _bring_back(server, role, lost)
            found.add(words, blocker=True, repair=repair, code="user_mapping_options_lost", subject=subject)
    return found


def _bring_back(server: str, role: str, options: Sequence[str]) -> str:
    """What copies options from the baseline: one is a password, and stands in no report."""
    user = "0" if role == "PUBLIC" else f"(SELECT oid FROM pg_roles WHERE rolname = {literal(role)})"
    return copy_statements(
        "SELECT format('ALTER USER MAPPING FOR %s SERVER %I OPTIONS (ADD %I %L);', CASE m.umuser WHEN 0 THEN 'PUBLIC' "
        "ELSE quote_ident(pg_get_userbyid(m.umuser)) END, s.srvname, o.option_name, o.option_value) "
        "FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid = m.umserver "
        "CROSS JOIN LATERAL pg_options_to_table(m.umoptions) o "
        f"WHERE s.srvname = {literal(server)} AND m.umuser = {user} "
        f"AND o.option_name IN ({', '.join(map(literal, options))})",
        "the DBA, as a superuser of both servers: the options of before. Risk: they lead to the old remote server",
    )
