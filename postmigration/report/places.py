"""Where the files of a report stand: all of them are replaced at once, and by one run at a time."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from postmigration.model.errors import CannotJudge
from postmigration.model.files import replace_all

# What a directory of evidence may hold for it to be ours to empty.
_OURS = re.compile(r"[a-z0-9-]+\.csv|repair-[0-9]+\.sql")


class Files(NamedTuple):
    """The files of one report.

    Args:
        html: for people.
        junit: for the pages on which pipelines show tests.
        json: for programs.
        summary: Markdown, for a pull request or the summary of a job.
        evidence: a directory for what is too long for the others.
    """

    html: Path
    junit: Path
    json: Path
    summary: Path
    evidence: Path


def choose(html: Path, junit: Path) -> Files:
    """Says where all files of a report stand.

    Args:
        html, junit: those that the user may name, as absolute paths; the others stand beside the first.

    Raises:
        CannotJudge: two of them are the same.
    """
    stem = html.stem
    files = Files(
        html,
        junit,
        html.with_suffix(".json"),
        html.with_name("summary.md" if stem == "validation" else f"{stem}.md"),
        html.with_name("evidence" if stem == "validation" else f"{stem}-evidence"),
    )
    if len(set(files)) < len(files):
        raise CannotJudge(f"--html={html} and --junit-xml={junit} would overwrite each other")
    return files


def clear(evidence: Path) -> None:
    """Deletes a directory of evidence, unless it holds files that are not ours."""
    if evidence.is_dir() and all(_OURS.fullmatch(path.name) for path in evidence.iterdir()):
        shutil.rmtree(evidence)


def replace(texts: Mapping[Path, str], found: str) -> None:
    """Replaces a page, which comes first, and the files beside it.

    Args:
        texts: what each file is to hold.
        found: what the run came to, for the message.

    Raises:
        CannotJudge: they cannot be written there.
    """
    page = next(iter(texts))
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        replace_all(texts)
    except OSError as error:
        raise CannotJudge(
            f"the report cannot be written to {page} ({error.strerror}), name another with --html; what was found: "
            f"{found}"
        ) from None


class Claim:
    """Keeps other runs from writing the same report; it ends with the process, however that ends.

    Args:
        path: one of the files of the report, whose directory exists.

    Raises:
        CannotJudge: another run has claimed it.
        OSError: nothing can be written there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.stem}.lock")
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                process = os.read(self._file, 20).decode(errors="replace").strip()
                os.close(self._file)
                raise CannotJudge(
                    f"another run{f' (process {process})' if process else ''} writes {path}: --html names another place"
                ) from None
            # Whoever held it before may have deleted it between the two calls.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file), self._path.stat()):
                    break
            os.close(self._file)
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, str(os.getpid()).encode())
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Lets others write there again."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)
