"""Whether the tools that migrate left their ledgers in order, and at the migration at which they were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.contents.tables import Name, title
from postmigration.checks.repairs.ledgers import restore_ledger
from postmigration.model.evidence import Subject, show_value
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.ledgers import Ledger, find_ledgers
from postmigration.postgres.schemas import find_platform

# Of a platform's schemas the one that holds the application's own migrations.
_OF_THE_APPLICATION = "supabase_migrations"
_LISTED = 5


@dataclass(frozen=True)
class Entry:
    """An entry of a ledger.

    Args:
        name: the migration.
        applied: whether it was applied.
        trouble: which of the ledger's troubles it is in; None for none.
        details: what else the ledger holds of it.
    """

    name: str
    applied: bool
    trouble: int | None
    details: object = None


@dataclass(frozen=True)
class State:
    """What a ledger holds, in its order."""

    ledger: Ledger
    name: Name
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """The table, and whose it is."""
        return f"{title(self.name)} ({self.ledger.tool})"

    @property
    def applied(self) -> list[str]:
        """The migrations that were applied."""
        return [entry.name for entry in self.entries if entry.applied]


def examine(after: Snapshot, before: Snapshot | None, schemas: Collection[str]) -> Examination:
    """Judges the ledgers of a database: their own states, and where they stand beside the state before.

    Args:
        before: the state before; None where there is none.
        schemas: those of which a table that is lost is found by whoever compares tables.
    """
    found = Examination()
    sides = [side for side in (after, before) if side is not None]
    now = read_ledgers(after, sides, found.unjudged)
    # What cannot be read on the side of before is told once, and compared with nothing.
    was = {} if before is None else read_ledgers(before, sides, found.unjudged)
    if not (now or was or found.unjudged):
        found.inapplicable = "no tool that migrates keeps a ledger here"
        return found
    found.rows = sum(len(state.entries) for state in now.values())
    found.facts = len(now)
    for name, state in now.items():
        earlier = was.get(name) or _find_moved(state, was, now)
        _find_troubles(state, earlier, found)
        _compare(state, earlier, found, compared=before is not None)
    for name, state in was.items():
        if name not in now and not any(_find_moved(other, was, now) is state for other in now.values()):
            _tell_lost(state, name[0] in schemas, found)
    return found


def read_ledgers(
    side: Snapshot, sides: Sequence[Snapshot], unjudged: list[str], tools: Collection[str] = ()
) -> dict[Name, State]:
    """Reads the ledgers of a database, but for those of a platform.

    Args:
        side: the database.
        sides: by what the platform is known.
        unjudged: takes what cannot be read, and why.
        tools: whose ledgers are read; empty for all.
    """
    left_out = find_platform(*sides).schemas - {_OF_THE_APPLICATION}
    ledgers = {
        name: ledger
        for name, ledger in find_ledgers(side).items()
        if name[0] not in left_out and (not tools or ledger.tool in tools)
    }
    questions = [Question(name, ledger.entries(*name)) for name, ledger in ledgers.items()]
    states = {}
    # They are ordered, whatever a batch of small questions is asked with otherwise.
    for name, answer in ask(side, questions, {"enable_sort": "on"}):
        if isinstance(answer, Refusal):
            words = f"{title(name)}: {answer.reason}"
            unjudged += [words] if words not in unjudged else []
        else:
            entries = tuple(
                Entry(show_value(n, plain=True), bool(a), t, d) for n, a, t, d in json.loads(answer.entries)
            )
            states[name] = State(ledgers[name], name, entries)
    return states


def _find_moved(state: State, was: Mapping[Name, State], now: Mapping[Name, State]) -> State | None:
    """The same ledger in another schema, where there is no doubt which it is."""
    alike = [one for name, one in was.items() if name not in now and one.ledger is state.ledger]
    others = [one for name, one in now.items() if name not in was and one.ledger is state.ledger]
    return alike[0] if len(alike) == len(others) == 1 and state.name not in was else None


def _add(state: State, earlier: State | None, found: Examination, words: str, code: str, *, blocker: bool) -> None:
    """Adds a finding about a ledger, which becomes the one of before where there is one."""
    repair = "" if earlier is None else restore_ledger(earlier.name, state.name)
    subject = Subject("ledger", state.name[0], state.name[1])
    found.add(words, blocker=blocker, repair=repair, code=code, subject=subject)


def _find_troubles(state: State, earlier: State | None, found: Examination) -> None:
    troubled = [entry for entry in state.entries if entry.trouble is not None]
    known = set() if earlier is None else {(e.name, e.trouble) for e in earlier.entries if e.trouble is not None}
    for entry in troubled:
        trouble = state.ledger.troubles[entry.trouble or 0]
        inherited = (entry.name, entry.trouble) in known
        words = f"{state.title}, {entry.name}: {trouble.words}{'; it was so before' if inherited else ''}"
        _add(state, earlier, found, f"{words} ({trouble.remedy})", "ledger_troubled", blocker=not inherited)


def _compare(state: State, earlier: State | None, found: Examination, *, compared: bool) -> None:
    if state.ledger.holds == "aside":
        return
    applied = state.applied
    doubled = [name for name, times in Counter(applied).items() if times > 1]
    if doubled:
        # Of a head one entry is replaced by the next: two of one name are more than the tool takes.
        inherited = earlier is not None and len(set(earlier.applied)) < len(earlier.applied)
        words = f"{state.title}: it has {list_names(doubled, most=_LISTED)} more than once"
        words += "; it was so before" if inherited else ""
        blocker = state.ledger.holds == "head" and not inherited
        _add(state, earlier, found, words, "ledger_doubled", blocker=blocker)
    if earlier is None:
        if not applied:
            words = f"{state.title}: it is empty: the tool would begin with the first migration"
            _add(state, earlier, found, words, "ledger_empty", blocker=False)
        elif compared:
            found.notes.append(f"{state.title}: it was not there before, and ends with {applied[-1]}")
        return
    _compare_entries(state, applied, earlier, found)


def _compare_entries(state: State, applied: list[str], earlier: State, found: Examination) -> None:
    before = earlier.applied
    lost = [name for name in before if name not in set(applied)]
    new = [name for name in applied if name not in set(before)]
    if not applied and before:
        what = "its head was" if state.ledger.holds == "head" else f"it held {count(len(before), 'migration')} up to"
        words = f"{state.title}: it is empty, and {what} {before[-1]}: the tool would begin with the first migration"
        _add(state, earlier, found, words, "ledger_empty", blocker=True)
    elif state.ledger.holds == "head":
        _compare_heads(state, lost, new, earlier, found)
    elif lost and not new:
        words = f"{state.title}: it is behind the state before: {list_names(lost, most=_LISTED)}"
        words += f" {agree(len(lost), 'is', 'are')} not in it: the tool would apply {agree(len(lost), 'it', 'them')}"
        _add(state, earlier, found, f"{words} again", "ledger_behind", blocker=True)
    elif lost:
        words = (
            f"{state.title}: it has been written anew: {list_names(lost, most=_LISTED)} {agree(len(lost), 'is', 'are')}"
        )
        words += f" not in it, and {list_names(new, most=_LISTED)} {agree(len(new), 'is', 'are')} new"
        _add(state, earlier, found, words, "ledger_rewritten", blocker=False)
    elif new:
        last = before[-1] if before else "nothing"
        found.notes.append(f"{state.title}: it moved on by {count(len(new), 'migration')} from {last} to {applied[-1]}")


def _compare_heads(state: State, lost: list[str], new: list[str], earlier: State, found: Examination) -> None:
    before = earlier.applied
    if not (lost or new):
        return
    then, here = list_names(before, most=_LISTED), list_names(state.applied, most=_LISTED)
    if before and not lost:
        words = f"{state.title}: it has {count(len(state.applied), 'head')}, and had {len(before):,}: {here}"
        _add(state, earlier, found, f"{words}: the tool goes on from one head alone", "ledger_of_heads", blocker=False)
    elif lost and not new:
        words = f"{state.title}: it is behind the state before: its heads were {then}, and {here} is left"
        _add(state, earlier, found, words, "ledger_behind", blocker=True)
    elif all(name.isdigit() for name in (*before, *state.applied)) and _last(state.applied) < _last(before):
        words = f"{state.title}: it is behind the state before: its version was {then}, is {here}"
        words += ": the tool would apply what lies between again"
        _add(state, earlier, found, words, "ledger_behind", blocker=True)
    else:
        found.notes.append(f"{state.title}: its head was {then or 'none'}, is {here}")


def _last(versions: Collection[str]) -> int:
    return max((int(version) for version in versions), default=-1)


def _tell_lost(state: State, compared: bool, found: Examination) -> None:
    if state.ledger.holds == "aside" or not state.applied:
        return
    words = f"{state.title}: it is gone, and ended with {state.applied[-1]}"
    if compared:
        found.notes.append(words)
    else:
        words += ": the tool would begin with the first migration"
        found.add(words, blocker=True, code="table_lost", subject=Subject.of_table(*state.name))
