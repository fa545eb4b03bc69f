"""Has all databases of a fleet judged, and hands on each outcome as soon as it is there."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future
from queue import SimpleQueue

from postmigration.fleet.outcome import Cause, Judged, Outcome, Task
from postmigration.model.errors import CannotJudge
from postmigration.model.verdict import BROKEN, CANNOT_JUDGE

# How often the judgement of one database is begun at most, where the process that judged was killed.
ATTEMPTS = 3


def judge_all(
    executor: Executor,
    judge: Callable[[Task], Judged],
    tasks: Iterable[Task],
    keep: Callable[[Judged], None],
) -> None:
    """Has databases judged, those whose process was killed once more; a verdict is never asked for again.

    Args:
        executor: runs the judgements.
        judge: judges one database.
        tasks: the databases.
        keep: is called with each outcome.
    """
    ended: SimpleQueue[Future[Judged]] = SimpleQueue()
    running: dict[Future[Judged], tuple[Task, int]] = {}

    def begin(task: Task, attempt: int) -> None:
        future = executor.submit(judge, task)
        running[future] = (task, attempt)
        future.add_done_callback(ended.put)

    for task in tasks:
        begin(task, 1)
    while running:
        future = ended.get()
        task, attempt = running.pop(future)
        judged = _read(future, task)
        if judged.outcome.died and attempt < ATTEMPTS:
            begin(task, attempt + 1)
        else:
            keep(judged)


def _read(future: Future[Judged], task: Task) -> Judged:
    """What a judgement came to, also where whoever judged is no more."""
    try:
        return future.result()
    except CannotJudge as error:
        return _tell(task, CANNOT_JUDGE, str(error))
    except CancelledError:
        return _tell(task, CANNOT_JUDGE, "the cluster cancelled it")
    except Exception as error:
        # Of a cluster: a worker was killed more often than its scheduler admits, or lacks what judging needs.
        words = " ".join(str(error).split())
        return _tell(task, BROKEN, f"whoever judged it failed: {type(error).__name__}: {words}")


def _tell(task: Task, status: int, words: str) -> Judged:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    outcome = Outcome(
        name=task.name,
        word="ERROR",
        status=status,
        sentence=words,
        started=now,
        seconds=0.0,
        causes=(Cause(words),),
        digest=task.digest,
    )
    return Judged(outcome, {})
