"""What a fleet comes to: the verdict, and the lines on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postmigration.fleet.common_causes import Common
from postmigration.fleet.outcome import Outcome
from postmigration.model.evidence import escape
from postmigration.model.verdict import BROKEN, CANNOT_JUDGE, GO, INTERRUPTED, NO_GO, Verdict

# Names that a line holds, and causes that the terminal shows.
_NAMES, _CAUSES = 5, 8
_LONGEST = 200
_MARKS = {GO: "✔", NO_GO: "✘"}


def conclude_fleet(
    outcomes: Sequence[Outcome], total: int, subject: str, *, earlier: Sequence[Outcome], finished: bool
) -> Verdict:
    """The verdict on a fleet: one NO-GO is NO-GO; otherwise all have to be GO.

    Args:
        outcomes: what was judged, now or earlier.
        total: how many databases there are.
        subject: which fleet, and where the report is.
        earlier: those that the run found judged, and that were not judged again.
        finished: the run came to its end.
    """
    refused = [each for each in outcomes if each.status == NO_GO]
    broken = [each for each in outcomes if each.status == BROKEN]
    unjudged = [each for each in outcomes if not each.judged and each.status != BROKEN]
    partly = [each for each in outcomes if each.judged and not each.go and each.status != NO_GO]
    going = sum(each.go for each in outcomes)
    parts = [
        f"{len(members):,} of {total:,} databases {words}: {name_some(members)};"
        for members, words in (
            (refused, "NO-GO"),
            (unjudged, "could not be judged"),
            (broken, "not judged for an error of ours"),
            (partly, "judged in part"),
        )
        if members
    ]
    if lacking := total - len(outcomes):
        parts.append(f"{lacking:,} of {total:,} databases not come to,")
    parts.append(f"{going:,} of {total:,} databases GO,")
    if earlier:
        first = min(each.started for each in earlier)
        parts.append(f"{len(earlier):,} judged by the run that this one continues, from {first} on,")
    sentence = f"{' '.join(parts)} {subject}"
    if not finished:
        return Verdict("INTERRUPTED", sentence, INTERRUPTED, subject)
    if refused:
        return Verdict("NO-GO", sentence, NO_GO, subject)
    if broken:
        return Verdict("ERROR", sentence, BROKEN, subject)
    if unjudged or lacking:
        return Verdict("PARTIAL", sentence, CANNOT_JUDGE, subject)
    return Verdict("PARTIAL" if partly else "GO", sentence, GO, subject)


def describe_outcome(outcome: Outcome, count: int, total: int) -> str:
    """The line of a database that has been judged."""
    first = f": {_shorten(outcome.causes[0].words)}" if outcome.causes else ""
    more = f" (and {len(outcome.causes) - 1} more)" if len(outcome.causes) > 1 else ""
    return (
        f"{count:{len(str(total))}}/{total} {mark(outcome)} {escape(outcome.name)} {outcome.word}, "
        f"{outcome.seconds:.0f} s{escape(first)}{more}"
    )


def describe_causes(causes: Sequence[Common], total: int) -> list[str]:
    """What is wrong with how many of them, in at most ten lines."""
    lines = [
        f"{len(common.databases):,} of {total:,}: {escape(_shorten(common.words))} ({name_some(common.databases)})"
        for common in causes[:_CAUSES]
    ]
    if lines:
        lines.insert(0, "what is wrong, by how many databases have it:")
    if len(causes) > _CAUSES:
        lines.append(f"and {len(causes) - _CAUSES:,} more, which the report lists")
    return lines


def mark(outcome: Outcome) -> str:
    """A sign for what a database came to."""
    return "○" if outcome.status == GO and not outcome.go else _MARKS.get(outcome.status, "○")


def name_some(named: Iterable[Outcome | str]) -> str:
    """The first few of their names."""
    names = [escape(each if isinstance(each, str) else each.name) for each in named]
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _shorten(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 2] + " …"
