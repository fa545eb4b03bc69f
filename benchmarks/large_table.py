"""Two databases with a large table of the same rows, on one server.

Both are on the same machine with the same settings and share its cache; on the second one the rows lie in another
order.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import Finding, Pair
from postmigration.postgres import embedded

TABLE = """
CREATE TYPE stage AS ENUM ('planned', 'active', 'on_hold', 'completed', 'cancelled');
CREATE TABLE projects (
    id uuid NOT NULL, owner_id uuid, code varchar(50) NOT NULL, title varchar(255) NOT NULL, notes text, status stage,
    is_active boolean, priority integer, views bigint, value numeric(15,2), rate numeric, settings jsonb, due date,
    created_at timestamptz NOT NULL, updated_at timestamptz
);
"""

# A multiplier that has no divisor in common with the number of rows visits each of them once, in another order.
FILL = """
INSERT INTO projects
SELECT
    md5('project' || i)::uuid, md5('owner' || h % 1000)::uuid, 'P-' || i,
    'Project ' || left(md5(i::text), 8 + (h % 20)::int),
    CASE WHEN h % 4 > 0 THEN repeat('Seen with ' || md5(h::text) || '. ', (h % 4)::int) END,
    (enum_range(NULL::stage))[1 + h % 5], h % 7 > 0, (h % 100)::int, h, h % 100000000 / 100.0, h % 1000 / 7.0,
    jsonb_build_object('tier', h % 3, 'tags', jsonb_build_array('a', h % 11), 'label', left(md5((h % 977)::text), 12)),
    CASE WHEN h % 10 > 0 THEN date '2020-01-01' + (h % 3000)::int END,
    timestamptz '2024-01-01 00:00+00' + i * interval '1.000001 s',
    timestamptz '2025-01-01 00:00+00' + h % 100000000000 * interval '1 us'
FROM (
    SELECT i, hashint8extended(i, {seed}) & 9223372036854775807 AS h
    FROM (SELECT g * {step} % {rows} + 1 AS i FROM generate_series(1, {rows}::bigint) AS g) AS numbers
) AS draws;
ALTER TABLE projects ADD PRIMARY KEY (id);
"""
STEPS = {"before": 1, "after": 7_368_787}

# One value of one row each, by column.
CHANGES = {
    "owner_id": "md5('nobody')::uuid",
    "code": "code || ' '",
    "title": "upper(title)",
    "notes": "CASE WHEN notes IS NULL THEN '' END",
    "status": "CASE status WHEN 'active' THEN 'planned' ELSE 'active' END::stage",
    "is_active": "NOT is_active",
    "priority": "priority + 1",
    "views": "views # 1",
    "value": "value + 0.01",
    "settings": """settings || '{"tier": 9}'""",
    "due": "CASE WHEN due IS NULL THEN date '2020-01-01' ELSE due + 1 END",
    "created_at": "created_at + interval '1 us'",
    "updated_at": "updated_at - interval '1 us'",
}


@contextmanager
def worlds(version: int) -> Iterator[Callable[[int], Pair]]:
    """A function that builds both databases anew, equal, with so many rows each."""
    server = embedded.Server(version)
    with tempfile.TemporaryDirectory() as connections:

        def build(rows: int) -> Pair:
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda name: fill(server, name, rows), STEPS))
            with server.connect("postgres") as connection:
                connection.execute("CHECKPOINT")
            return Pair(server, "before", "after", Path(connections))

        try:
            yield build
        finally:
            server.stop()


def fill(server: embedded.Server, name: str, rows: int) -> None:
    """Builds one of the databases; what was in it is gone."""
    assert math.gcd(STEPS[name], rows) == 1
    with server.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.create(name)
    with server.connect(name) as connection:
        connection.execute(TABLE)
        connection.execute(FILL.format(seed=1, step=STEPS[name], rows=rows))
        connection.execute("VACUUM ANALYZE")


def differ(pair: Pair, rows: int) -> list[Finding]:
    """Makes 15 rows differ, and says how: one value of each column, a lost row and one too many."""
    expected = []
    with pair.server.connect(pair.after) as connection:
        for place, (column, value) in enumerate(CHANGES.items(), start=1):
            row = key(rows * place // 16)
            connection.execute(f"UPDATE projects SET {column} = {value} WHERE id = %s", (row,))
            expected.append(Finding("changed", row, frozenset({column})))
        lost, extra = key(rows * 14 // 16), str(uuid.UUID(int=1))
        connection.execute("UPDATE projects SET id = %s WHERE id = %s", (extra, lost))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return [*expected, Finding("missing", lost), Finding("extra", extra)]


def key(number: int) -> str:
    """The key of one of the generated rows."""
    return str(uuid.UUID(hashlib.md5(f"project{number}".encode(), usedforsecurity=False).hexdigest()))
