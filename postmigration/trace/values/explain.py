"""How the values of a column follow from rows of before, as a sample of pairs of rows shows it."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.checks.contents.tables import Column
from postmigration.diff.value_texts import agree, family, find_main_damage, normalize
from postmigration.trace.reading import Field
from postmigration.trace.values.cases import explain_by_cases
from postmigration.trace.values.explanation import ENOUGH, MAJORITY, Explanation, Pairs, write_literal
from postmigration.trace.values.one_column import explain_by_one
from postmigration.trace.values.two_columns import explain_by_two


def explain(pairs: Pairs, fields: Sequence[Field], target: Column) -> Explanation | None:
    """What the values of a column follow from; None where nothing explains most of them.

    Args:
        pairs: rows of before, each with what became of it.
        fields: what a row of before has.
        target: the column of the row of now.
    """
    if not pairs:
        return None
    found = list(explain_by_one(pairs, fields, target))
    constant = _explain_constant(pairs, target)
    if constant is not None:
        found.append(constant)
    best = max(found, key=_rank, default=None)
    if best is not None and best.share == 1:
        return best
    found += [*explain_by_two(pairs, fields, target), *explain_by_cases(pairs, fields, target)]
    best = max(found, key=_rank, default=None)
    if best is not None and best.share >= MAJORITY:
        return best
    return _find_damaged(pairs, fields, target)


def _rank(found: Explanation) -> tuple[bool, float, float]:
    return found.share == 1, round(found.share, 1), found.certain


def _explain_constant(pairs: Pairs, target: Column) -> Explanation | None:
    have = {new[target.name] for _, new in pairs}
    if len(have) != 1 or len(pairs) < 2:
        return None
    (value,) = have
    # A moment that is the same in all rows is that of the migration, which is another one each time.
    if value is not None and family(target.root) == "time":
        return None
    if family(target.root) in ("number", "boolean") and value is not None:
        value_sql = {"t": "true", "f": "false"}.get(value, value)
    else:
        value_sql = write_literal(value)
    certain = 1.9 if value is None else 3.4
    return Explanation(value_sql, f"always {value_sql}", len(pairs), len(pairs), (), certain)


def _find_damaged(pairs: Pairs, fields: Sequence[Field], target: Column) -> Explanation | None:
    """A column of before that holds the values but for one kind of damage."""
    for field in sorted(fields, key=lambda field: field.name != target.name):
        if not agree(field.root, target.root) or family(field.root) == "boolean":
            continue
        want = [
            (normalize(old[field.name], field.root, target.root), normalize(new[target.name], target.root, target.root))
            for old, new in pairs
        ]
        others = [(a, b) for a, b in want if a != b]
        _, times = find_main_damage(others, field.root, target.root)
        fits = len(pairs) - len(others)
        changed = {a for a, b in want if a is not None}
        usual = field.name == target.name or len(changed) >= ENOUGH
        same = sum(a == b and a is not None for a, b in want)
        if usual and times and same + times >= 0.8 * sum(a is not None or b is not None for a, b in want):
            return Explanation(field.sql, field.name, fits, len(pairs), (field,), damaged=True)
    return None
