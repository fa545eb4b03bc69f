"""What people read of a watch: lines on the terminal, and the verdict."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from postmigration.model.evidence import escape, show_value
from postmigration.model.verdict import CANNOT_JUDGE, GO, NO_GO, Verdict
from postmigration.watch.judging import Incident, Judgement
from postmigration.watch.points import is_rate

# What no metric tells.
FOR_A_PERSON = "Support tickets, and what users report otherwise, are not read here: ask whoever answers them."
_NAMED = 5
_PRECISE = 1_000


def show_time(at: datetime.datetime, *, day: bool = True) -> str:
    """A time as everybody reads it, in UTC."""
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")


def show_number(value: float) -> str:
    """A number, as exactly as somebody wants to know it."""
    if abs(value) >= _PRECISE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def show_duration(seconds: float) -> str:
    """A duration, in its two largest units."""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, seconds = divmod(round(seconds), size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


def name_incident(incident: Incident) -> str:
    """What an incident is of."""
    subject = show_value(incident.subject, plain=True) if incident.subject else ""
    return f"{incident.metric.name} of {subject}" if subject else incident.metric.name


def show_period(began: datetime.datetime, ended: datetime.datetime | None) -> str:
    """From when until when something was so."""
    if ended is None:
        return f"since {show_time(began)}"
    same = began.astimezone(datetime.UTC).date() == ended.astimezone(datetime.UTC).date()
    return f"{show_time(began)} to {show_time(ended, day=not same)}"


def describe_range(incident: Incident) -> str:
    """How far out of its range a metric was."""
    metric = incident.metric
    if incident.than:
        return incident.than
    allowed = [f"{word} {show_number(x)}" for word, x in (("min", metric.min), ("max", metric.max)) if x is not None]
    unit = " per minute" if is_rate(metric) else ""
    return f"{show_number(incident.worst)}{unit} ({', '.join(allowed)})"


def describe_incident(incident: Incident) -> list[str]:
    """An incident: a line, and the lines that belong under it."""
    mark = "✘" if incident.critical else "⚠"
    period = show_period(incident.began, incident.ended)
    lines = [f"{mark} {name_incident(incident)}: {describe_range(incident)}, {period}"]
    lines += [f"    {show_value(words, plain=True)}" for words in incident.words]
    return [*lines, f"    fix: {incident.metric.fix}"] if incident.metric.fix else lines


def describe_all(judgement: Judgement) -> list[str]:
    """All that was found, and what was not seen or not judged."""
    lines = [line for incident in judgement.incidents for line in describe_incident(incident)]
    lines += [f"○ {judged.metric.name} was not judged: {escape(judged.reason)}" for judged in judgement.unjudged]
    lines += [f"did not see {show_period(a, b)}" for a, b in judgement.gaps]
    return [*lines, *map(escape, judgement.notes)]


def conclude_watch(judgement: Judgement, subject: str, *, lasting: bool = False) -> Verdict:
    """The verdict over all that was watched.

    Args:
        subject: what was watched, for the end of the line.
        lasting: only what has not ended stands in the way.
    """
    ended = [one for one in judgement.incidents if lasting and one.ended is not None]
    open_ones = [one for one in judgement.incidents if one not in ended]
    critical = [one for one in open_ones if one.critical]
    warnings = [one for one in open_ones if not one.critical]
    blind = judgement.unseen_share > 1 / 2
    unjudged = [judged.metric.name for judged in judgement.unjudged]
    parts = []
    if critical:
        parts.append(f"{_count(len(critical), 'finding')}: {_list(map(_summarize, critical))};")
    if unjudged:
        parts.append(f"{len(unjudged)} of {len(judgement.metrics)} metrics not judged: {_list(unjudged)};")
    judged = sum(not one.reason for one in judgement.metrics)
    length = show_duration((judgement.end - judgement.begin).total_seconds())
    parts.append(f"{_count(judged, 'metric')} judged over {length} from {show_time(judgement.begin)} UTC,")
    parts.append(f"{_count(judgement.samples, 'sample')},")
    if warnings:
        parts.append(f"{_count(len(warnings), 'warning')},")
    if ended:
        parts.append(f"{_count(len(ended), 'finding')} ended,")
    if judgement.gaps:
        gaps = [show_period(a, b) for a, b in judgement.gaps]
        parts.append(f"did not see {_list(gaps, '; ')}{', more than half of it' if blind else ''};")
    parts.append(subject)
    sentence = " ".join(parts)
    if critical:
        return Verdict("NO-GO", sentence, NO_GO, subject)
    if unjudged or blind or not judged:
        return Verdict("PARTIAL", sentence, CANNOT_JUDGE, subject)
    return Verdict("GO", sentence, GO, subject)


def _summarize(incident: Incident) -> str:
    return f"{name_incident(incident)} {show_period(incident.began, incident.ended)}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"


def _list(items: Iterable[str], separator: str = ", ") -> str:
    listed: Sequence[str] = list(items)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return separator.join(listed[:_NAMED]) + more
