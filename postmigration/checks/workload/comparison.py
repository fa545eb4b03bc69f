"""Compares how the statements of an application fare with how they fared before."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import psycopg

from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.workload.attempts import try_statements
from postmigration.checks.workload.senders import Sender
from postmigration.checks.workload.statements import Attempt, Plan, Refusal, Statement, Workload
from postmigration.model.changes import (
    Change,
    ChangedObject,
    GoneColumn,
    GoneTable,
    RenamedColumn,
    RenamedTable,
    Retyped,
)
from postmigration.model.evidence import Finding, Severity, escape
from postmigration.postgres.connection import Snapshot

# A cheaper statement, or table, is nothing to worry about; the unit is the planner's: the reading of one page.
_COSTLY = 500.0
# How many times the estimate of before is too many; statistics that differ a little explain no more than the lesser.
_FACTOR, _LESSER = 5.0, 2.0
_SHOWN = 20
_LISTED = 5
_WIDTH = 120
_IDENTIFIER = re.compile(r'(?:"(?:[^"]|"")*"|\w+)(?:\s*\.\s*(?:"(?:[^"]|"")*"|\w+))*')
# A function or view as a declared change names it.
_CALLED = re.compile(r"(?:function|procedure|(?:materialized )?view) (?:[^(]*\.)?([^.(]+)")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Trial:
    """A statement, as whom it was tried, and what came of it."""

    statement: Statement
    sender: Sender
    now: Attempt

    @property
    def was(self) -> Attempt | None:
        """What came of it before, where that is known."""
        return self.statement.before


def examine(
    after: Snapshot, sent: Workload, schemas: Sequence[str], meant: Collection[Change], budget: float = math.inf
) -> Examination:
    """Tries every statement on a database, and compares what comes of it.

    Args:
        schemas: those of the application.
        meant: what a migration declares: what names something that is gone on purpose is told.
        budget: how many times its cost of before a statement may cost; more is a blocker.
    """
    found = Examination()
    found.notes.append(_describe(sent))
    trials = [Trial(*one) for one in try_statements(after, sent.statements, schemas)]
    found.facts = len(trials)
    parsed = [trial for trial in trials if trial.now.refused is None]
    _compare_refusals([trial for trial in trials if trial.now.refused is not None], meant, found)
    _compare_privileges(parsed, found)
    _compare_columns(parsed, found)
    _compare_plans(parsed, found, budget)
    return found


def _describe(sent: Workload) -> str:
    calls = sum(statement.calls for statement in sent.statements)
    left_out = ", ".join(f"{number:,} {why}" for why, number in sent.left_out.items())
    words = f"{count(len(sent.statements), 'statement')} of the application, sent {count(calls, 'time')}"
    return f"{words} to {sent.database} until {sent.taken_at}" + (f"; left out: {left_out}" if left_out else "")


def _compare_refusals(refused: Sequence[Trial], meant: Collection[Change], found: Examination) -> None:
    """Statements that cannot be parsed."""
    names = {*_find_names(meant)}
    lost: list[tuple[str, Severity, Trial]] = []
    alike = []
    for trial in refused:
        refusal = trial.now.refused
        assert refusal is not None
        words = _say(refusal)
        if refusal.hinders:
            found.unjudged.append(f"a statement of {trial.statement.role}: {words}")
        elif trial.was is not None and trial.was.refused is not None:
            alike.append(f"{words}: {_show(trial.statement, refusal.position)}")
        elif (name := _find_identifier(trial.statement.text, refusal.position)) in names:
            words = f"names {name}, which the migration declares to be gone or another one"
            found.notes.append(f"{words}: {_show(trial.statement, refusal.position)}")
        else:
            lost.append((words, "warning" if trial.was is None else "blocker", trial))
    _add(found, lost, lambda number: f"{count(number, 'statement')} that could run before cannot be parsed")
    if alike:
        words = f"{count(len(alike), 'statement')} cannot be parsed on either side, and nothing is known of them"
        found.notes.append(f"{words}: {list_names(alike, '; ', _LISTED)}")


def _compare_privileges(trials: Sequence[Trial], found: Examination) -> None:
    """Statements that cannot be planned, for want of a privilege most of all, and those that nobody planned."""
    lost: list[tuple[str, Severity, Trial]] = []
    unplanned: Counter[str] = Counter()
    for trial in trials:
        refusal = trial.now.unplanned
        if refusal is None:
            continue
        words, before = _say(refusal), trial.was.unplanned if trial.was is not None else None
        if refusal.hinders:
            unplanned[words] += 1
        elif before is not None and not before.hinders:
            found.notes.append(
                f"refused on both sides, {words}, as role {trial.statement.role}: {_show(trial.statement)}"
            )
        else:
            known = trial.was is not None and trial.was.plan is not None
            lost.append((f"{words}, as role {trial.statement.role}", "blocker" if known else "warning", trial))
    _add(found, lost, lambda number: f"{count(number, 'statement')} that could run before cannot be run")
    for words, number in unplanned.items():
        found.notes.append(f"neither privileges nor plans were judged of {count(number, 'statement')}: {words}")


def _compare_columns(trials: Sequence[Trial], found: Examination) -> None:
    """Statements that return other columns."""
    changed: list[tuple[str, Severity, Trial]] = []
    for trial in trials:
        if trial.was is None or trial.was.refused is not None:
            continue
        was, now = list(trial.was.columns), list(trial.now.columns)
        if was == now:
            continue
        if not (Counter(was) - Counter(now)):
            more = [name for name, _ in Counter(now) - Counter(was)]
            words = f"returns {list_names(more)} besides" if more else "returns its columns in another order"
            found.notes.append(f"{words}: {_show(trial.statement)}")
            continue
        types = dict(now)
        for name, type_ in was:
            if name not in types:
                changed.append((f"column {name} is not returned", "warning", trial))
            elif types[name] != type_:
                changed.append((f"column {name} is {types[name]}, and was {type_}", "warning", trial))
    _add(
        found,
        changed,
        lambda number: f"{count(number, 'statement')} {agree(number, 'returns', 'return')} other columns",
    )


def _compare_plans(trials: Sequence[Trial], found: Examination, budget: float) -> None:
    """Statements that have become costly."""
    slow: list[tuple[str, Severity, Trial]] = []
    costly: dict[Severity, list[tuple[Trial, Plan, Plan]]] = {"blocker": [], "warning": []}
    for trial in trials:
        was, now = (trial.was.plan if trial.was is not None else None), trial.now.plan
        if was is None or now is None:
            continue
        matters = now.cost >= _COSTLY / _FACTOR
        severity: Severity = "blocker" if matters and now.cost > budget * was.cost else "warning"
        if whole := [*_find_whole(was, now)]:
            slow += [(f"{name} is read whole, and an index of it was used", severity, trial) for name in whole]
        elif severity == "blocker" or (matters and now.cost > _FACTOR * was.cost):
            costly[severity].append((trial, was, now))
    over = "" if budget == math.inf else f" (the budget is {budget:g} times its cost before)"
    _add(found, slow, lambda number: f"by {count(number, 'statement')}", {"blocker": over})
    for severity, factor in (("blocker", budget), ("warning", _FACTOR)):
        if costly[severity]:
            found.findings.append(_describe_costly(costly[severity], factor, severity, found.facts))


def _describe_costly(
    costly: Sequence[tuple[Trial, Plan, Plan]], factor: float, severity: Severity, facts: int
) -> Finding:
    calls = sum(trial.statement.calls for trial, _, _ in costly)
    rows = [
        (*_row(trial)[:3], f"{was.cost:,.0f}", f"{now.cost:,.0f}", _row(trial)[3])
        for trial, was, now in costly[:_SHOWN]
    ]
    words = (
        f"the planner expects {count(len(costly), 'statement')}, sent {count(calls, 'time')}, to cost more than "
        f"{factor:g} times what they did{', the budget' * (severity == 'blocker')}: "
        "statistics or an index may be missing"
    )
    columns = ("role", "calls", "total ms", "cost before", "cost", "statement")
    return Finding(words, len(costly), facts, columns, tuple(rows), severity=severity)


def _find_whole(was: Plan, now: Plan) -> Iterator[str]:
    """The large tables that are read whole now, and of which an index was used."""
    for name, cost in now.whole.items():
        if cost >= _COSTLY and name in was.indexed and name not in now.indexed and now.cost > _LESSER * was.cost:
            yield name


def _add(
    found: Examination,
    grave: Sequence[tuple[str, Severity, Trial]],
    describe: Callable[[int], str],
    besides: Mapping[Severity, str] = MappingProxyType({}),
) -> None:
    """Adds a finding for each cause, with its statements; the statements come in the order of what they cost.

    Args:
        besides: what is said at the end of findings of a severity.
    """
    causes: dict[tuple[str, Severity], list[Trial]] = {}
    for words, severity, trial in grave:
        causes.setdefault((words, severity), []).append(trial)
    for (words, severity), trials in causes.items():
        calls = sum(trial.statement.calls for trial in trials)
        rows = tuple(map(_row, trials[:_SHOWN]))
        statement = f"{words}: {describe(len(trials))}, sent {count(calls, 'time')}{besides.get(severity, '')}"
        columns = ("role", "calls", "total ms", "statement")
        found.findings.append(Finding(statement, len(trials), found.facts, columns, rows, severity=severity))


def _row(trial: Trial) -> tuple[str, str, str, str]:
    one = trial.statement
    position = trial.now.refused.position if trial.now.refused else 0
    return escape(one.role), f"{one.calls:,}", f"{one.milliseconds:,.0f}", _show(one, position)


def _say(refusal: Refusal) -> str:
    if not refusal.state:
        return refusal.message
    try:
        kind = _CAPITAL.sub(" ", psycopg.errors.lookup(refusal.state).__name__).lower()
    except KeyError:
        return f"{refusal.message} (SQLSTATE {refusal.state})"
    return f"{refusal.message} ({kind}, SQLSTATE {refusal.state})"


def _show(statement: Statement, position: int = 0) -> str:
    """A statement on one line, cut to a reader's width about the place that is meant, which is marked."""
    text, start = statement.text, 0
    if position:
        text = f"{text[: position - 1]}>>>{text[position - 1 :]}"
        start = max(0, position - _WIDTH // 2)
    cut = " ".join(text[start : start + _WIDTH].split())
    return escape("…" * (start > 0) + cut + "…" * (start + _WIDTH < len(text)))


def _find_names(meant: Collection[Change]) -> Iterator[str]:
    """What a statement of before can name and one of now cannot, or not as the same."""
    for change in meant:
        if isinstance(change, GoneTable | RenamedTable):
            yield change.table
        elif isinstance(change, GoneColumn | RenamedColumn | Retyped):
            yield change.column
        elif isinstance(change, ChangedObject) and (named := _CALLED.match(change.object)):
            yield named[1].strip('"')


def _find_identifier(text: str, position: int) -> str:
    """The name that stands at a place of a statement, without what qualifies it; empty where none does."""
    found = _IDENTIFIER.match(text, position - 1) if position else None
    if found is None:
        return ""
    last = re.split(r"\.\s*(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", found[0])[-1].strip()
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()
