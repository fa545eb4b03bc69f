"""Somebody else's server on which databases may be made: they are dropped at the end, and nothing else is touched."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, throwaway
from postmigration.postgres.dsn import conninfo, ignore_environment, redact
from postmigration.postgres.scratch.cleaning import DONE, clean, clean_forgotten, prefix
from postmigration.postgres.scratch.programs import find_binaries

_OLDEST = 15
_OPTION = "--scratch"
_IDENTITY = """
    SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system())::text,
           pg_catalog.pg_postmaster_start_time()::text, pg_catalog.pg_is_in_recovery()
"""
_ROLE = """
    SELECT rolsuper, rolcreatedb FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user
"""
_UNTRUSTED = """
    SELECT a.name FROM pg_catalog.pg_available_extensions a JOIN pg_catalog.pg_available_extension_versions v
        ON v.name OPERATOR(pg_catalog.=) a.name AND v.version OPERATOR(pg_catalog.=) a.default_version
    WHERE v.superuser AND NOT v.trusted AND a.name OPERATOR(pg_catalog.=) ANY (%s) ORDER BY 1
"""


class Borrowed(throwaway.Server):
    """Databases of ours on a server that is named; their names begin with `postmigration_`.

    Args:
        url: the server, as a superuser or as a role that may create databases: then the copies belong to that role.

    Raises:
        CannotJudge: it cannot be reached, or cannot hold copies.
    """

    def __init__(self, url: str) -> None:
        address = conninfo(url, _OPTION)
        self._token = secrets.token_hex(6)
        self.mark = prefix(self._token)
        self.owner = f"{self.mark}owner"
        self._password = secrets.token_urlsafe(24)
        try:
            # Open for as long as this process works there: that tells others that it does.
            self._keeper = psycopg.connect(address, autocommit=True, application_name=self.mark)
        except psycopg.OperationalError as error:
            raise CannotJudge(f"cannot connect to the server of {_OPTION}: {redact(str(error), address)}") from None
        try:
            self._take(conninfo_to_dict(address))
        except BaseException:
            self._keeper.close()
            raise

    def _take(self, named: dict[str, Any]) -> None:
        """Makes sure that it can hold copies, and has a process wait for the end of this one."""
        info = self._keeper.info
        self.version = info.server_version // 10_000
        self.superuser, self._maintenance = info.user, info.dbname
        self._is_superuser, self._may_create = self._keeper.execute(_ROLE).fetchone() or (False, False)
        if not self._is_superuser:
            self.owner, self._password = info.user, info.password
        host = f"[{info.host}]" if info.host.startswith("/") else info.host
        self.label = f"PostgreSQL {self.version} at {host}:{info.port}"
        # What the environment added is said in full: it is hidden from those who connect later.
        own = {"user", "dbname", "application_name", "password", "options"}
        self._parts = {name: value for name, value in {**named, **info.get_parameters()}.items() if name not in own}
        self._parts |= {"host": info.host, "port": str(info.port), "application_name": "postmigration"}
        self._secret = {"password": info.password} if info.password else {}
        self._refuse_unfit()
        self.binaries = find_binaries(self.version) or embedded.binaries(embedded.VERSIONS[-1])
        self.log = Path(os.devnull)
        self._keeper.execute("SET idle_session_timeout = 0")
        clean_forgotten(self._keeper)
        self._waiting = subprocess.Popen(  # this Python, and a module of ours
            # -P: from nowhere else, wherever the user is.
            [sys.executable, "-P", "-m", "postmigration.postgres.scratch.cleaning"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            # What ends the whole group of processes must not end this one.
            start_new_session=True,
        )
        self._tell(json.dumps([self.conninfo("postgres"), self._token]))
        atexit.register(self.stop)

    def _refuse_unfit(self) -> None:
        recovering = self._identity(self._keeper)[2]
        wrong = ""
        if self.version < _OLDEST:
            wrong = f"is too old, {_OLDEST} or newer is needed"
        elif recovering:
            wrong = "is a standby, on which nothing can be made"
        elif not (self._is_superuser or self._may_create):
            wrong = (
                f"lets role {self.superuser} in, which may not create databases: ALTER ROLE {self.superuser} CREATEDB, "
                f"name another role, or {_OPTION}=system"
            )
        if wrong:
            raise CannotJudge(f"the server of {_OPTION}, {self.label}, {wrong}")

    def require_superuser(self) -> None:
        """Makes sure that more than a dump can live there: a world of ours has roles and settings of its own.

        Raises:
            CannotJudge: who is let in is no superuser.
        """
        if not self._is_superuser:
            raise CannotJudge(
                f"the server of {_OPTION}, {self.label}, lets role {self.superuser} in, which is no superuser: that is "
                "enough for dumps, but not for a demonstration world or --prove; name a superuser, or "
                f"{_OPTION}=system"
            )

    def find_forbidden(self, extensions: Collection[str]) -> list[str]:
        """Lists those of some extensions that are there and that only a superuser may create, where we are none."""
        if self._is_superuser:
            return []
        return [str(name) for (name,) in self._keeper.execute(_UNTRUSTED, [list(extensions)])]

    def _identity(self, connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
        return connection.execute(_IDENTITY).fetchone() or ()

    def refuse_sharing(self, option: str, address: str) -> None:
        """Makes sure that copies do not live where a database is judged.

        Args:
            option: where the user named that database.
            address: its connection string.

        Raises:
            CannotJudge: it is the same server, or that one follows it.
        """
        try:
            with psycopg.connect(address, autocommit=True) as other:
                there = self._identity(other)
        except psycopg.Error:
            # Whoever opens it says what is wrong with it.
            return
        system, started, _ = self._identity(self._keeper)
        if there[0] == system and (there[1] == started or there[2]):
            raise CannotJudge(
                f"{_OPTION} names the server of {option}: copies live on another one ({_OPTION}=system, or the URL of "
                "a server that is there for this)"
            )

    def conninfo(self, database: str, user: str = "") -> str:
        """The connection string of one of its databases; it may hold a password."""
        own = self._is_superuser and user == self.owner
        secret = {"password": self._password} if own else self._secret
        name = self._maintenance if database == "postgres" else self.mark + database
        return make_conninfo("", dbname=name, **{**self._parts, **secret, "user": user or self.superuser})

    def connect(self, database: str, user: str = "") -> psycopg.Connection[Any]:
        """A connection in autocommit.

        Raises:
            CannotJudge: the server does not let the owner of copies in.
        """
        try:
            return super().connect(database, user)
        except psycopg.OperationalError as error:
            if user != self.owner:
                raise
            words = redact(str(error), self.conninfo(database, user))
            raise CannotJudge(
                f"the server of {_OPTION} does not let the role in that is to own the copies ({words}): it has to take "
                "a password from roles that are made on it (pg_hba.conf)"
            ) from None

    def create(self, database: str, *, template: str = "template0") -> None:
        """Creates a database of ours, to which nobody else may connect."""
        name = sql.Identifier(self.mark + database)
        if template == "template0":
            made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name)
            try:
                self._keeper.execute(made + sql.SQL(" LOCALE ") + sql.Literal(throwaway.LOCALE))
            except psycopg.Error:
                # It runs on a system that knows no such locale.
                self._keeper.execute(made)
        else:
            copied = sql.Identifier(self.mark + template)
            self._keeper.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, copied))
        self._keeper.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))

    def create_owned(self, database: str, owner: str) -> None:
        """Creates a database that belongs to somebody."""
        self.create(database)
        if owner == self.superuser:
            return
        if owner == self.owner:
            self._make_owner()
        name = sql.Identifier(self.mark + database)
        self._keeper.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(owner)))

    def _make_owner(self) -> None:
        name = sql.Identifier(self.owner)
        if self._keeper.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [self.owner]).rowcount:
            return
        # Hashed here: the server may log what it is sent.
        hashed = self._keeper.pgconn.encrypt_password(self._password.encode(), self.owner.encode(), b"scram-sha-256")
        with self._keeper.transaction():
            self._keeper.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB BYPASSRLS PASSWORD {}").format(
                    name, hashed.decode()
                )
            )
            self._keeper.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, self.mark))
            self._keeper.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(name))

    def drop(self, database: str) -> None:
        """Drops a database of ours, whoever is still connected to it."""
        name = sql.Identifier(self.mark + database)
        self._keeper.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def stop(self) -> None:
        """Drops all that is ours there; whatever keeps this process from it, the one that waits does it."""
        atexit.unregister(self.stop)
        if self._waiting.stdin is None or self._waiting.stdin.closed:
            return
        with suppress(psycopg.Error), ignore_environment():
            if self._keeper.closed or self._keeper.broken:
                self._keeper = psycopg.connect(self.conninfo("postgres"), autocommit=True)
            clean(self._keeper, self._token)
            self._tell(DONE)
        self._keeper.close()
        with suppress(BrokenPipeError):
            self._waiting.stdin.close()
        self._waiting.wait()

    def _tell(self, line: str) -> None:
        assert self._waiting.stdin is not None
        self._waiting.stdin.write(line + "\n")
        self._waiting.stdin.flush()
