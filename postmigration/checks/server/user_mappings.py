"""Whether user mappings of foreign servers still hold what is needed to log in there."""

from __future__ import annotations

import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination
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
            found.add(words, blocker=True)
    return found
