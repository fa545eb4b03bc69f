"""Many small questions in few statements: thousands of tables are asked in batches, and one refusal ends no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.diff.side_by_side import SideBySide
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

# So many questions in one statement, and so many pages that they read, that none runs long. The planner takes longer
# for a long one than for several short ones.
_MOST_QUESTIONS = 20
_MOST_PAGES = 20_000
# With more work than this a second connection is worth its time.
_MANY_QUESTIONS, _MANY_PAGES = 200, 2_000
# A batch of small scans is slower when each starts processes of its own.
SMALL = {"jit": "off", "max_parallel_workers_per_gather": "0", "enable_sort": "off"}
LOCK_NOT_AVAILABLE = "55P03"
# An index may be damaged: what must be true of the rows is asked of the rows.
WITHOUT_INDEXES = {
    "jit": "off",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
    "enable_nestloop": "off",
}


@dataclass(frozen=True)
class Question:
    """A query that gives one row.

    Args:
        about: what it is about, for whoever asks.
        sql: the query; all questions of one call have the same columns.
        pages: about how many pages it reads.
    """

    about: Any
    sql: str
    pages: int = 1


@dataclass(frozen=True)
class Refusal:
    """Why a question was not answered, in words and as SQLSTATE."""

    reason: str
    state: str


Answer = sa.Row[Any] | Refusal


def ask(
    snapshot: Snapshot, questions: Sequence[Question], settings: Mapping[str, str] | None = None
) -> list[tuple[Any, Answer]]:
    """Asks many questions, in as few statements as is sensible.

    Args:
        settings: under which they are asked.

    Returns:
        For each question what it is about, and its row, or why the server refused it.

    Raises:
        NotJudged: the connection was lost.
    """
    answers: list[tuple[Any, Answer]] = []
    for batch in _batches(questions):
        answers += zip((question.about for question in batch), _answer(snapshot, batch, settings or {}), strict=True)
    return answers


def ask_twice_as_fast(
    snapshot: Snapshot, questions: Sequence[Question], settings: Mapping[str, str] | None = None
) -> list[tuple[Any, Answer]]:
    """Asks many questions through two connections; otherwise as `ask`, and in another order."""
    if len(questions) < _MANY_QUESTIONS and sum(question.pages for question in questions) < _MANY_PAGES:
        return ask(snapshot, questions, settings)
    try:
        second = snapshot.join()
    except CannotJudge:
        # The server lets nobody else in.
        return ask(snapshot, questions, settings)
    try:
        with SideBySide(snapshot, second) as threads:
            halves = (questions[::2], questions[1::2])
            first, rest = threads.each(ask, (snapshot, second), halves, (settings, settings))
    finally:
        second.close()
    return [*first, *rest]


def _batches(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    batch: list[Question] = []
    pages = 0
    for question in questions:
        if batch and (len(batch) == _MOST_QUESTIONS or pages + question.pages > _MOST_PAGES):
            yield batch
            batch, pages = [], 0
        batch.append(question)
        pages += question.pages
    if batch:
        yield batch


def _answer(snapshot: Snapshot, batch: Sequence[Question], settings: Mapping[str, str]) -> Sequence[Answer]:
    try:
        sql = "\nUNION ALL\n".join(f"SELECT {i} AS question, a.* FROM (\n{q.sql}\n) a" for i, q in enumerate(batch))
        rows = {row.question: row for row in snapshot.rows(sql, {**SMALL, **settings})}
        return [rows[i] for i in range(len(batch))]
    except sa.exc.DBAPIError as error:
        if len(batch) == 1:
            return [Refusal(describe_refusal(error), str(getattr(error.orig, "sqlstate", "")))]
        middle = len(batch) // 2
        return [*_answer(snapshot, batch[:middle], settings), *_answer(snapshot, batch[middle:], settings)]
