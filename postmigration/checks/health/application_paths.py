"""Where the application may look up names that it writes without a schema, as far as a database tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from postmigration.postgres.connection import Snapshot

# The names of a search_path as the server stores it: quoted, or bare.
_NAMES = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')

# What is set for the database, for all roles or for one of them, and what whoever connects has otherwise.
_PATHS = """
    SELECT DISTINCT substr(u.setting, 13) AS path
    FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS u(setting)
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND u.setting LIKE 'search_path=%'
    UNION
    SELECT reset_val FROM pg_settings WHERE name = 'search_path'
    ORDER BY 1
"""


def read_paths(snapshot: Snapshot) -> Sequence[str]:
    """Every search_path that somebody who connects may have."""
    return [quote_path(row.path) for row in snapshot.rows(_PATHS)]


def quote_path(path: str) -> str:
    """A search_path as the server stores it, with every name quoted."""
    return path_of(*(text.replace('""', '"') or bare.lower() for text, bare in _NAMES.findall(path)))


def path_of(*schemas: str) -> str:
    """A search_path of some schemas, as SET takes it."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in dict.fromkeys(schemas) if name) or "''"
