"""How to reach a database, and the one snapshot through which it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from postmigration.model.errors import CannotJudge
from postmigration.model.sqltext import quoted, single
from postmigration.postgres.dsn import ignore_environment, redact
from postmigration.postgres.limits.limits import Limits
from postmigration.postgres.limits.settings import PINNED, configure
from postmigration.postgres.limits.wait import wait_at_most
from postmigration.postgres.refusals import unless_lost

_UNDO = "ROLLBACK TO SAVEPOINT steady"

# Whole tables are joined; with the few megabytes that are usual, that goes through temporary files.
_WORK_MEM = "64MB"

# Where names without a schema are looked up in statements of our own: an operator, a function or a type of another
# schema, whose arguments fit more exactly, would be taken instead of PostgreSQL's.
CATALOG_PATH = "pg_catalog, pg_temp"

# Neither the session's own limit, which may be shorter than the pinning itself takes, nor its own path counts.
_UNHURRIED = f"SET LOCAL statement_timeout = 0; SET LOCAL search_path = {CATALOG_PATH}"


class Database:
    """A database that can be connected to; its connection string never shows.

    Args:
        secret_conninfo: libpq connection string, with the password if it needs one.
        option: which option named it, for messages.
        schema: the schema in which the tables of the migration stand.
        limits: timeouts of every transaction.
        steered: what the connection string does not say may come from the environment (PGHOST and its like).
    """

    def __init__(
        self,
        secret_conninfo: str,
        *,
        option: str,
        schema: str = "public",
        limits: Limits | None = None,
        steered: bool = True,
    ) -> None:
        self._conninfo = secret_conninfo
        self._steered = steered
        self.option = option
        self.schema = schema
        self.limits = limits or Limits()
        # The seconds after which a new connection is given up that does not answer.
        self.longest_wait = math.inf
        # Settings of the planner for every snapshot, beside those that are pinned.
        self.planner: dict[str, str] = {}
        # Objects that were found to be taken for PostgreSQL's own, by whoever looked for them.
        self.shadows: tuple[Hashable, ...] = ()
        # Where the application looks up names without a schema.
        self.application_schemas = (schema, "extensions")
        self.application_path = ", ".join(map(quoted, (*self.application_schemas, "pg_temp")))
        # No connection is kept between transactions: the server may end one that is idle.
        self.engine = sa.create_engine(
            "postgresql+psycopg://", creator=self._open, poolclass=sa.NullPool, hide_parameters=True
        )
        sa.event.listen(self.engine, "connect", lambda connection, _: connection.commit())
        sa.event.listen(self.engine, "handle_error", _close_cursor)
        if (deadline := self.limits.deadline) is not None:
            sa.event.listen(self.engine, "before_cursor_execute", lambda *told: deadline.refuse(told[2]))

    @property
    def hosts(self) -> frozenset[str]:
        """The names and addresses of the hosts that its connection string names."""
        parts = conninfo_to_dict(self._conninfo)
        named = ",".join(str(parts.get(name) or "") for name in ("host", "hostaddr"))
        return frozenset(host for host in named.lower().split(",") if host)

    def _open(self) -> psycopg.Connection[Any]:
        # Nothing is prepared on the server: a transaction pooler hands each transaction another connection.
        with nullcontext() if self._steered else ignore_environment():
            connection = psycopg.connect(self._conninfo, prepare_threshold=None)
        # For what SQLAlchemy asks first, until the listener above ends this transaction.
        try:
            with wait_at_most(self.longest_wait, connection):
                connection.execute(_UNHURRIED)
        except psycopg.Error:
            connection.close()
            raise
        if self.limits.deadline is not None:
            self.limits.deadline.watch(connection)
        return connection

    def connect(self) -> sa.Connection:
        """A new connection.

        Raises:
            CannotJudge: the database cannot be reached; one line with the cause, without the password.
        """
        try:
            return self.engine.connect()
        except sa.exc.DBAPIError as error:
            cause = redact(str(error.orig), self._conninfo)
            raise CannotJudge(f"cannot connect to the database of {self.option}: {cause}") from None

    def pin(self, connection: sa.Connection, **more: str) -> None:
        """Pins what must not depend on the server for the connection's current transaction, and for it only."""
        wanted = {
            **PINNED,
            "search_path": CATALOG_PATH,
            "statement_timeout": str(self.limits.statement_left),
            "lock_timeout": str(self.limits.lock_timeout),
            **more,
        }
        connection.info["search_path"] = wanted["search_path"]
        connection.exec_driver_sql(_UNHURRIED)
        # Those that this server does not know are left out.
        connection.exec_driver_sql(
            """
            SELECT pg_catalog.set_config(key, value, true) FROM pg_catalog.json_each_text(%s)
            WHERE pg_catalog.current_setting(key, true) IS NOT NULL
            """,
            (json.dumps(wanted),),
        )

    @contextmanager
    def begin_rollback_only(self, **more: str) -> Iterator[sa.Connection]:
        """A transaction that may write and is always rolled back; names are looked up as the application does.

        Deferred constraints are checked before that, so that what a commit would refuse is refused here too.

        Raises:
            sa.exc.DBAPIError: whatever the server refused; see `refusals.refusal`.
            NotJudged: the connection was lost.
        """
        with self.connect().execution_options(postgresql_readonly=False) as connection, unless_lost(connection):
            transaction = connection.begin()
            try:
                self.pin(connection, search_path=self.application_path, **more)
                yield connection
                connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            finally:
                transaction.rollback()

    def close(self) -> None:
        """Ends every connection."""
        self.engine.dispose()


_TYPES = """
    SELECT oid, CASE typtype WHEN 'e' THEN 'enum' ELSE format_type(oid, NULL) END AS type
    FROM pg_type WHERE oid = ANY(CAST(:oids AS oid[]))
"""


class Snapshot:
    """One read-only snapshot of a database: whatever is asked sees the same instant.

    Args:
        database: what to read.
        snapshot_id: an exported snapshot to join, so that several processes see the same instant.
        writable: rows may be added in `prepare`, which nobody else ever sees.
    """

    def __init__(self, database: Database, snapshot_id: str | None = None, *, writable: bool = False) -> None:
        self.database = database
        # With these, names without a schema in a statement are the application's.
        self.application: Mapping[str, str] = {"search_path": database.application_path}
        self._settings = {"work_mem": _WORK_MEM, **database.planner}
        # Others that see the same, for large tables; None until one is read. What is added here, they do not see.
        self.companions: list[Snapshot] | None = [] if writable else None
        # Why there are fewer of them than the user allows.
        self.alone = ""
        self._known: dict[Hashable, sa.Row[Any]] = {}
        self._types: dict[Hashable, dict[str, str]] = {}
        self._connection = database.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=not writable
        )
        with ExitStack() as undo:
            undo.callback(self.close)
            self._connection.begin()
            if snapshot_id is not None:
                self._connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot_id}'")
            database.pin(self._connection, **self._settings)
            self._connection.exec_driver_sql("SAVEPOINT steady")
            # What the application's own statements have; a number without a unit is in kB.
            self.usual_work_mem = str(self.scalar("SELECT reset_val FROM pg_settings WHERE name = 'work_mem'"))
            self.taken_at = str(self.scalar("SELECT date_trunc('second', transaction_timestamp())"))
            undo.pop_all()

    def export(self) -> str:
        """The identifier under which other connections join this snapshot while it is open."""
        # PostgreSQL exports none from within a savepoint.
        with unless_lost(self._connection):
            self._connection.exec_driver_sql("RELEASE SAVEPOINT steady")
            exported = str(self._connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            self._connection.exec_driver_sql("SAVEPOINT steady")
        return exported

    def rows(self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any) -> Sequence[sa.Row[Any]]:
        """All rows of a query, perhaps under other settings (see `application`); only for results that are bounded.

        Raises:
            sa.exc.DBAPIError: the server refused it; the snapshot stays usable.
        """
        with self._under(settings):
            return self._execute(sql, parameters).all()

    def scalar(self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any) -> Any:
        """The first value of the first row of a query, or None."""
        with self._under(settings):
            return self._execute(sql, parameters).scalar()

    def count(self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any) -> int:
        """The number that a query gives, asked once."""
        return int(self.first(sql, settings, **parameters)[0])

    def first(self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any) -> sa.Row[Any]:
        """The first row that a query gives; a snapshot does not change, so each query is asked once."""
        question = (sql, *sorted((settings or {}).items()), *sorted(parameters.items()))
        if question not in self._known:
            self._known[question] = self.rows(sql, settings, **parameters)[0]
        return self._known[question]

    def columns(
        self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any
    ) -> list[tuple[str, int]]:
        """The name and the type's oid of each column that a query returns."""
        with self._under(settings):
            result = self._execute(f"SELECT * FROM ({sql}\n) q LIMIT 0", parameters)
            return [(str(column[0]), int(str(column[1]))) for column in result.cursor.description]

    def origins(
        self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any
    ) -> list[tuple[str, int, int]]:
        """The name of each column that a query returns, and which column of which table it is; 0 for no table's."""
        with self._under(settings):
            result = self._execute(f"SELECT * FROM ({sql}\n) q LIMIT 0", parameters)
            names, its = [str(column[0]) for column in result.cursor.description], result.cursor.pgresult
            return [(name, its.ftable(i), its.ftablecol(i)) for i, name in enumerate(names)]

    def types(self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any) -> dict[str, str]:
        """The type of each column that a query returns, without its length; `enum` for any enumeration."""
        # Of one role they are the same for everybody, whatever their claims, without which a policy may fail.
        question = (sql, *((settings or {}).get(name) for name in ("search_path", "row_security", "role")))
        if question not in self._types:
            names = self.columns(sql, settings, **parameters)
            types = {row.oid: row.type for row in self.rows(_TYPES, oids=[oid for _, oid in names])}
            self._types[question] = {name: types[oid] for name, oid in names}
        return self._types[question]

    def stream(
        self, sql: str, settings: Mapping[str, str] | None = None, /, **parameters: Any
    ) -> Generator[sa.Row[Any]]:
        """The rows of a query through a server-side cursor, in constant memory.

        One that is not read to its end must be closed.
        """
        with self._under(settings):
            result = self._execute(sql, parameters, stream_results=True, max_row_buffer=100)
            deadline = self.database.limits.deadline
            with result:
                for row in result:
                    if deadline is not None:
                        deadline.refuse()
                    yield row

    def _execute(self, sql: str, parameters: Mapping[str, Any], **options: Any) -> sa.CursorResult[Any]:
        query, values = single(sql, parameters)
        return self._connection.execute(query, values, execution_options=options)

    def prepare(self, change: Callable[[sa.Connection], None]) -> None:
        """Adds to what this snapshot shows, until it is closed; names are looked up as the application does.

        Raises:
            sa.exc.DBAPIError: the server refused it; the snapshot stays usable.
        """
        with self._under(self.application):
            change(self._connection)
            # What a trigger has set meanwhile would stay.
            self._pin_again()

    def avoid_indexes(self) -> None:
        """Asks no index which rows there are, from now on and in every snapshot of this database."""
        off = dict.fromkeys(("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"), "off")
        self.database.planner.update(off)
        self._settings.update(off)
        self._pin_again()

    def _pin_again(self) -> None:
        self._connection.exec_driver_sql("RELEASE SAVEPOINT steady")
        self.database.pin(self._connection, **self._settings)
        self._connection.exec_driver_sql("SAVEPOINT steady")

    def cancel(self) -> None:
        """Ends the statements that other threads are waiting for, if there are any."""
        for companion in self.companions or ():
            companion.cancel()
        if self._connection.invalidated:
            return
        connection = self._connection.connection.driver_connection
        if isinstance(connection, psycopg.Connection):
            # A server that cannot be asked to end it is about to say so to whoever waits.
            with suppress(psycopg.Error):
                connection.cancel_safe()

    def join(self) -> Snapshot:
        """Another connection that sees the same instant; whoever asks for it closes it."""
        return Snapshot(self.database, self.export())

    @contextmanager
    def _under(self, settings: Mapping[str, str] | None) -> Iterator[None]:
        """Runs one statement under some settings; after an error the snapshot is as it was."""
        with unless_lost(self._connection), self._set(settings):
            yield

    @contextmanager
    def _set(self, settings: Mapping[str, str] | None) -> Iterator[None]:
        path, others = CATALOG_PATH, {}
        for name, value in (settings or {}).items():
            if name == "search_path":
                path = value
            else:
                others[name] = value
        try:
            if path != self._connection.info["search_path"]:
                # Statements that look names up alike come one after the other: the path stays until it is another one.
                self._connection.exec_driver_sql(
                    f"RELEASE SAVEPOINT steady; SET LOCAL search_path = {path}; SAVEPOINT steady"
                )
                self._connection.info["search_path"] = path
            if others:
                configure(self._connection, others)
            yield
        except BaseException:
            # What went wrong is to be told, and not that nothing can be undone where the connection was lost.
            with suppress(sa.exc.DBAPIError):
                self._recover()
            raise
        # Neither these settings may stay, nor any that code of the database made: the planner runs functions of an
        # index, and one that sets role and row_security would hide rows from all that is asked later.
        self._recover()

    @contextmanager
    def use_connection(self, settings: Mapping[str, str]) -> Iterator[sa.Connection]:
        """The connection itself, for statements that belong together; what they set is taken back.

        Args:
            settings: under which they run, at least one besides the path.

        Raises:
            sa.exc.DBAPIError: the server refused one; the snapshot stays usable.
        """
        with self._under(settings):
            yield self._connection

    def _recover(self) -> None:
        if self._connection.invalidated:
            return
        # After each statement: the driver takes half the time to send it.
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        try:
            driver.execute(_UNDO)
        except psycopg.Error:
            # Where the connection was lost, SQLAlchemy is to take note of it.
            self._connection.exec_driver_sql(_UNDO)

    @property
    def info(self) -> psycopg.ConnectionInfo:
        """Where the connection leads, and as whom."""
        with unless_lost(self._connection):
            connection = self._connection.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        return connection.info

    def close(self, *, commit: bool = False) -> None:
        """Ends the snapshot; nothing was written, and a session that the server has ended is not asked once more."""
        while self.companions:
            self.companions.pop().close()
        if commit and not self._connection.invalidated:
            # Whoever watches a server adds nothing to the rollbacks that it counts.
            with suppress(sa.exc.DBAPIError):
                self._connection.commit()
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()


def _close_cursor(error: sa.engine.ExceptionContext) -> None:
    """Closes the cursor of a statement with which the connection was lost, as SQLAlchemy does after any other error."""
    if error.is_disconnect and error.execution_context is not None:
        error.execution_context.cursor.close()
