"""What a cause is, in one to three sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from postmigration.model.evidence import Finding
from postmigration.report.diagnosis.group import OF_ROLES, Found, Group, find_error

# So many names are listed; further ones are counted.
_NAMED = 2
_COLUMNS = 3
# Of so many wrong rows one is shown.
_FEW = 3
_OF_PEOPLE = ("rows_hidden", "rows_open")
# What a finding says that is a list of rows, of which each is wrong.
_OF_ROWS = ("wrong_rows", "changed_values", "missing_rows", "extra_rows", "different_rows", "empty_table")
# Statements are cut where they get longer than somebody reads.
_LONGEST = 300


def describe(group: Group) -> str:
    """What is wrong, without what follows from it."""
    main = group.main
    finding = main.finding
    people = [found for found in group.members if found.finding.subject.who]
    if people and finding.code in _OF_PEOPLE:
        remarks = dict.fromkeys(remark for found in people for remark in found.finding.subject.remarks)
        error = next(filter(None, (find_error(found.finding.statement) for found in people)), "")
        return _end("; ".join([f"{_of_people(people)}: {error}" if error else _of_people(people), *remarks]), finding)
    if (effect := find_effect(group)) is not None:
        return _end(
            f"{_of_people(effect.members)}: {_cut(finding.statement)}{_count_others(group)}", effect.main.finding
        )
    if people and finding.subject.kind == "operation":
        return _end(_of_operation(people), finding)
    if finding.code in OF_ROLES:
        return _end(_cut(_of_privileges(group)), finding)
    if finding.code == "rows_misplaced" and len(group.members) > 1:
        return _end(_cut(_of_partitions(group)), finding)
    text = _of_rows(finding) if finding.code in _OF_ROWS else finding.statement
    text += "".join(f", and {_lead_nowhere(found.finding)}" for found in group.members if leads_nowhere(found, main))
    return _end(_cut(text) + _count_others(group), finding)


def find_effect(group: Group) -> Group | None:
    """What people see or do not for a policy or without row-level security, which is told with it."""
    finding = group.main.finding
    if finding.subject.kind != "policy" and "row_level_security" not in finding.code:
        return None
    seen = [each for each in group.follows if each.main.finding.code in _OF_PEOPLE]
    return min((each for each in seen if each.main.finding.subject.who), key=lambda each: each.gravity, default=None)


def leads_nowhere(found: Found, main: Found) -> bool:
    """Whether a finding says of the very rows that are new or changed that they lead to no row.

    No application can have written such rows while the foreign key was enforced: it tells best whence they are.
    """
    return main.finding.code in ("extra_rows", "changed_values") and found.finding.code == "dangling_references"


def name_some(names: Sequence[str], most: int = _NAMED) -> str:
    """The first names, and how many more there are."""
    if len(names) <= most + 1:
        return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def show_example(group: Group) -> str:
    """What the first of a few wrong rows holds and must hold, by the finding that shows both; empty where none does."""
    told = [
        text for found in group.members if found.finding.wrong <= _FEW for text in [_show_values(found.finding)] if text
    ]
    # Values that are masked say less than those that are not.
    return min(told, key=lambda text: "‹" in text, default="")


def _show_values(finding: Finding) -> str:
    if not finding.rows:
        return ""
    values = dict(zip(finding.columns, finding.rows[0], strict=False))
    key = f"{finding.columns[0]} {finding.rows[0][0]}"
    if "column" in values:
        pairs = {values["column"]: (values.get("want", ""), values.get("have", ""))} if values["column"] else {}
    else:
        names = [name.removeprefix("want_") for name in values if name.startswith("want_")]
        pairs = {name: (values[f"want_{name}"], values.get(f"have_{name}", "")) for name in names}
    said = [f"{name} is {have}, must be {want}" for name, (want, have) in pairs.items() if have not in ("", want)]
    return f"{key}: {'; '.join(said)}" if said else ""


def _count_others(group: Group) -> str:
    """How many more objects of the table became the same."""
    main = group.main.finding.subject
    if main.kind == "table":
        return ""
    names = [found.finding.subject.name for found in group.members if found.finding.subject.kind == main.kind]
    others = sorted({name for name in names if name and name != main.name})
    return f"; so {'is' if len(others) == 1 else 'are'} {name_some(others)}" if others else ""


def _lead_nowhere(finding: Finding) -> str:
    """What is said of rows that lead to no row, without their table and number."""
    return re.sub(r"^[^:]*: [\d,]+ rows? ", "", finding.statement)


def _of_partitions(group: Group) -> str:
    """How many rows of one table lie in which of its partitions, and do not belong there."""
    findings = sorted((found.finding for found in group.members), key=lambda finding: finding.subject.name)
    rows = sum(finding.wrong for finding in findings)
    where = name_some([f"{finding.wrong:,} in {finding.subject.name}" for finding in findings])
    return f"{rows:,} rows of {findings[0].subject.table} lie in partitions whose bounds exclude them: {where}"


def _of_privileges(group: Group) -> str:
    """What several roles got or lost, the reason once."""
    said = list(dict.fromkeys(found.finding.statement for found in group.members))
    texts = [text.partition(": ") for text in said]
    reasons = list(dict.fromkeys(reason for _, _, reason in texts if reason))
    return "; ".join([name_some([what for what, _, _ in texts]), *reasons[:1]]) if len(said) > 1 else said[0]


def _of_people(people: Sequence[Found]) -> str:
    finding = people[0].finding
    wrong = sorted({found.finding.wrong for found in people})
    number = f"{wrong[0]:,}" if len(wrong) == 1 else f"{wrong[0]:,} to {wrong[-1]:,}"
    names = list(dict.fromkeys(found.finding.subject.who for found in people))
    who = names[0] if len(names) == 1 else f"{len(names):,} people ({name_some(names)})"
    same = len(names) > 1 and len({(f.finding.wrong, f.finding.rows) for f in people}) == 1
    rows = f"{'the same ' * same}{number} {'row' if wrong == [1] else 'rows'} of {finding.subject.table}"
    one = len(names) == 1
    if finding.code == "rows_hidden":
        return f"{who} {'does' if one else 'do'} not see {rows} that they must see"
    return f"{who} {'sees' if one else 'see'} {rows} that they may not see"


def _of_operation(people: Sequence[Found]) -> str:
    finding = people[0].finding
    names = list(dict.fromkeys(found.finding.subject.who for found in people))
    who = finding.subject.who
    if len(names) > 1 and finding.statement.startswith(f"{who} tries to "):
        return f"{name_some(names)} try to {finding.statement.removeprefix(f'{who} tries to ')}"
    return finding.statement.replace(f"as {who}:", f"as {name_some(names)}:", 1)


def _of_rows(finding: Finding) -> str:
    table, (wrong, examined) = finding.subject.table, (finding.wrong, finding.examined)
    number = f"all {wrong:,}" if wrong == examined and wrong > 1 else f"{wrong:,} of {examined:,}"
    verb = "has" if wrong == 1 else "have"
    traits = finding.subject.traits
    if table and finding.code == "empty_table":
        return f"{table} is empty: all {wrong:,} rows that it held are lost{_add_remarks(finding)}"
    if table and finding.code == "changed_values" and "as_before" in traits and finding.subject.changed:
        return f"{number} rows of {table} {verb} {_describe_columns(finding)}{_name_row(finding)}"
    if table and finding.code == "missing_rows":
        verb = "is" if wrong == 1 else "are"
        return f"{number} rows of {table} {verb} missing{_name_row(finding)}{_add_remarks(finding)}"
    if table and finding.code == "extra_rows":
        number, verb = ("1 row", "was") if wrong == 1 else (f"{wrong:,} rows", "were")
        return f"{number} of {table} {verb} not there before{_name_row(finding)}{_add_remarks(finding)}"
    return finding.statement if "sentence" in traits else f"{number} {finding.statement}{_name_row(finding)}"


def _name_row(finding: Finding) -> str:
    """The key of the row that is wrong, where it is one."""
    reference = finding.subject.rows
    if finding.wrong != 1 or reference is None or len(finding.rows) != 1:
        return ""
    values = dict(zip(finding.columns, finding.rows[0], strict=False))
    said = [f"{column} {values[column]}" for column in reference.columns if "‹" not in values.get(column, "‹")]
    return f" ({', '.join(said)})" if said else ""


def _add_remarks(finding: Finding) -> str:
    return "".join(f"; {remark}" for remark in finding.subject.remarks)


def _describe_columns(finding: Finding) -> str:
    """In which columns rows hold other values, and what became of these."""
    changed = finding.subject.changed
    shown = [f"{name} {damage}" if damage else name for name, damage in changed[:_COLUMNS]]
    more = f" and {len(changed) - _COLUMNS:,} more columns" if len(changed) > _COLUMNS else ""
    shift = any("shifted by" in damage for _, damage in changed)
    known = changed[0][1] and len(changed) == 1
    words = shown[0] if known else f"other values in {', '.join(shown)}{more}"
    return words + _add_remarks(finding) + (": a shift of the time zone" if shift else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} …"


def _end(text: str, finding: Finding) -> str:
    """The text as a sentence; a name that it begins with stays as it is written."""
    text = " ".join(text.split())
    subject, first = finding.subject, text.partition(" ")[0]
    names = {subject.table, subject.name, subject.who.partition(" ")[0]}
    if first.isalpha() and first not in names and finding.code not in OF_ROLES:
        text = text[:1].upper() + text[1:]
    return text.rstrip(".") + "."
