"""A script run by plain psql, as people run it, and an account of each of its statements.

psql goes on after an error, and says 0 in the end. What became of each statement is therefore taken from the log of the
server, which is ours, and where it stands from what psql itself says of its errors.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from postmigration.backups.script import strip_quotes
from postmigration.postgres.refusals import NAMING, SYNTAX_ERROR, mask_values
from postmigration.postgres.throwaway import Server
from postmigration.rehearsal.locks import Seen, Watch

# Characters that no script has begin a record of the log and part its fields.
_PREFIX = "\x1e%a\x1f%e\x1f%n\x1f%p\x1f"
_RECORD = re.compile(r"\x1e([^\x1f]*)\x1f([^\x1f]*)\x1f([^\x1f]*)\x1f[^\x1f]*\x1f(\w+):  (.*)", re.DOTALL)
_DONE = re.compile(r"duration: ([\d.]+) ms  (?:statement|execute [^:]*): (.*)", re.DOTALL)
_PLACE = re.compile(r"(?m)^psql:(.*):(\d+): (ERROR|FATAL|PANIC|error|fatal): +(.*)$")
_LOST = re.compile(r"(?m)^(?:psql:.*: )?(?:fatal: |server closed the connection unexpectedly)(.*)$")
_MEANT = re.compile(r"\b(?:success\w*|complete\w*|finished|done|passed)\b|✅", re.IGNORECASE)
_LONGEST = 90
_CHANGE_NOTHING = ("SELECT", "SET", "RESET", "SHOW", "ANALYZE", "VACUUM", "BEGIN", "START", "COMMIT", "END", "ROLLBACK")
_COUNTER = itertools.count()
_NO_PRIVILEGE = "42501"
_SUPERUSER = re.compile(
    r"superuser|permission denied to (?:create|alter|drop) (?:extension|role|event trigger|database|tablespace|foreign)"
    r"|permission denied to (?:set parameter|COPY)|permission denied for (?:language|parameter)"
    r"|must be owner of (?:extension|event trigger|language)"
)
# Where an error of a DO block comes from.
_INLINE = ("PL/pgSQL function inline_code_block ", "SQL statement ")


@dataclass(frozen=True)
class Statement:
    """A statement that the server was sent.

    Args:
        text: how it begins, without literals.
        seconds: how long it ran; None where it failed.
        error: what the server said; empty where it succeeded.
        place: the file and the line where it ends; empty where it succeeded.
        privileged: it failed because only a superuser may do it; a function that says so is not believed.
        seen: the locks that it held, if it took long.
    """

    text: str
    seconds: float | None
    error: str = ""
    place: str = ""
    seen: Seen | None = None
    privileged: bool = False


@dataclass(frozen=True)
class ScriptRun:
    """What became of a script.

    Args:
        script: which.
        seconds: how long it ran.
        statements: those that the server was sent, in turn.
        refused: what psql itself could not do: an unknown command, a file that is not there.
        status: psql's exit status; None where it was stopped because it ran too long.
        rows: how many rows it has written.
        said: the last that it had to say for itself: notices, warnings, what it echoes.
    """

    script: Path
    seconds: float
    statements: tuple[Statement, ...]
    refused: tuple[str, ...]
    status: int | None
    rows: int
    said: str

    @property
    def failed(self) -> list[Statement]:
        """The statements that failed."""
        return [statement for statement in self.statements if statement.error]

    @property
    def succeeded(self) -> bool:
        """Whether all of it was done."""
        return not self.failed and not self.refused and self.status == 0 and bool(self.statements)

    @property
    def after_the_first_error(self) -> int:
        """How many statements were sent after one had failed."""
        first = next((number for number, statement in enumerate(self.statements) if statement.error), None)
        return 0 if first is None else len(self.statements) - first - 1

    @property
    def commits(self) -> int:
        """How often its changes became final before its end, so that an error behind that leaves half of them."""
        words = [re.sub(r"\W.*", "", statement.text.upper(), flags=re.DOTALL) for statement in self.statements]
        changes = [word not in _CHANGE_NOTHING for word in words]
        if not {"BEGIN", "START"} & set(words):
            return max(0, sum(changes) - 1)
        return sum(word in ("COMMIT", "END") and any(changes[n + 1 :]) for n, word in enumerate(words))


def log_statements(server: Server) -> None:
    """Makes the server write a log that can be read back."""
    with server.connect("postgres") as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = E'" + _PREFIX.encode("unicode_escape").decode() + "'")
        connection.execute("SELECT pg_reload_conf()")


def let_log(server: Server, user: str) -> None:
    """Lets somebody who is no superuser have the statements of a session logged."""
    with server.connect("postgres") as connection:
        connection.execute(f'GRANT SET ON PARAMETER log_min_duration_statement TO "{user}"'.encode())


def run(
    server: Server,
    database: str,
    script: Path,
    *,
    timeout: float,
    slow: float = 1.0,
    show_values: bool = False,
    user: str = "",
) -> ScriptRun:
    """Runs a script.

    Args:
        server: an embedded server on which `log_statements` was called.
        user: as whom; empty for the superuser.
        timeout: seconds after which it is stopped.
        slow: seconds from which on it is told what a statement locks.
        show_values: show what an error says in full.
    """
    application = f"rehearsal {os.getpid()} {next(_COUNTER)}"
    address = make_conninfo(
        server.conninfo(database, user), application_name=application, options="-c log_min_duration_statement=0"
    )
    command: list[str | Path] = [server.binaries / "psql", "--no-psqlrc", "--dbname", address, "--file", str(script)]
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    at = server.log.stat().st_size
    with server.connect(database) as watching:
        written = _count_written(server, database)
        started = time.monotonic()
        with Watch(watching, application, slow) as watch:
            process = subprocess.Popen(  # noqa: S603 # a program of PostgreSQL, and a script of the user's
                command,
                cwd=script.parent,
                env={**environment, "LC_ALL": "C", "PGCLIENTENCODING": "UTF8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            status: int | None
            try:
                printed, said = process.communicate(timeout=timeout)
                status = process.returncode
            except subprocess.TimeoutExpired:
                status = None
                process.kill()
                printed, said = process.communicate()
            except BaseException:
                process.kill()
                process.communicate()
                raise
            seconds = time.monotonic() - started
        _wait_for_end(server, application, at_once=status is None)
        rows = sum(max(0, now - written.get(name, 0)) for name, now in _count_written(server, database).items())
    with server.log.open("rb") as log:
        log.seek(at)
        records = log.read().decode(errors="replace")
    complaints = said.decode(errors="replace")
    places = [(f"{Path(file).name}:{line}", kind, text) for file, line, kind, text in _PLACE.findall(complaints)]
    where = [place for place, kind, _ in places if kind.isupper()]
    statements = tuple(_statements(records, application, where, watch, show_values))
    refused = [f"{place}: {text}" for place, kind, text in places if kind.islower()]
    if lost := _LOST.search(complaints):
        refused.append(f"the session was lost: {lost[0]}")
    if status is None:
        refused.append(f"it ran longer than {timeout:g} seconds and was stopped")
    spoken = [line for line in (printed.decode(errors="replace") + complaints).splitlines() if _speaks(line)]
    # Beside the words that were meant, a line may tell of somebody.
    last = spoken[-1] if spoken and show_values else " ".join(_MEANT.findall(spoken[-1])) if spoken else ""
    return ScriptRun(script, seconds, statements, tuple(refused), status, rows, last)


def _speaks(line: str) -> bool:
    """Whether a line of psql's output was meant for people: that something is complete, successful, done."""
    return _MEANT.search(line) is not None and not re.search(r"ERROR|^LINE \d+:|^STATEMENT:", line)


def _wait_for_end(server: Server, application: str, *, at_once: bool) -> None:
    """Waits until the session is gone; what it has counted is known then."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    with server.connect("postgres") as connection:
        if at_once:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [application]
            )
        while connection.execute(asked, [application]).fetchone() != (0,):
            time.sleep(0.01)


def _count_written(server: Server, database: str) -> dict[str, int]:
    """The rows that were ever written to each table of the users."""
    with server.connect(database) as connection:
        rows = connection.execute(
            "SELECT relid::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
        ).fetchall()
    return dict(rows)


def _statements(
    records: str, application: str, places: list[str], watch: Watch, show_values: bool
) -> Iterator[Statement]:
    failed: tuple[str, str] | None = None
    context = ""
    where = iter(places)
    for text in re.split("(?=\x1e)", records):
        record = _RECORD.match(text)
        if record is None or record[1] != application:
            continue
        _, state, moment, kind, message = record.groups()
        message = message.replace("\n\t", "\n").rstrip("\n")
        if kind == "LOG" and (done := _DONE.match(message)):
            seconds = float(done[1]) / 1_000
            yield Statement(_beginning(done[2]), seconds, seen=watch.at(float(moment) - seconds))
        elif kind in ("ERROR", "FATAL", "PANIC"):
            failed, context = (state, message), ""
        elif kind == "CONTEXT":
            context = message
        elif kind == "STATEMENT" and failed is not None:
            error = failed[1] if show_values else _word(*failed)
            yield Statement(
                _beginning(message), None, error, next(where, ""), privileged=_is_privileged(*failed, context)
            )
            failed = None


def _is_privileged(state: str, message: str, context: str) -> bool:
    """Whether the server refused what only a superuser may do.

    What the state before has defined may not decide that its code is run as one: neither by an error of its own, nor by
    taking privileges away.
    """
    own = all(line.startswith(_INLINE) for line in context.splitlines())
    return state == _NO_PRIVILEGE and own and _SUPERUSER.search(message) is not None


def _beginning(text: str) -> str:
    """How a statement begins, without literals: they may be rows."""
    words = " ".join(strip_quotes(text.encode()).decode(errors="replace").split())
    words = re.sub(r"^(?:'' )+", "", words).replace("''", "‹…›")
    return words if len(words) <= _LONGEST else words[:_LONGEST] + " …"


def _word(state: str, message: str) -> str:
    """What the server said, on one line and without a value."""
    message = " ".join(re.sub(r" at character \d+$", "", message).split())
    if not state.startswith(NAMING) or state == SYNTAX_ERROR:
        message = mask_values(message)
    return f"{message} (SQLSTATE {state})"
