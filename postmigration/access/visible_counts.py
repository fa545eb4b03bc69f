"""How many rows each of all people sees: counted for each in one round trip, and told by the rules for all at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.access.principals import MOST_PEOPLE, Actor
from postmigration.access.row_visibility import Amount, explain
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

# What is counted for all of them together; each of them may have to read all rows.
_MOST_ROWS = 3_000_000

_COUNT = """
DO $postmigration$
DECLARE
    person jsonb;
    seen pg_catalog.text;
    all_seen pg_catalog.text[] := '{}';
BEGIN
    FOR person IN SELECT pg_catalog.jsonb_array_elements(pg_catalog.current_setting('postmigration.people')::jsonb) LOOP
        BEGIN
            SELECT pg_catalog.string_agg(pg_catalog.set_config(s.key, s.value, true), '')
            FROM pg_catalog.jsonb_each_text(person -> 'settings') AS s INTO seen;
            PERFORM pg_catalog.set_config('role', person ->> 'role', true);
            EXECUTE pg_catalog.current_setting('postmigration.query') INTO seen;
            RAISE EXCEPTION USING ERRCODE = 'PM000';
        EXCEPTION
            WHEN SQLSTATE 'PM000' THEN NULL;
            WHEN lock_not_available THEN RAISE;
            WHEN OTHERS THEN seen := '0 0';
        END;
        all_seen := all_seen || seen;
    END LOOP;
    PERFORM pg_catalog.set_config('postmigration.seen', pg_catalog.to_jsonb(all_seen)::pg_catalog.text, true);
END
$postmigration$
"""


def _amount(keys: Sequence[str]) -> str:
    """SQL for how many rows `t` there are, and the sum of the hashes of their keys."""
    key = ", ".join(f"t.{quoted(name)}" for name in keys)
    # Smaller numbers are summed faster, and as many as there are people for.
    return f"count(*) AS rows, coalesce(sum(hashtext(CAST(ROW({key}) AS text))), 0) AS total"


def explain_uncounted(everything: Snapshot, people: int, table: str) -> str:
    """Why the rows of a table are not counted for each of some people; empty where they are."""
    if people > MOST_PEOPLE:
        return f"there are more than {MOST_PEOPLE} users"
    rows = everything.count(f"SELECT count(*) FROM {quoted(table)}", everything.application)
    return f"{people:,} users and {rows:,} rows are many" if people * rows > _MOST_ROWS else ""


def count_for_each(people: Snapshot, actors: Sequence[Actor], table: str, keys: Sequence[str]) -> list[Amount]:
    """Counts what each of some people sees of a table; who is refused sees nothing.

    Args:
        keys: the columns that identify a row.

    Raises:
        NotJudged: it took too long, or waited for a lock.
    """
    told = [{"role": a.database_role, "settings": {k: v for k, v in a.settings.items() if k != "role"}} for a in actors]
    query = f"SELECT format('%s %s', q.rows, q.total) FROM (SELECT {_amount(keys)} FROM {quoted(table)} t) q"
    settings = {**people.application, "postmigration.people": json.dumps(told), "postmigration.query": query}
    try:
        with people.use_connection(settings) as connection:
            connection.exec_driver_sql(_COUNT)
            seen = connection.exec_driver_sql("SELECT pg_catalog.current_setting('postmigration.seen')").scalar_one()
    except sa.exc.DBAPIError as error:
        explain(error, actors[0])
        raise
    return [Amount(*map(int, text.split())) for text in json.loads(seen)]


@dataclass(frozen=True)
class Owed:
    """What somebody may see of a table, and how many rows of that they must see."""

    may: Amount
    must: int

    def allows(self, seen: Amount) -> bool:
        """Whether what they see can be what they must and may; which rows, only where they see all of them."""
        return self.must <= seen.rows <= self.may.rows and (seen.rows < self.may.rows or seen == self.may)


def count_owed(
    everything: Snapshot, actors: Sequence[Actor], table: str, keys: Sequence[str], *, may: str, must: str
) -> list[Owed]:
    """Counts what the rules say that each of some people may and must see of a table.

    Args:
        keys: the columns that identify a row.
        may, must: conditions on a row `t` (see `row_visibility.compare_with_rules`).
    """
    groups = {(actor.tenant, actor.kind == "internal"): None for actor in actors}

    def of_group(condition: str) -> str:
        return re.sub(r"(?<!:):(tenant|internal)\b", r"g.\1", condition)

    rows = everything.rows(
        f"""
        SELECT a.rows, a.total, a.required
        FROM unnest(CAST(:tenants AS uuid[]), CAST(:internals AS boolean[])) WITH ORDINALITY AS g (tenant, internal, n),
             LATERAL (SELECT {_amount(keys)}, count(*) FILTER (WHERE t.required) AS required
                      FROM (SELECT t.*, g.internal AND ({of_group(must)}) AS required
                            FROM {quoted(table)} t WHERE {of_group(may)}) t) a
        ORDER BY g.n
        """,
        everything.application,
        tenants=[None if tenant is None else str(tenant) for tenant, _ in groups],
        internals=[internal for _, internal in groups],
    )
    owed: Mapping[object, Owed] = {
        group: Owed(Amount(int(row.rows), int(row.total)), int(row.required))
        for group, row in zip(groups, rows, strict=True)
    }
    return [owed[actor.tenant, actor.kind == "internal"] for actor in actors]
