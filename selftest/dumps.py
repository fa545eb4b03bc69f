"""Dumps for the selftests, and what a restored database must hold."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from postmigration.backups.restore import Restored, restore
from postmigration.postgres import embedded, throwaway
from selftest.servers import SYSTEM_BINARIES

COUNTER = itertools.count()

_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_|^information_schema$'
"""

Rows = dict[str, tuple[int, str]]


def dump(server: throwaway.Server, database: str, file: Path, *options: str, program: str = "pg_dump") -> Path:
    """Dumps a database with the programs of its own version."""
    binaries = SYSTEM_BINARIES if server.version == 15 else server.binaries
    subprocess.run(
        [binaries / program, "--dbname", server.conninfo(database), "--file", file, *options],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return file


def rows(server: embedded.Server, database: str) -> Rows:
    """The number of rows of every table, and the md5 of their text in order."""
    with server.connect(database) as connection:
        connection.execute("SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET extra_float_digits = 1")
        counted = {}
        for (name,) in connection.execute(_TABLES).fetchall():
            query = f"""
                SELECT count(*), coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")), '')
                FROM ONLY {name} t
            """
            counted[name] = connection.execute(query.encode()).fetchone()
    return {name: row for name, row in counted.items() if row is not None}


class Restorer:
    """Restores backups on one embedded server, each into a database of its own that is dropped at the end."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.database = ""

    def __call__(self, *files: Path) -> Restored:
        self.database = f"restored_{next(COUNTER)}"
        return restore(files, self.server, self.database)

    def rows(self) -> Rows:
        """What the last restored database holds."""
        return rows(self.server, self.database)

    def query(self, sql: str) -> Sequence[tuple[object, ...]]:
        """The rows of a query on the last restored database."""
        with self.server.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()
