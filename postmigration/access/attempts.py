"""What people can do: statements tried as each of them, of which nothing stays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.access.principals import Actor, acting
from postmigration.model.errors import NotJudged

# The cursor on the row that a statement changes `WHERE CURRENT OF` it, which reads no column and so meets no policy for
# SELECT: as the API does it for a change of all rows.
CURSOR = "postmigration_row"

# What came of what somebody tried, by who and what: `done`, `no rows`, or the SQLSTATE of the refusal.
Tried = Mapping[tuple[str, str], str]

# After these nothing is known of what somebody can do.
_UNKNOWN = {
    "55P03": "another session held a lock; try again",
    "40P01": "it met a deadlock; try again",
    "40001": "another session changed it; try again",
    "PM001": "code of the database went on as another role",
}

# One statement for all that somebody tries, since the way to the server would take longer than what is tried there, and
# one for each of them, since on large tables a deletion takes long and a statement may not.
_TRY = f"""
DO $postmigration$
DECLARE
    person jsonb := pg_catalog.current_setting('postmigration.person');
    attempts jsonb := pg_catalog.current_setting('postmigration.attempts');
    attempt jsonb;
    settled pg_catalog.text;
    changed pg_catalog.int8;
    came pg_catalog.text[] := '{{}}';
    cursor_ pg_catalog.refcursor := '{CURSOR}';
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.set_config(s.key, s.value, true), '')
    FROM pg_catalog.jsonb_each_text(person -> 'settings') AS s INTO settled;
    FOR attempt IN SELECT pg_catalog.jsonb_array_elements(attempts) LOOP
        BEGIN
            IF attempt ->> 'row' <> '' THEN
                OPEN cursor_ FOR EXECUTE attempt ->> 'row';
                MOVE cursor_;
            END IF;
            PERFORM pg_catalog.set_config('role', person ->> 'role', true);
            EXECUTE attempt ->> 'statement';
            GET DIAGNOSTICS changed = ROW_COUNT;
            IF CURRENT_USER <> person ->> 'role' AND person ->> 'role' <> 'none' THEN
                -- A trigger can take back the role, and then nobody knows as whom the rest was done.
                RAISE EXCEPTION USING ERRCODE = 'PM001';
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'PM000';
        EXCEPTION WHEN OTHERS THEN
            came := came || CASE SQLSTATE WHEN 'PM000' THEN CASE changed WHEN 0 THEN 'no rows' ELSE 'done' END
                                          ELSE SQLSTATE END;
        END;
    END LOOP;
    PERFORM pg_catalog.set_config('postmigration.came', pg_catalog.to_jsonb(came)::pg_catalog.text, true);
END
$postmigration$
"""


@dataclass(frozen=True)
class Attempt:
    """Something that people may try.

    Args:
        statement: one statement, its values written out.
        row: a query for the one row on which the cursor `CURSOR` stands meanwhile; empty where none is needed.
    """

    statement: str
    row: str = ""


def try_all(connection: sa.Connection, actors: Sequence[Actor | None], attempts: Mapping[str, Attempt]) -> Tried:
    """Tries everything as everybody, each in a savepoint that is rolled back.

    Args:
        connection: in a transaction that is rolled back, and that may act as all of them.
        actors: who tries it; None is whoever judges, whose name is empty.
        attempts: what is tried, by its name.

    Raises:
        NotJudged: another session stood in the way, or code of the database changed the role.
        sa.exc.DBAPIError: it took longer than allowed, or the connection was lost.
    """
    tried = [{"statement": attempt.statement, "row": attempt.row} for attempt in attempts.values()]
    savepoint = connection.begin_nested()
    try:
        acting(connection, None)
        connection.exec_driver_sql(
            "SELECT pg_catalog.set_config('postmigration.attempts', %s, true)", (json.dumps(tried),)
        )
        came = [each for actor in actors for each in _try(connection, actor)]
    finally:
        savepoint.rollback()
    names = [(actor.name if actor else "", what) for actor in actors for what in attempts]
    found = dict(zip(names, came, strict=True))
    for (who, what), state in found.items():
        if state in _UNKNOWN:
            raise NotJudged(f"{who or 'whoever judges'} tried to {what}: {_UNKNOWN[state]}")
    return found


def _try(connection: sa.Connection, actor: Actor | None) -> list[str]:
    """What came of each attempt of one of them."""
    settings = {} if actor is None else actor.settings
    person = {"role": settings.pop("role", "none"), "settings": settings}
    connection.exec_driver_sql("SELECT pg_catalog.set_config('postmigration.person', %s, true)", (json.dumps(person),))
    connection.exec_driver_sql(_TRY)
    came = connection.exec_driver_sql("SELECT pg_catalog.current_setting('postmigration.came')").scalar_one()
    return list(json.loads(came))
