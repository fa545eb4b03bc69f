"""Restoring the files of a backup: what each statement needs, what may fail, and an account of every row."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from postmigration.backups.archive import refuse_newer
from postmigration.backups.requirements import find_source
from postmigration.backups.restore_log import RestoreLog, said
from postmigration.backups.restore_rows import Loading
from postmigration.backups.script import Command, Copy, Script, strip_quotes
from postmigration.backups.standins import Standins
from postmigration.backups.statements import Meaning, Role, meaning, split
from postmigration.model.errors import CannotJudge, Unrestorable
from postmigration.model.platform import SUPABASE
from postmigration.postgres.embedded import explain, is_exhausted
from postmigration.postgres.scratch.choice import Needs, refuse_older
from postmigration.postgres.throwaway import Server

_HARMLESS = re.compile(rb"\\(?:restrict|unrestrict|connect|c|encoding)\b")
_CONNECT = re.compile(rb"\\c(?:onnect)?\s+(?:-reuse-previous=on\s+)?['\"]*(?:dbname=)?['\"]*([^'\"\s]+)")
# Encodings in which a byte of a longer character can be a quote or a backslash.
_UNREADABLE = re.compile(
    rb"SET\s+client_encoding\s*(?:=|TO)\s*'?(?:SJIS|SHIFT_JIS\w*|BIG5|GBK|UHC|JOHAB|GB18030)\b"
    rb"|SET\s+standard_conforming_strings\s*(?:=|TO)\s*'?(?:off|false|no|0)\b",
    re.I,
)
# Statements that only a superuser may make of everybody's objects, and that run nothing of the backup's.
_IDENTIFIER = rb'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_RUNS_NOTHING = re.compile(
    rb"ALTER\s+[A-Z]+(?:\s+VIEW)?\s+(?:ONLY\s+)?%s(?:\.%s)*\s*(?:\([^()]*\))?\s+OWNER\s+TO\s+%s\s*;\s*\Z"
    rb"|ALTER\s+DEFAULT\s+PRIVILEGES\s[^;]*;\s*\Z" % (_IDENTIFIER, _IDENTIFIER, _IDENTIFIER)
)
# What belonged to a superuser or a role of the server's own stays with whoever restores it: its code would run as it.
_OWNED_ABOVE = re.compile(
    rb'.*\sOWNER\s+TO\s+"?(?:postgres|pg_\w+|(?:current|session)_(?:user|role))"?\s*;\s*\Z', re.DOTALL | re.I
)
_GIVES_AWAY = re.compile(rb"\sOWNER\s+TO\s", re.I)
_GRANTOR = re.compile(rb"\s+GRANTED\s+BY\s+%s(?=\s*;\s*\Z)" % _IDENTIFIER)
_IN_SCHEMA = re.compile(rb'\bSCHEMA\s+("(?:[^"]|"")+"|\w+)', re.I)
_PRIVILEGE = "42501"
_DUPLICATE_SCHEMA = "42P06"
_DUPLICATE_FUNCTION = "42723"
_FOREIGN_KEY_VIOLATION = "23503"


@dataclass(frozen=True)
class Later:
    """A statement that has to wait for the rows of all files."""

    text: bytes
    what: Meaning


class Restoring:
    """One file of a backup while it is restored, in a session of its own.

    Args:
        connection: a session that the file's settings may change.
        name: what the file is called in messages.
        ledger: the account of all files.
        standins: what the files may expect.
    """

    def __init__(self, connection: psycopg.Connection[Any], name: str, ledger: RestoreLog, standins: Standins) -> None:
        self._connection = connection
        self._name = name
        self._ledger = ledger
        self._standins = standins
        self._loading = Loading(connection, name, ledger)
        self._later: list[Later] = []
        self._deferring = False
        self._section = self._section_of_tables = ""
        connection.prepare_threshold = None
        # No trigger may change what is loaded, and no foreign key is checked before all rows are there.
        # Who may not set that needs it less: triggers and foreign keys are created when all rows are there.
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '256MB'")

    def read(self, script: Script, server: Server) -> list[Later]:
        """Runs the file up to its rows and loads them.

        Args:
            server: where the session is.

        Returns:
            What has to wait for the rows of all files: constraints, indexes, triggers and whatever follows them.

        Raises:
            CannotJudge: something that rows need cannot be created, or a row did not arrive.
        """
        first = True
        for item in script.items():
            if isinstance(item, Command):
                self._command(item.text)
                continue
            if first:
                refuse_newer(self._name, script.header.get("Dumped by pg_dump version", ""))
                refuse_older(server, Needs(find_source(script), name=self._name))
                first = False
            what = meaning(item.text)
            if what is None:
                raise CannotJudge(
                    f"{self._name} has a statement that no pg_dump writes, {_first_words(item.text)}: name the file as "
                    "pg_dump wrote it"
                )
            if isinstance(item, Copy):
                self._loading.copy(item, what.name)
            elif what.role is Role.ROWS:
                self._loading.insert(item.text, what.name)
            else:
                self._loading.flush()
                self._schedule(item.text, what)
        self._loading.flush()
        return self._later

    def run(self, later: list[Later]) -> None:
        """Runs what had to wait."""
        for statement in later:
            self._run(statement.text, statement.what)

    def _command(self, text: bytes) -> None:
        if not _HARMLESS.match(text):
            word = re.match(rb"\\(?:[A-Za-z_]+|.)", text)
            raise CannotJudge(
                f"{self._name} has the psql command {(word[0] if word else text[:2]).decode(errors='replace')}, which "
                "no pg_dump writes and which is not run: name the file as pg_dump wrote it"
            )
        if found := _CONNECT.match(text):
            self._section = found[1].decode(errors="replace")

    def _schedule(self, text: bytes, what: Meaning) -> None:
        if _UNREADABLE.match(text):
            raise CannotJudge(
                f"{self._name} cannot be read, {' '.join(text.decode(errors='replace').split())[:60]}: dump again with "
                "--encoding=UTF8 and standard_conforming_strings = on"
            )
        if what.role in (Role.NEEDED, Role.APPLICATION) and text[:6].upper() == b"CREATE" and not what.table:
            self._ledger.schemas.add(what.bare_name if what.kind == "schema" else what.schema)
        if what.kind == "table" and text[:6].upper() == b"CREATE":
            self._ledger.tables += 1
            self._section_of_tables = self._section_of_tables or self._section
            if self._section != self._section_of_tables:
                raise CannotJudge(
                    f"{self._name} holds several databases ({self._section_of_tables}, {self._section}, …): dump the "
                    "one that is the baseline with pg_dump and name that"
                )
        if what.role is not Role.SETTING:
            self._standins.note(text)
        self._deferring = self._deferring or what.after_rows
        if what.role is Role.SETTING or (self._deferring and what.kind != "value of sequence"):
            self._later.append(Later(text, what))
        if what.role is Role.SETTING or not self._later or self._later[-1].text is not text:
            self._run(text, what)

    def _run(self, text: bytes, what: Meaning) -> None:
        match what.role:
            case Role.IGNORED:
                pass
            case Role.LEFT_OUT:
                self._ledger.leave_out(what.kind, what.name)
            case Role.OPTIONAL if what.kind == "owner" and _OWNED_ABOVE.match(text):
                pass
            case Role.OPTIONAL if what.kind == "owner" and not self._standins.may_create_roles:
                # All belongs to who restores it, who can make nobody else the owner.
                self._ledger.leave_out(what.kind, what.name)
            case Role.EXTENSION:
                self._extension(text, what)
            case Role.ACCOUNT:
                self._account(text, what)
            case _:
                self._execute(text, what)

    def _execute(self, text: bytes, what: Meaning) -> None:
        while True:
            try:
                if what.kind == "foreign key":
                    self._standins.identify(text)
                if _GIVES_AWAY.search(text):
                    self._standins.refuse_foreign(text)
                connection = self._standins.superuser if _RUNS_NOTHING.match(text) else self._connection
                connection.execute(_GRANTOR.sub(b"", text) if what.kind == "grant" else text)
            except psycopg.Error as error:
                self._alive(error)
                if not self._standins.provide(error, text):
                    self._handle_error(error, text, what)
                    return
            else:
                if what.kind == "view":
                    # What failed before was a preliminary one.
                    self._ledger.unrestored.pop(what, None)
                return

    def _handle_error(self, error: psycopg.Error, text: bytes, what: Meaning) -> None:
        """Decides what an error means for the object."""
        if error.sqlstate == _DUPLICATE_SCHEMA or what.role is Role.CLEANUP:
            return
        if error.sqlstate == _DUPLICATE_FUNCTION and text.startswith(b"CREATE FUNCTION"):
            self._execute(text.replace(b"CREATE", b"CREATE OR REPLACE", 1), what)
        elif what.role in (Role.OPTIONAL, Role.SETTING):
            self._ledger.leave_out(what.kind, what.name)
        elif what.schema in SUPABASE.schemas:
            self._ledger.leave_out(what.kind, what.name, platform=True)
        elif what.role is not Role.APPLICATION:
            words = f"{self._name}: {what} cannot be restored: {said(error, defines=True)}"
            raise Unrestorable(f"{words}; {self._ledger.remedy}")
        elif error.sqlstate == _FOREIGN_KEY_VIOLATION and b"NOT VALID" not in strip_quotes(text).upper():
            self._ledger.orphaned.append(str(what))
            self._ledger.notes.append(f"{what} refers to rows that are not in the backup: it was restored as not valid")
            self._execute(text.rstrip(b"; \t\r\n") + b" NOT VALID;", what)
        else:
            self._ledger.unrestored.setdefault(what, said(error, defines=what.kind != "materialized view"))

    def _extension(self, text: bytes, what: Meaning) -> None:
        try:
            self._connection.execute(text)
        except psycopg.Error as error:
            self._alive(error)
            if error.sqlstate == _PRIVILEGE and self._standins.install(split(what.name)[0], text):
                return
            schema = _IN_SCHEMA.search(text)
            where = split(schema[1].decode(errors="replace"))[0] if schema else "public"
            name = split(what.name)[0]
            if not self._standins.extension(name, where):
                self._ledger.leave_out(what.kind, what.name)
            self._standins.register(name, where)
        else:
            self._standins.open_rows_of(split(what.name)[0])

    def _account(self, text: bytes, what: Meaning) -> None:
        """Creates a role: it cannot log in, and has what row-level security asks of it and nothing else."""
        name = split(what.name)[0]
        self._ledger.roles = True
        if name in ("postgres", self._connection.info.user):
            return
        words = set(strip_quotes(text).upper().replace(b";", b" ").split())
        wanted = ["BYPASSRLS"] * bool(words & {b"BYPASSRLS", b"SUPERUSER"}) + ["NOINHERIT"] * (b"NOINHERIT" in words)
        self._standins.role(name, *wanted)

    def _alive(self, error: psycopg.Error) -> None:
        """Makes sure that what went wrong is the backup's fault, and not that the server cannot go on."""
        if self._connection.closed or is_exhausted(error):
            raise CannotJudge(
                f"{self._name}: {explain(error.diag.message_primary or 'it ended the session')}"
            ) from None


def _first_words(text: bytes) -> str:
    words = re.match(rb"[^\s'($;]{1,40}(?:\s+[A-Za-z_]{1,40})?", text)
    return (words[0] if words else text[:10]).decode(errors="replace")
