"""What a plan leaves for its readers: the page, a summary for a ticket, and beside them the object for a program."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from postmigration.deployment.evaluation import PHASE_WORDS, Asked, Item, Plan, group, is_required
from postmigration.deployment.output import timeline
from postmigration.deployment.output.plan_object import render_object, render_unfinished
from postmigration.deployment.records.clocks import show_seconds, show_time
from postmigration.deployment.records.record import Step
from postmigration.deployment.records.store import Stored
from postmigration.deployment.signoffs import render_entry
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.files import replace_all
from postmigration.model.migration import PHASES, Phase
from postmigration.report.formats import rendering
from postmigration.report.formats.as_markdown import escape_markup

MARKS = {"met": "✔", "not met": "✘", "open": "☐"}
_QUESTIONS: Mapping[Asked, str] = {
    "staging": "may staging be migrated?",
    "preparation": "may production be prepared?",
    "production": "may production be migrated?",
    "after": "may the application stay live?",
    "done": "is the plan done?",
}
# What the page leads to; anything else that a record names is no report.
_REPORTS = {".html", ".json", ".md", ".xml", ".txt"}


def write_unfinished(path: Path) -> None:
    """Puts files there that say that nothing was judged yet: what dies leaves no older ones in place.

    Raises:
        CannotJudge: they cannot be written there.
    """
    words = "NOT READY: this judgement of the plan did not finish"
    page = f'<!DOCTYPE html><html lang="en"><title>Unfinished</title><h1>{words}</h1></html>\n'
    _replace(path, page, render_unfinished(), f"## {words}\n", words)


def write(plan: Plan, path: Path) -> None:
    """Writes the page, and beside it the summary and the object.

    Raises:
        CannotJudge: they cannot be written there.
    """
    _replace(path, render_page(plan, path), render_object(plan), render_summary(plan), plan.verdict.line)


def _replace(path: Path, page: str, state: str, summary: str, found: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_all({path: page, path.with_suffix(".json"): state, path.with_suffix(".md"): summary})
    except OSError as error:
        raise CannotJudge(
            f"the plan cannot be written to {path} ({error.strerror}), name another with --html; found: {found}"
        ) from None


def render_page(plan: Plan, path: Path) -> str:
    """The page: one file that works offline, without a script.

    Args:
        path: where it is going to stand, from which its links lead.
    """
    links = {stored.path: find_report(stored, path) for stored in plan.evidence.stored}
    sections = _divide(plan)
    used = {stored.path for item in plan.items for stored in item.records}
    return rendering.render(
        "deployment.html",
        plan=plan,
        question=_QUESTIONS[plan.asked],
        blocking=group(plan.blocking),
        entries=_list_entries(plan),
        sections=sections,
        phases=[(phase, PHASE_WORDS[phase], _count(plan, phase)) for phase in sections],
        phase_words=PHASE_WORDS,
        is_required=lambda item: is_required(item.criterion, plan.asked),
        bars=timeline.draw(plan.items),
        locks=[(step.title, lock) for step in _list_steps(plan) for lock in step.locks],
        ticks=[(words, timeline.place(seconds)) for words, seconds in timeline.TICKS],
        width=timeline.WIDTH,
        links=links,
        used=used,
        marks=MARKS,
        css=(rendering.DIRECTORY / "report.css").read_text(encoding="utf-8"),
        show=escape,
        show_time=show_time,
        show_seconds=show_seconds,
    )


def _list_entries(plan: Plan) -> list[str]:
    """What is to be signed before the phase begins, as entries for the file of signatures."""
    unsigned = [item.criterion for item in plan.blocking if item.unsigned]
    return [escape(render_entry(criterion, plan.evidence.now), keep="\n") for criterion in unsigned]


def _list_steps(plan: Plan) -> Sequence[Step]:
    """The steps of the rehearsal that the ways back are told from."""
    return next((way.stored.record.steps for way in plan.ways if way.stored is not None), ())


def find_report(stored: Stored, page: Path) -> tuple[str, str]:
    """Where the report of a record is, as seen from the page, and what is to be said of it.

    Only a file of the directory in which the records are kept, or of that around it, is led to, and only as it was when
    the record was written: a later run may have put its own there.

    Args:
        page: where the page stands.

    Returns:
        The address, empty where there is none to lead to; and why.
    """
    if not stored.record.report:
        return "", "no report"
    target = (stored.path.parent / stored.record.report).resolve()
    around = stored.path.parent.resolve().parent
    if not target.is_relative_to(around) or target.suffix not in _REPORTS:
        return "", "its report is elsewhere"
    try:
        content = target.read_bytes()
    except OSError:
        return "", "its report is not here"
    if stored.record.report_sha256 and hashlib.sha256(content).hexdigest() != stored.record.report_sha256:
        return "", "its report was replaced since"
    return quote(os.path.relpath(target, page.parent.resolve()).replace(os.sep, "/")), ""


def _divide(plan: Plan) -> dict[Phase, dict[str, list[Item]]]:
    """The points of the plan by phase and by section."""
    divided: dict[Phase, dict[str, list[Item]]] = {}
    for phase in PHASES:
        for item in plan.items:
            if item.criterion.phase == phase:
                divided.setdefault(phase, {}).setdefault(item.criterion.section, []).append(item)
    return divided


def _count(plan: Plan, phase: str) -> dict[str, int]:
    members = [item for item in plan.items if item.criterion.phase == phase]
    counted = {state: sum(item.state == state for item in members) for state in MARKS}
    return counted | {"all": len(members), "asked": any(is_required(item.criterion, plan.asked) for item in members)}


def render_summary(plan: Plan) -> str:
    """The summary, as Markdown: the verdict, what blocks, and the ways back."""
    lines = [f"## {escape_markup(escape(plan.verdict.line))}", ""]
    lines += [f"- {escape_markup(escape(problem))}" for problem in plan.problems]
    for reasons, items in group(plan.blocking).items():
        words = f"{MARKS[items[0].state]} {'; '.join(reasons)}"
        lines.append(f"- {escape_markup(escape(words))}")
        lines += [f"  - {escape_markup(escape(_name(item)))}" for item in items]
    if entries := _list_entries(plan):
        lines += ["", "### To sign, in signoffs.toml", ""]
        # Indented by four, it is shown as it is.
        lines += [f"    {line}".rstrip() for line in "\n".join(entries).splitlines()]
    lines += ["", "### The way back", ""]
    for way in plan.ways:
        took = f", {show_seconds(way.seconds)}" if way.seconds is not None else ""
        words = f"{way.name}: {'proven' if way.proven else 'not proven'}{took}; open {way.until}; lost: {way.lost}"
        lines.append(f"- {escape_markup(escape(words))}")
    if plan.written:
        lines.append(f"- {escape_markup(escape(plan.written.words))}")
    return "\n".join(lines) + "\n"


def _name(item: Item) -> str:
    return f"{item.criterion.text} ({', '.join(filter(None, (item.criterion.role, item.criterion.due)))})"
