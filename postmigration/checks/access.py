"""What a check can state about who sees and may what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from postmigration.access.attempts import Tried
from postmigration.access.principals import STYLES, Actor
from postmigration.access.row_visibility import compare_with_baseline, compare_with_rules, count_new, explain, recognize
from postmigration.access.visible_counts import count_for_each, count_owed, explain_uncounted
from postmigration.checks.assertions import Target
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import DifferenceKind, RowSet
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.evidence import Finding, Reference, Severity, Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog, latency
from postmigration.postgres.refusals import describe_refusal, hindrance, refusal

_WORDS: dict[DifferenceKind, str] = {
    "missing": "saw before and does not see now",
    "extra": "sees now and did not see before",
}


def expect_seen(target: Target, actor: Actor, table: str, *, may: str, must: str) -> tuple[tuple[str, ...], int]:
    """States that somebody sees of a table all that they must, and nothing that they may not.

    What they saw before as well is not the migration's fault.

    Args:
        may, must: conditions on a row `t` (see `compare_with_rules`).

    Returns:
        A row for the reader: who that is, the table, how many rows they may see, how many they see, and what is wrong
        with that; and how many rows they see.
    """
    people = target.population.reach(actor)
    found = compare_with_rules(
        target.snapshot, people, actor, table, may=may, must=must, keep=target.options.evidence_rows
    )
    target.state(found.rows)
    subject = _subject(target, actor, table, ("id",))
    wrong = [f"{n:,} {what}" for n, what in ((found.hidden, "hidden"), (found.leaked, "leaked")) if n]
    if found.hidden:
        why = f": {found.refused}" if found.refused else ""
        words = f"rows of {table} that {actor.name} must see and does not{why}"
        about = replace(subject, remarks=(found.refused,)) if found.denied else subject
        target.evidence.findings.append(found.finding("missing", words, about))
    if found.leaked:
        words = f"rows of {table} that {actor.name} sees and may not"
        if target.baseline is not None and not count_new(target.baseline, people, actor, table):
            target.note_inherited(f"{found.leaked:,} {words}")
        else:
            target.evidence.findings.append(found.finding("extra", words, subject))
    return (actor.name, table, f"{found.rows:,}", f"{found.sees:,}", ", ".join(wrong)), found.sees


def _subject(target: Target, actor: Actor, table: str, key: tuple[str, ...]) -> Subject:
    """The rows of a table, as somebody sees them."""
    schema = target.snapshot.database.schema
    return Subject.of_table(schema, table, rows=Reference(key, schema, table, key), who=actor.name)


# Of so many whose rows are not as many as they should be it is said which; that others are is said in one sentence.
_NAMED = 5


def suspect_seen(target: Target, table: str, *, may: str, must: str) -> Sequence[Actor]:
    """Finds those who see more or fewer rows of a table than the rules say, among all people but those tried anyway.

    Args:
        may, must: conditions on a row `t` (see `compare_with_rules`).

    Returns:
        A few of them, for `expect_seen`.
    """
    people = _others(target, table)
    if not people:
        return ()
    owed = count_owed(target.snapshot, people, table, ("id",), may=may, must=must)
    seen = count_for_each(target.population.lasting, people, table, ("id",))
    odd = [actor for actor, rows, rule in zip(people, seen, owed, strict=True) if not rule.allows(rows)]
    return _few(target, odd, people, f"see other rows of {table} than the rules say")


def suspect_seen_as_before(target: Target, table: catalog.Table, there: Collection[str], *, grows: bool) -> list[Actor]:
    """Finds those who see more or fewer rows of a table than before, among all people but those tried anyway.

    Args:
        table: one of `Before.tables`.
        there: the ids of those who were there before.
        grows: more rows may be seen than before.

    Returns:
        A few of them, for `expect_seen_as_before`.
    """
    people = [actor for actor in _others(target, table.name) if actor.id in there]
    if not people:
        return []
    key = table.key or tuple(table.columns)
    sides = (target.before.schema("policy", "function"), target.population.lasting)
    was, now = (count_for_each(side, people, table.name, key) for side in sides)
    odd = []
    for actor, before, after in zip(people, was, now, strict=True):
        lost = actor.kind == "internal" and after.rows < before.rows
        if lost or (not grows and after != before and (actor.kind == "internal" or after.rows >= before.rows)):
            odd.append(actor)
    return _few(target, odd, people, f"see other rows of {table.name} than before")


def _others(target: Target, table: str) -> Sequence[Actor]:
    """All people but those who are tried anyway; nobody where they are too many, which is told."""
    everybody = target.population.everybody
    if why := everybody and explain_uncounted(target.snapshot, len(everybody), table):
        target.note(
            f"what each of all people sees of {table} is not counted: {why}; ids in policies are told elsewhere"
        )
        return ()
    tried = {actor.id for actor in target.population.actors}
    return [actor for actor in everybody if actor.id not in tried]


def _few(target: Target, odd: list[Actor], people: Sequence[Actor], words: str) -> list[Actor]:
    target.state(facts=len(people))
    target.note(f"counted for {len(people):,} other people: {len(odd):,} {words}")
    return odd[:_NAMED]


def expect_recognized(target: Target, actor: Actor, tables: Sequence[str]) -> None:
    """States that the database knows somebody in whichever way the API layer tells it who asks.

    How it is told today must be understood. The older way must be where it was before, as far as it tells who asks;
    where nobody knows, or only some policies need more than the older way tells, that it is not is a warning.

    Args:
        tables: of which the same rows must be seen in both ways.
    """
    people = target.population.reach(actor)
    now = {style: recognize(people, replace(actor, style=style), tables) for style in STYLES}
    was = (
        {}
        if target.baseline is None
        else {style: recognize(target.baseline, replace(actor, style=style), tables) for style in STYLES}
    )
    target.state(facts=len(STYLES) * (1 + len(tables)))
    together, separate = STYLES
    for style in STYLES:
        if not now[style].known:
            words = f"auth.uid() does not know who asks when the API tells it by {style}"
            if was and not was[style].known:
                target.note_inherited(words)
            else:
                severity: Severity = "blocker" if was or style == together else "warning"
                target.evidence.findings.append(Finding(words, 1, 1, severity=severity))
    if not all(seen.known for seen in now.values()):
        return
    for table in tables:
        shown, less = now[together].rows.get(table, 0), now[separate].rows.get(table, 0)
        if less < shown:
            words = (
                f"{actor.name} sees {less:,} rows of {table} when the API tells who asks by {separate}, {shown:,} else"
            )
            if was and was[separate].rows.get(table, 0) < was[together].rows.get(table, 0):
                target.note_inherited(words)
            else:
                target.evidence.findings.append(Finding(words, 1, 1, severity="warning"))


def expect_seen_as_before(
    target: Target, actor: Actor, table: catalog.Table, *, ignore: Collection[DifferenceKind], growth: str = "false"
) -> tuple[str, str, str]:
    """States that somebody sees the rows of a table that they saw before.

    Rows made after the cut-over were there for nobody before: who may see them, other checks say.

    Args:
        table: one of `Before.tables`.
        ignore: `extra` where they may see more, `missing` where they may see less.
        growth: condition on a row `t` that was added since, that they may see it.

    Returns:
        Who that is, how many rows they saw, and how many they see.

    Raises:
        NeedsBaseline: there is no state before.
    """
    before = target.before.schema("policy", "function")
    key, new = table.key or tuple(table.columns), "false"
    created = table.created(target.migration.conventions)
    sql = now = f"SELECT * FROM {quoted(table.name)}"
    if created is not None:
        made = quoted(created)
        newest = before.scalar(
            f"SELECT coalesce(max({made}), '-infinity')::text FROM {quoted(table.name)}", before.application
        )
        since = f"{made} > CAST('{newest}' AS timestamptz)"
        may = f"t.{made} > '{target.options.cutover}' OR ({growth})"
        now = f"{sql} t WHERE (t.{since} AND ({may})) IS NOT TRUE"
        if "extra" in ignore:
            # What is younger than all that was there need not be looked for.
            new = f"q.{since}"
    path = before.application
    want = RowSet(sql, key, len(key), settings={**path, **actor.settings})
    have = RowSet(now, key, len(key), new=new, settings={**path, **actor.settings})
    keep = target.options.evidence_rows
    found = compare_with_baseline(before, target.population.lasting, want, have, actor, table.name, keep, ignore)
    target.state(found.want_rows)
    counts = dict(found.counts)
    if counts["missing"]:
        # What is gone altogether is hidden from nobody; the comparison of all rows names it.
        everything = [replace(rows, settings=path) for rows in (want, have)]
        gone = Sides(before, target.population.real, *everything).compare(keep=0, ignore=["extra"])
        counts["missing"] = max(0, counts["missing"] - gone.counts["missing"])
    for kind, words in _WORDS.items():
        if count := counts[kind]:
            keys = tuple(tuple(map(str, d.key)) for d in found.differences if d.kind == kind)
            statement = f"rows of {table.name} that {actor.name} {words}"
            code = "rows_hidden" if kind == "missing" else "rows_open"
            subject = _subject(target, actor, table.name, key)
            target.evidence.findings.append(
                Finding(statement, count, max(count, found.want_rows), key, keys, code=code, subject=subject)
            )
    return actor.name, f"{found.want_rows:,}", f"{found.have_rows:,}"


def expect_fast_for(
    target: Target, actor: Actor, sql: str, *, name: str, budget: float, before: str | None = None
) -> None:
    """States that the server answers a query of somebody within a budget, and not much more slowly than before.

    Nor may it read a large table whole for them that it need not read whole for those whom no policy filters.

    Args:
        name: what the query is called in the picture of the report.
        budget: milliseconds (see `Target.expect_fast`).
        before: its counterpart on the state before, if there is one in which they exist.
    """
    target.state(facts=1)
    try:
        people = target.population.reach(actor)
        legacy = None
        if before is not None and target.baseline is not None:
            legacy = latency.measure(target.baseline, before, actor.settings, budget).milliseconds
        taken, findings = latency.judge(
            people, sql, budget=budget, index_only=False, settings=actor.settings, before=legacy or 0.0
        )
        if scans := latency.needless_scans(people, sql, actor.settings):
            unfiltered = latency.needless_scans(target.snapshot, sql, {})
            findings += [latency.read_whole(name, sql) for name in scans if name not in unfiltered]
    except sa.exc.DBAPIError as error:
        by = hindrance(error)
        if by == Hindrance.PRIVILEGE:
            # They lack it, and not the role of --db-url.
            raise NotJudged(f"{actor.name}: {refusal(error, acting=True)}") from None
        raise NotJudged(f"{actor.name}: {describe_refusal(error)}", by) from None
    words = "" if legacy is None else f", {legacy:.1f} ms for its counterpart before the migration"
    target.note(f"{actor.name}: {taken.how} {taken.milliseconds:.1f} ms, budget {budget:g} ms{words}")
    target.evidence.show_time(name, actor.name, taken.milliseconds, budget, legacy)
    target.evidence.findings += [
        replace(f, statement=f"as {actor.name}, query of {name}: {f.statement}") for f in findings
    ]


def expect_same_to(
    target: Target, actor: Actor, want: str, have: str, *, columns: Sequence[str], statement: str
) -> None:
    """States that two queries give somebody the same rows, as far as the first one gives them any.

    Args:
        columns: the columns that are compared.
        statement: what `have` gives, as something that can be wrong.
    """
    keep = target.options.evidence_rows
    columns = tuple(columns)
    names = [quoted(column) for column in columns]
    sql = f"""
        SELECT coalesce(want.{names[0]}, have.{names[0]})::text FROM ({want}) want FULL JOIN ({have}) have
        ON ({", ".join(f"want.{name}" for name in names)}) = ({", ".join(f"have.{name}" for name in names)})
        WHERE want.{names[0]} IS NULL OR have.{names[0]} IS NULL
    """
    people = target.population.reach(actor)
    settings = {**people.application, **actor.settings}
    try:
        count = people.scalar(f"SELECT count(*) FROM ({want}) w", settings)
    except sa.exc.DBAPIError as error:
        target.note(f"{actor.name} cannot ask the tables themselves: {explain(error, actor)}")
        count = 0
    if not count:
        target.state(facts=1)
        return
    try:
        wrong = people.scalar(f"SELECT count(*) FROM ({sql}) w", settings)
        rows = people.rows(f"SELECT * FROM ({sql}) w ORDER BY 1 LIMIT {keep}", settings) if wrong else ()
    except sa.exc.DBAPIError as error:
        target.state(count)
        target.evidence.findings.append(Finding(f"{statement}, asked by {actor.name}: {explain(error, actor)}", 1, 1))
        return
    target.state(count)
    if wrong:
        words = f"{statement}, beside what the tables show, to {actor.name}"
        target.evidence.findings.append(
            Finding(words, wrong, max(wrong, count), (columns[0],), tuple((row[0],) for row in rows))
        )


def expect_nothing(target: Target, actor: Actor, sql: str, *, statement: str, **parameters: Any) -> None:
    """States that a query gives somebody nothing; a query that fails does not.

    Args:
        statement: what it would give, as a plural.
    """
    target.state(facts=1)
    people = target.population.reach(actor)
    try:
        rows = people.scalar(f"SELECT count(*) FROM ({sql}) q", {**people.application, **actor.settings}, **parameters)
    except sa.exc.DBAPIError as error:
        explain(error, actor)
        return
    if rows:
        target.evidence.findings.append(Finding(f"{statement} to {actor.name}, who may see none", rows, rows))


def expect_refused(
    target: Target, actor: Actor, tried: Mapping[str, str], earlier: Tried, *, possible_before: Collection[str]
) -> None:
    """States that somebody cannot do what is not theirs to do, unless they could before.

    Where nobody knows whether an operator's own people could before, that they can is a warning.

    Args:
        tried: what came of each thing that they tried.
        earlier: what came of it before, as far as that is known.
        possible_before: what there was to try before.
    """
    target.state(facts=len(tried))
    for what, came in tried.items():
        ended = "succeeds" if came == "done" else f"fails with an error (SQLSTATE {came})"
        words = f"{actor.name} tries to {what}: it {ended}, and must be refused"
        if came in ("no rows", "42501"):
            continue
        if earlier.get((actor.name, what)) == "done":
            target.note_inherited(words)
            continue
        anew = bool(earlier) or (target.baseline is not None and what not in possible_before)
        severity: Severity = "blocker" if anew or actor.kind == "outsider" else "warning"
        code = "write_gained" if came == "done" else ""
        subject = Subject("operation", name=what, who=actor.name)
        target.evidence.findings.append(Finding(words, 1, 1, severity=severity, code=code, subject=subject))
