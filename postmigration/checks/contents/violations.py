"""Rows that violate what the database says they keep, found by reading them and no index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from postmigration.checks.contents.batches import (
    LOCK_NOT_AVAILABLE,
    WITHOUT_INDEXES,
    Question,
    Refusal,
    ask_twice_as_fast,
)
from postmigration.checks.contents.constraints import Rule, read_rules
from postmigration.checks.contents.examination import Examination, count
from postmigration.diff.objects.renames import Renames
from postmigration.model.evidence import Finding, Severity, show_value
from postmigration.postgres.connection import Snapshot

# Tables above one gigabyte are read only when that is wanted.
_DEEP_PAGES = 1 << 17


def examine(
    after: Snapshot,
    before: Snapshot | None,
    schemas: Sequence[str],
    *,
    deep: bool = False,
    keep: int = 5,
    show_values: bool = False,
    renames: Renames | None = None,
    unvalidated: Severity = "warning",
) -> Examination:
    """Counts the rows that violate each rule.

    Args:
        before: the state before; what was violated there as often is inherited.
        deep: tables above 1 GB are read, too.
        keep: how many rows to show.
        show_values: values that may describe a person are shown.
        renames: tables and columns that have other names since before.
        unvalidated: how grave it is that rows violate a constraint that is NOT VALID, and was not violated before.
    """
    found = Examination()
    rules = read_rules(after, schemas, found.unjudged)
    if not rules:
        found.inapplicable = "there is no constraint on either side"
        return found
    left_out = {rule for rule in rules if rule.pages > _DEEP_PAGES and not deep}
    asked = [rule for rule in rules if rule not in left_out and not rule.hindrance]
    found.unjudged += [
        f"{rule.subject} ({rule.words}): {rule.hindrance}" for rule in rules if rule.hindrance and rule not in left_out
    ]
    tables = sorted({rule.source.removeprefix("ONLY ") for rule in left_out})
    found.tell("above 1 GB, whose constraints are read with --deep only", tables)
    # Beside a state before, the rows that are compared with it are those that count.
    wrong, refused = count_violations(after, asked, found if before is None else None)
    found.facts = len(asked)
    found.unjudged += [f"{rule.subject} ({rule.words}): {refusal.reason}" for rule, refusal in refused.items()]
    violated = [rule for rule in asked if wrong.get(rule)]
    older = _count_older(before, violated, schemas, renames)
    for rule in violated:
        number = wrong[rule]
        inherited = older.get(rule, 0) >= number
        words = f"{rule.subject}: {count(number, 'row')} {_agree(rule.words, number)}"
        if not rule.validated:
            words += ", which is not validated"
        if inherited:
            words += "; it was so before"
        columns, rows = _examples(after, rule, keep, show_values)
        severity: Severity = "warning" if inherited else "blocker" if rule.validated else unvalidated
        found.findings.append(
            Finding(
                words,
                number,
                number,
                columns,
                rows,
                rule.listed,
                severity,
                repair=rule.repair,
                code=rule.code,
                subject=rule.about,
            )
        )
    return found


def _count_older(
    before: Snapshot | None, violated: Sequence[Rule], schemas: Sequence[str], renames: Renames | None
) -> dict[Rule, int]:
    """How many rows of the state before violate rules that it had, too."""
    if before is None or not violated:
        return {}
    rules = read_rules(before, schemas, [])
    known = {key: rule for rule in rules for key in (rule.wrong, (rule.subject, rule.words))}
    if renames is not None:
        # A question names the table and its columns in SQL.
        known |= {renames.rewrite_of(rule.wrong, rule.source): rule for rule in rules}
    found = {}
    for rule in violated:
        old = known.get(rule.wrong) or known.get((rule.subject, rule.words))
        if old is not None and (old.validated or not rule.validated):
            found[rule] = old
    counted, _ = count_violations(before, [*dict.fromkeys(found.values())])
    return {rule: counted.get(old, 0) for rule, old in found.items()}


def _agree(words: str, number: int) -> str:
    """The words for one row where there is one."""
    if number != 1:
        return words
    verb, _, rest = words.partition(" ")
    singular = {"are": "is", "have": "has", "do": "does"}.get(verb, f"{verb}s")
    return f"{singular} {rest}"


def count_violations(
    side: Snapshot, rules: Sequence[Rule], found: Examination | None = None
) -> tuple[dict[Rule, int], dict[Rule, Refusal]]:
    """How many rows of one side violate each rule, and which rules could not be asked.

    Conditions on the rows of one table are counted in one scan of it.

    Args:
        found: gets how many rows were examined.
    """
    groups: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for i, rule in enumerate(rules):
        groups[rule.role, rule.source if rule.aggregate else str(i)].append(rule)
    wrong: dict[Rule, int] = {}
    refused: dict[Rule, Refusal] = {}
    pending = [*groups.values()]
    while pending:
        again: list[list[Rule]] = []
        for role in sorted({group[0].role for group in pending}):
            questions = [_question(group) for group in pending if group[0].role == role]
            settings = {**WITHOUT_INDEXES, **({"role": role} if role else {})}
            for group, answer in ask_twice_as_fast(side, questions, settings):
                if not isinstance(answer, Refusal):
                    wrong.update(zip(group, answer.wrong, strict=True))
                    if found is not None:
                        found.rows += answer.rows
                elif len(group) == 1 or answer.state == LOCK_NOT_AVAILABLE:
                    refused |= dict.fromkeys(group, answer)
                else:
                    again += [[rule] for rule in group]
        pending = again
    return wrong, refused


def _question(group: list[Rule]) -> Question:
    counts = ", ".join(rule.wrong for rule in group)
    rows, source = ("count(*)", f" FROM {group[0].source}") if group[0].aggregate else ("0", "")
    return Question(group, f"SELECT ARRAY[{counts}] AS wrong, {rows} AS rows{source}", group[0].pages)


def _examples(
    side: Snapshot, rule: Rule, keep: int, show_values: bool
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    settings = {**WITHOUT_INDEXES, **({"role": rule.role} if rule.role else {})}
    try:
        rows = side.rows(f"SELECT * FROM ({rule.listed}) q LIMIT {keep}", settings)
    except sa.exc.DBAPIError:
        return (), ()
    columns = tuple(rows[0]._fields) if rows else ()
    return columns, tuple(tuple(show_value(value, plain=show_values) for value in row) for row in rows)
