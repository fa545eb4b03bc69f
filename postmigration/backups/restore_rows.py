"""The rows of a backup: loaded, and counted on both sides."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from postmigration.backups.restore_log import ELSEWHERE, Loaded, RestoreLog, said
from postmigration.backups.script import Copy, strip_quotes
from postmigration.backups.statements import readable, split
from postmigration.model.errors import CannotJudge, Incomplete
from postmigration.model.platform import SUPABASE

_VALUES = re.compile(rb"\bVALUES\b", re.I)
_PLACE = re.compile(r"^COPY [^,\n]+, line (\d+)(?:, column (\w+))?", re.MULTILINE)
_BATCH = 1 << 18

# Of a COPY that is broken off psycopg would print what the server says of the last rows, which may quote them.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Loading:
    """Loads the rows of one file.

    Args:
        connection: the session in which the file is restored.
        file: what the file is called in messages.
        ledger: where the rows are accounted for.
    """

    def __init__(self, connection: psycopg.Connection[Any], file: str, ledger: RestoreLog) -> None:
        self._connection = connection
        self._file = file
        self._ledger = ledger
        self._tables: dict[str, int | None] = {}
        self._inserts: list[bytes] = []
        self._table, self._rows, self._size = "", 0, 0

    def copy(self, item: Copy, table: str) -> None:
        """Loads the rows of a COPY.

        Raises:
            CannotJudge: a row did not arrive.
        """
        self.flush()
        oid = self._find_table(table)
        if oid is None:
            self._ledger.set_aside(table, sum(block.count(b"\n") for block in item.blocks))
            return
        expected, unreadable = 0, None
        with self._loading(table), self._connection.cursor() as cursor:
            try:
                with cursor.copy(item.text) as copy:
                    try:
                        for block in item.blocks:
                            expected += block.count(b"\n")
                            copy.write(block)
                    except CannotJudge as error:
                        # Let through, it would make psycopg log what the server says of the last rows, and quote them.
                        unreadable = error
            except psycopg.Error:
                if unreadable is None:
                    raise
            if unreadable is not None:
                raise unreadable
            self._count_arrival(table, oid, expected, cursor.rowcount)

    def insert(self, text: bytes, table: str) -> None:
        """Loads the rows of an INSERT, or collects it to send it with others.

        Raises:
            CannotJudge: a row did not arrive.
        """
        if table != self._table or self._size > _BATCH:
            self.flush()
        # Values are literals, so that what else is in parentheses is rows; a table without columns has DEFAULT VALUES.
        self._rows += max(1, _VALUES.split(strip_quotes(text), maxsplit=1)[-1].count(b"("))
        self._table, self._size = table, self._size + len(text)
        self._inserts.append(text)

    def flush(self) -> None:
        """Sends the INSERTs that were collected, in one round trip.

        Raises:
            CannotJudge: a row did not arrive.
        """
        if not self._inserts:
            return
        batch, table, expected = b"\n".join(self._inserts), self._table, self._rows
        self._inserts, self._table, self._rows, self._size = [], "", 0, 0
        oid = self._find_table(table)
        if oid is None:
            self._ledger.set_aside(table, expected)
            return
        with self._loading(table):
            cursor = self._connection.execute(batch)
            arrived = cursor.rowcount
            while cursor.nextset():
                arrived += cursor.rowcount
            self._count_arrival(table, oid, expected, arrived)

    def _find_table(self, table: str) -> int | None:
        """The table that rows are for; None where the rows are set aside."""
        if table not in self._tables:
            found = self._connection.execute("SELECT to_regclass(%s)::oid::int8", [table]).fetchone()
            self._tables[table] = found[0] if found else None
        oid = self._tables[table]
        if oid is not None or _schema(table) in SUPABASE.schemas:
            return oid
        if not self._ledger.tables:
            raise Incomplete(f"{self._file} holds data only, without a schema: name the file with the schema before it")
        raise Incomplete(
            f"{self._file} has rows of {readable(table)}, a table that the backup does not define: name the file that "
            "defines it before this one, or dump again without --table and --exclude-table"
        )

    @contextmanager
    def _loading(self, table: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            place = _PLACE.search(error.diag.context or "")
            where = f" (row {place[1]}{f', column {place[2]}' if place[2] else ''})" if place else ""
            raise CannotJudge(
                f"{self._file}: the rows of {readable(table)} did not all arrive: {said(error)}{where}; {ELSEWHERE}"
            ) from None

    def _count_arrival(self, table: str, oid: int, expected: int, arrived: int) -> None:
        if expected != arrived:
            raise CannotJudge(
                f"{self._file}: the rows of {readable(table)} did not all arrive: {expected:,} are in the file, "
                f"{arrived:,} arrived; {ELSEWHERE}"
            )
        self._ledger.loaded.setdefault(oid, Loaded(_schema(table))).rows += arrived


def _schema(table: str) -> str:
    parts = split(table)
    return parts[0] if len(parts) > 1 else ""
