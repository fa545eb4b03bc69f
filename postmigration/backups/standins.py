"""What a dump expects of its platform and does not bring along: roles, publications, functions, identities.

Nothing here is created unless the dump refers to it and does not define it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from postmigration.backups.contrib import AUTH, EXTENSIONS
from postmigration.backups.install_extensions import install, open_rows
from postmigration.backups.statements import readable, split
from postmigration.model.errors import CannotJudge
from postmigration.model.platform import SUPABASE
from postmigration.postgres.schema_objects import STANDIN

_IDENTIFIER = rb'(?:"[^"]+"|[A-Za-z_][\w$]*)'
_CALLS = re.compile(
    rb'(?<![\w$."])(?:(?P<schema>%s)\.)?(?P<quote>"?)(?P<function>%s)(?P=quote)\('
    % (_IDENTIFIER, b"|".join(sorted({name.encode() for f in EXTENSIONS.values() for name in f}, reverse=True)))
    + rb'|(?<![\w$."])"?auth"?\."?(?P<claim>%s)"?\(' % b"|".join(name.encode() for name in AUTH)
)
_IDENTITIES = re.compile(rb'REFERENCES\s+"?auth"?\."?users"?\s*\(\s*"?id"?\s*\)', re.I)
_REFERRING = re.compile(rb"ALTER\s+TABLE\s+(?:ONLY\s+)?(\S+)\s+ADD\s.*FOREIGN\s+KEY\s*\(\s*([^),]+?)\s*\)", re.I | re.S)
_NEW_OWNER = re.compile(rb"\sOWNER\s+TO\s+(%s)\s*;\s*\Z" % _IDENTIFIER, re.I)
_MISSING = re.compile(r'(role|publication) "(.*)" does not exist', re.DOTALL)
_UNDEFINED = ("3F000", "42883", "42P01")
SAID = STANDIN


class Standins:
    """Creates what is missing, and keeps what it has created.

    Args:
        connection: the database that is being restored, as its owner.
        superuser: the same as a superuser, for what runs no code of the database; on a server that lets no superuser
            in, as its owner too.
        mark: the comment of each role that is made; a server where it is empty is ours.
    """

    def __init__(self, connection: psycopg.Connection[Any], superuser: psycopg.Connection[Any], mark: str = "") -> None:
        self._connection = connection
        self.superuser = superuser
        self._mark = mark
        row = superuser.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user"
        ).fetchone()
        self._is_superuser: bool = row is not None and row[0]
        self.may_create_roles: bool = row is not None and any(row)
        self.roles: set[str] = set()
        self.publications: set[str] = set()
        self.functions: set[str] = set()
        self.extensions: dict[str, str] = {}
        self._referring: set[str] = set()
        self._has_identities = False
        self._mentioned: set[tuple[str, str]] = set()

    def note(self, text: bytes) -> None:
        """Remembers which functions of the platform a statement mentions by their full names, in bodies too."""
        self._mentioned |= {call for call in _calls(text) if call[0]}

    def complete(self) -> None:
        """Creates the functions that were mentioned and that nothing has defined."""
        there = {name for (name,) in self._connection.execute("SELECT nspname FROM pg_namespace").fetchall()}
        for schema, function in sorted(self._mentioned):
            if schema in there | SUPABASE.schemas:
                self._function(schema, function)
        # Where one function of an extension was, all were.
        for name, functions in EXTENSIONS.items():
            for where in sorted({f.rpartition(".")[0] for f in self.functions if f.rpartition(".")[2] in functions}):
                self._all_of(name, where)
                self.register(name, where)

    def extension(self, name: str, schema: str) -> bool:
        """Creates the stand-ins for an extension's functions; False where there are none for it."""
        if name not in EXTENSIONS:
            return False
        self._all_of(name, schema)
        self.extensions[name] = schema
        return True

    def register(self, name: str, schema: str) -> None:
        """Makes the catalog tell of an extension that is not there, so that creating it if it does not exist is right.

        Its oid is one of the server's own, so that pg_dump does not take it for an extension of the user's, which it
        would leave to a server that has it.
        """
        if not self._is_superuser:
            return
        self._schema(schema)
        with self.superuser.transaction():
            self.superuser.execute("SET LOCAL allow_system_table_mods = on")
            self.superuser.execute(
                """
                INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
                SELECT (SELECT max(o) FROM generate_series(16000, 16383) o
                        WHERE o NOT IN (SELECT oid FROM pg_extension)),
                       %s, r.oid, n.oid, false, %s
                FROM pg_roles r, pg_namespace n WHERE r.rolname = current_user AND n.nspname = %s
                  AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = %s)
                """,
                [name, SAID, schema, name],
            )

    def install(self, name: str, text: bytes) -> bool:
        """Creates an extension that the server has, and that only a superuser may create; False where it may not be."""
        if not install(self.superuser, name, text):
            return False
        self.open_rows_of(name)
        return True

    def open_rows_of(self, name: str) -> None:
        """Lets the rows of an extension's own tables be loaded."""
        open_rows(self.superuser, name, self._connection.info.user)

    def refuse_foreign(self, text: bytes) -> None:
        """Makes sure that nothing is given to a role that was on the server before: it would have to be ours.

        Args:
            text: a statement that makes a role the owner of something.
        """
        if self._mark and (found := _NEW_OWNER.search(text)):
            (name,) = split(found[1].decode(errors="replace"))
            if name != self._connection.info.user:
                self._refuse_if_foreign(name)

    def _refuse_if_foreign(self, name: str) -> None:
        foreign = self.superuser.execute(
            "SELECT FROM pg_roles WHERE rolname = %s AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM %s",
            [name, self._mark],
        )
        if foreign.rowcount:
            raise CannotJudge(
                f"the backup needs the role {name}, and the server of --scratch has one of that name, which is not "
                "touched: name a server without it (--scratch=system), or dump again as SQL with --no-owner and "
                "--no-privileges"
            )

    def _all_of(self, name: str, schema: str) -> None:
        """Creates the stand-ins for all functions of an extension; its name tells of them."""
        singly = set(self.functions)
        for function in EXTENSIONS[name]:
            self._function(schema, function)
        self.functions = singly

    def provide(self, error: psycopg.Error, text: bytes) -> bool:
        """Creates what the server missed in a statement; False where that is nothing that can be provided."""
        missing = _MISSING.fullmatch(error.diag.message_primary or "")
        if missing and missing[1] == "role":
            return self.role(missing[2])
        if missing and missing[2] not in self.publications:
            self._connection.execute(sql.SQL("CREATE PUBLICATION {}").format(sql.Identifier(missing[2])))
            self.publications.add(missing[2])
            return True
        if error.sqlstate not in _UNDEFINED:
            return False
        if _IDENTITIES.search(text):
            return self._identities()
        return sum(self._function(schema, function) for schema, function in sorted(_calls(text))) > 0

    def role(self, name: str, *attributes: str) -> bool:
        """Creates a role without login, which the owner may become; False where it exists.

        Args:
            attributes: what else it has: BYPASSRLS, NOINHERIT.
        """
        if self._mark:
            self._refuse_if_foreign(name)
        known = name in self.roles
        self.roles.add(name)
        # Roles belong to the whole server: another database of it may have them already.
        there = known or self.superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        try:
            self._make_role(name, attributes, there=bool(there))
        except psycopg.errors.InsufficientPrivilege:
            raise CannotJudge(
                f"the backup needs the role {name}{''.join(f' {one}' for one in attributes)}, which role "
                f"{self.superuser.info.user} may not create on the server of --scratch: name a superuser, another "
                "server (--scratch=system), or a dump without privileges (pg_dump --no-privileges)"
            ) from None
        return not there

    def _make_role(self, name: str, attributes: Sequence[str], *, there: bool) -> None:
        role = sql.Identifier(name)
        if not there:
            with self.superuser.transaction():
                self.superuser.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
                if self._mark:
                    self.superuser.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, self._mark))
            # A superuser needs no membership.
            if (owner := self._connection.info.user) != self.superuser.info.user or not self._is_superuser:
                member = sql.SQL("GRANT {} TO {} WITH ADMIN OPTION")
                self.superuser.execute(member.format(role, sql.Identifier(owner)))
        if attributes:
            changed = sql.SQL("ALTER ROLE {} ").format(role)
            self.superuser.execute(changed.as_bytes() + " ".join(attributes).encode())

    def facts(self) -> list[str]:
        """What was created, in sentences."""
        said = []
        if self.roles:
            said.append(
                "roles were created without login, and with BYPASSRLS only where the backup says so: "
                + ", ".join(sorted(self.roles))
            )
        for extension, schema in self.extensions.items():
            said.append(
                f"the functions of {extension} in the schema {schema} are stand-ins; those that need the extension say "
                "so when they are called"
            )
        if self.functions:
            said.append(f"functions that the backup does not define are stand-ins: {', '.join(sorted(self.functions))}")
        if self.publications:
            said.append(f"publications were created without tables: {', '.join(sorted(self.publications))}")
        if self._referring:
            row = self._connection.execute("SELECT count(*) FROM auth.users").fetchone()
            said.append(
                f"auth.users is not in the backup: a stand-in holds the {row[0] if row else 0:,} ids that "
                f"{', '.join(sorted(self._referring))} refer to, so whether they existed is not known"
            )
        return said

    def list_replaced(self) -> dict[str, tuple[str, ...]]:
        """What others stand in for: names, by what they are."""
        kinds = {
            "extension": self.extensions,
            "function": self.functions,
            "publication": self.publications,
            "table": {"auth.users"} if self._has_identities else (),
        }
        return {kind: tuple(sorted(names)) for kind, names in kinds.items() if names}

    def _function(self, schema: str, function: str) -> bool:
        definitions = AUTH.get(function) if schema == "auth" else None
        for functions in EXTENSIONS.values():
            definitions = definitions or functions.get(function)
        there = self._connection.execute(
            """
            SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE proname = %s AND nspname = ANY (%s)
            """,
            [function, [schema] if schema else ["public", "pg_catalog"]],
        ).fetchone()
        if there or definitions is None:
            return False
        schema = schema or "public"
        self._schema(schema)
        if function == "hmac":
            self._function(schema, "digest")
        for definition in definitions:
            self._connection.execute(definition.replace("{schema}", sql.Identifier(schema).as_string()).encode())
        for signature in self._connection.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace AND proname = %s",
            [sql.Identifier(schema).as_string(), function],
        ).fetchall():
            self._connection.execute(f"COMMENT ON FUNCTION {signature[0]} IS '{SAID}'".encode())
        self.functions.add(f"{schema}.{function}")
        return True

    def identify(self, text: bytes) -> None:
        """Fills the stand-in for auth.users, if there is one, with what a foreign key refers to."""
        referring = _REFERRING.match(text)
        if not referring or not _IDENTITIES.search(text):
            return
        described = "SELECT obj_description(to_regclass('auth.users'), 'pg_class')"
        if self._connection.execute(described).fetchone() != (SAID,):
            return
        table, column = referring[1], referring[2]
        self._connection.execute(
            b"INSERT INTO auth.users SELECT DISTINCT %s FROM %s WHERE %s IS NOT NULL ON CONFLICT DO NOTHING"
            % (column, table, column)
        )
        self._referring.add(readable((table + b"." + column).decode(errors="replace")))

    def _identities(self) -> bool:
        """Creates the platform's table of identities, to which a foreign key refers; False where it exists."""
        if self._connection.execute("SELECT to_regclass('auth.users')").fetchone() != (None,):
            return False
        self._schema("auth")
        self._connection.execute("CREATE TABLE auth.users (id uuid PRIMARY KEY)")
        self._connection.execute(f"COMMENT ON TABLE auth.users IS '{SAID}'".encode())
        self._has_identities = True
        return True

    def _schema(self, name: str) -> None:
        there = self._connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]).fetchone()
        if not there:
            self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
            self._connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(sql.Identifier(name)))


def _calls(text: bytes) -> set[tuple[str, str]]:
    """The functions that can be provided and that a text calls, each with its schema if that is said."""
    calls = set()
    for found in _CALLS.finditer(text):
        if found["claim"]:
            calls.add(("auth", found["claim"].decode()))
        else:
            schema = split(found["schema"].decode()) if found["schema"] else [""]
            calls.add((schema[0], found["function"].decode()))
    return calls
