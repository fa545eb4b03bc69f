"""What is found of the objects that the migration's scripts make and that are missing.

It is a warning: the text of a script does not tell what was done by other means, before or after it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from postmigration.checks.scripts.outcome import Expected
from postmigration.model.evidence import Finding, Subject, escape
from postmigration.model.secrets import mask_secrets
from postmigration.model.sqltext import quoted

# More of one kind on one table are told as one.
_FOLDED = 3
_PLURALS = {"index": "indexes", "policy": "policies"}
_CLAUSE = re.compile(r"\bADD\b", re.IGNORECASE)


def list_findings(missing: Sequence[Expected], expected: Sequence[Expected]) -> Iterator[Finding]:
    """Says what is missing; what stands on a table that is missing itself is not told again.

    Args:
        missing: what is not there.
        expected: all that the scripts make and leave, in their order.
    """
    if len(missing) > max(_FOLDED, len(expected) / 2):
        words = (
            f"{len(missing)} of the {len(expected)} objects that the scripts of the migration make are missing: it did "
            "not run on this database, or ended half-way"
        )
        yield Finding(
            words, len(missing), len(expected), *_tabulate(missing), severity="warning", code="scripts_not_run"
        )
        return
    tables = {one.name for one in missing if one.kind == "table"}
    told: dict[tuple[str, str, str], list[Expected]] = defaultdict(list)
    for one in missing:
        if one.table not in tables:
            told[one.kind, one.schema, one.table].append(one)
    for those in told.values():
        if those[0].table and len(those) > _FOLDED:
            yield _tell_all(those, len(expected))
        else:
            yield from (_tell(one, len(expected)) for one in those)


def _tell(one: Expected, facts: int) -> Finding:
    place = quoted(one.name) if not one.schema or one.table else f"{quoted(one.schema)}.{quoted(one.name)}"
    on = f" {'of' if one.kind == 'column' else 'on'} {escape(quoted(one.table))}" if one.table else ""
    words = f"the {one.kind} {escape(place)}{on}, which {escape(one.script)} makes, is missing"
    return Finding(
        words,
        1,
        facts,
        severity="warning",
        repair=_repeat(one),
        code=f"{one.kind.replace(' ', '_')}_not_made",
        subject=Subject(one.kind, one.schema, one.name, one.name if one.kind == "table" else one.table),
    )


def _tell_all(those: Sequence[Expected], facts: int) -> Finding:
    """Several of one kind on one table."""
    one = those[0]
    kinds = _PLURALS.get(one.kind, f"{one.kind}s")
    on = "of" if one.kind == "column" else "on"
    words = f"{len(those)} {kinds} {on} {escape(quoted(one.table))}, which the scripts make, are missing"
    return Finding(
        words,
        len(those),
        facts,
        *_tabulate(those),
        severity="warning",
        repair="\n".join(dict.fromkeys(filter(None, map(_repeat, those)))),
        code=f"{one.kind.replace(' ', '_')}_not_made",
        subject=Subject(one.kind, one.schema, "", one.table),
    )


def _tabulate(missing: Sequence[Expected]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = tuple((escape(one.script), one.kind, escape(one.name), escape(one.table)) for one in missing)
    return ("script", "kind", "name", "table"), rows


def _repeat(one: Expected) -> str:
    """The statement that makes it; nothing for a table, whose rows another one brings, or beside other columns."""
    if one.kind == "table" or (one.kind == "column" and len(_CLAUSE.findall(one.text)) > 1):
        return ""
    return mask_secrets(one.text)
