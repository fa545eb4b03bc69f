"""The record that a run leaves, put together while it runs."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from postmigration.deployment.binding import DEVELOPMENT, find_differing
from postmigration.deployment.commit import find_commit
from postmigration.deployment.records import begun
from postmigration.deployment.records.record import Check, Database, File, Record, Step
from postmigration.deployment.records.store import read_key, write_record
from postmigration.deployment.subject import guard_files, hash_backup, hash_declarations, hash_files, hash_scripts
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.migration import Migration, RecordedCommand

_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# A sentence names what was found, and need not hold all of it.
_LONGEST = 2_000


@dataclass
class Recording:
    """What is known of a run so far; the fields are those of its record.

    Args:
        root: the directory from which scripts are named.
        directory: where the record will be.
        key: with which it is signed.
        page: the report of the run, if it comes to be written.
        began: the mark that it has begun.
        wanted: a record is to be left.
        problem: why there can be no record.
        ended: the record was written, or could not be.
    """

    command: RecordedCommand
    environment: str
    root: Path
    directory: Path
    key: bytes = field(default=b"", repr=False)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    commit: str = ""
    word: str = ""
    sentence: str = ""
    database: Database | None = None
    baseline: Database | None = None
    demonstration: bool = False
    backup: tuple[File, ...] = ()
    scripts: tuple[File, ...] = ()
    declarations: tuple[File, ...] = ()
    weakened: Sequence[str] = ()
    checks: Sequence[Check] = ()
    steps: Sequence[Step] = ()
    page: Path | None = None
    facts: dict[str, str] = field(default_factory=dict)
    began: Path | None = None
    wanted: bool = True
    problem: str = ""
    ended: bool = False
    _hash_scripts: Callable[[], tuple[File, ...]] = field(default=tuple, repr=False)

    def bind(self, migration: Migration) -> None:
        """Binds the record to the scripts of a project, and to what decides its verdict."""
        try:
            self._hash_scripts = lambda: hash_scripts(self.root, migration)
            self.scripts = self._hash_scripts()
            self.declarations = hash_declarations(self.root)
        except CannotJudge as error:
            # A database can be judged without them; the record is then of no scripts.
            self.facts["scripts"] = escape(str(error))

    def bind_files(self, scripts: Sequence[Path]) -> None:
        """Binds the record to scripts that no project declares."""
        self._hash_scripts = lambda: hash_files(self.root, scripts)
        self.scripts = self._hash_scripts()

    def refuse_changed_scripts(self) -> None:
        """Makes sure that the scripts are still those to which the record is bound.

        Raises:
            CannotJudge: one was changed, so that nobody knows what was tried.
        """
        if self.scripts and (differing := find_differing(self._hash_scripts(), self.scripts)):
            raise CannotJudge(f"scripts were changed while they were tried: {differing}; repeat it")

    def bind_backup(self, paths: Sequence[Path]) -> None:
        """Binds the record to the files of the state before.

        Raises:
            CannotJudge: one cannot be read.
        """
        if self.wanted:
            self.backup = hash_backup(paths)

    @contextmanager
    def keep_backup(self, paths: Sequence[Path]) -> Iterator[None]:
        """Binds the record to the files of the state before, which must stay as they are while they are read.

        Raises:
            CannotJudge: one cannot be read, or was changed meanwhile.
        """
        if not self.wanted:
            yield
            return
        with guard_files(paths) as kept:
            yield
        self.backup = tuple(kept)

    def conclude(self, line: str) -> None:
        """Takes what the run came to from its last line: the word, and the sentence after it."""
        self.word, _, self.sentence = line.partition(": ")

    def end(self, status: int, word: str = "", sentence: str = "") -> str:
        """Writes the record; the second time nothing.

        Args:
            status: the exit status.
            word, sentence: what the run came to, where that is not what it said last.

        Returns:
            A line for the user where there is no record; empty where there is one.
        """
        if self.ended or not self.wanted:
            return ""
        self.ended = True
        if not self.problem:
            try:
                write_record(self._make(status, word, sentence), self.directory, self.key)
            except (OSError, ValueError) as error:
                # Whatever cannot be written: the run has come to its end, and says what it came to.
                self.problem = getattr(error, "strerror", None) or f"{type(error).__name__} while it was written"
        if not self.problem:
            if self.began is not None:
                with suppress(OSError):
                    self.began.unlink()
            return ""
        # The mark stays: what the run found may be a NO-GO, and no GO before it counts then.
        return (
            f"no record was left in {escape(str(self.directory))} ({self.problem}): the deployment plan will not know "
            "what this run found; --record-dir names another directory"
        )

    def _make(self, status: int, word: str, sentence: str) -> Record:
        report, digest = _find_report(self.page, self.directory)
        return Record(
            command=self.command,
            environment=self.environment or (DEVELOPMENT if self.demonstration else ""),
            started=self.started,
            ended=datetime.datetime.now(datetime.UTC),
            word=escape(word or self.word),
            sentence=escape(sentence or self.sentence)[:_LONGEST],
            status=status,
            database=self.database,
            baseline=self.baseline,
            demonstration=self.demonstration,
            backup=self.backup,
            scripts=self.scripts,
            declarations=self.declarations,
            commit=self.commit,
            suite=version("postmigration"),
            weakened=tuple(map(escape, self.weakened)),
            checks=tuple(self.checks),
            steps=tuple(self.steps),
            facts={name: escape(words) for name, words in self.facts.items()},
            report=report,
            report_sha256=digest,
        )


def _find_report(page: Path | None, directory: Path) -> tuple[str, str]:
    """Where the report is, as seen from the record, and the SHA-256 of it; empty where there is none to lead to."""
    if page is None or not page.is_file():
        return "", ""
    link = os.path.relpath(page.resolve(), directory.resolve())
    if escape(link) != link or "\\" in link:
        return "", ""
    return link, hashlib.sha256(page.read_bytes()).hexdigest()


def begin_recording(
    command: RecordedCommand, root: Path, directory: Path, environment: str = "", *, named: bool = False
) -> Recording:
    """Begins the record of a run.

    Args:
        root: the directory that is judged from, of which commit it is and from which scripts are named.
        directory: where the record will be.
        environment: where the database stands in the plan.
        named: a user has named the directory, so that a run without a record is none that they want.

    Raises:
        CannotJudge: the environment is no name, the key no key, or nothing can be written where the user wants it.
    """
    if environment and not _ENVIRONMENT.fullmatch(environment):
        raise CannotJudge(
            f"--environment={environment}: want a name of letters, digits, dots, - and _, like staging or production"
        )
    recording = Recording(command, environment, root, directory, read_key())
    try:
        if command in begun.MARKED:
            recording.began = begun.mark(directory, command, environment, recording.started)
        else:
            directory.mkdir(parents=True, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
    except OSError as error:
        recording.problem = error.strerror or type(error).__name__
        if named:
            raise CannotJudge(f"--record-dir={directory}: nothing can be written there: {recording.problem}") from None
    recording.commit = find_commit(root)
    return recording
