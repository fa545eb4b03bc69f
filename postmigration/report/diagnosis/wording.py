"""What a cause is, in one to three sentences."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.model.evidence import Finding
from postmigration.report.diagnosis.group import Found, Group

# So many names are listed; further ones are counted.
_NAMED = 2
_COLUMNS = 3
# What a finding says that is a list of rows, of which each is wrong.
_OF_ROWS = ("wrong_rows", "changed_values", "missing_rows", "extra_rows", "different_rows", "empty_table")
# What is said of a privilege begins with who has it.
_OF_ROLES = ("gained", "lost")
# Statements are cut where they get longer than somebody reads.
_LONGEST = 300


def describe(group: Group) -> str:
    """What is wrong, without what follows from it."""
    main = group.main
    finding = main.finding
    people = [found for found in group.members if found.finding.subject.who]
    if people and finding.code in ("rows_hidden", "rows_open"):
        return _end(_of_people(people), finding)
    if people and finding.subject.kind == "operation":
        return _end(_of_operation(people), finding)
    text = _of_rows(finding) if finding.code in _OF_ROWS else finding.statement
    return _end(_cut(text) + _count_others(group), finding)


def name_some(names: Sequence[str], most: int = _NAMED) -> str:
    """The first names, and how many more there are."""
    if len(names) <= most + 1:
        return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def _count_others(group: Group) -> str:
    """How many more objects of the table became the same."""
    main = group.main.finding.subject
    names = [found.finding.subject.name for found in group.members if found.finding.subject.kind == main.kind]
    others = sorted({name for name in names if name and name != main.name})
    return f"; so {'is' if len(others) == 1 else 'are'} {name_some(others)}" if others else ""


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
    return finding.statement.replace(f"as {finding.subject.who}:", f"as {name_some(names)}:", 1)


def _of_rows(finding: Finding) -> str:
    table, (wrong, examined) = finding.subject.table, (finding.wrong, finding.examined)
    name, colon, _ = finding.statement.partition(": ")
    is_named = colon and " " not in name
    number = f"all {wrong:,}" if wrong == examined and wrong > 1 else f"{wrong:,} of {examined:,}"
    verb = "has" if wrong == 1 else "have"
    whole = is_named or "not what they were" in finding.statement
    if table and finding.code == "empty_table":
        return f"{table} is empty: all {wrong:,} rows that it held are lost{_add_hint(finding)}"
    if table and finding.code == "changed_values" and whole and finding.subject.changed:
        return f"{number} rows of {table} {verb} {_describe_columns(finding)}{_name_row(finding)}"
    if table and finding.code == "missing_rows":
        return f"{number} rows of {table} {'is' if wrong == 1 else 'are'} missing{_name_row(finding)}"
    if table and finding.code == "extra_rows":
        number, verb = ("1 row", "was") if wrong == 1 else (f"{wrong:,} rows", "were")
        return f"{number} of {table} {verb} not there before{_name_row(finding)}"
    return finding.statement if is_named else f"{number} {finding.statement}{_name_row(finding)}"


def _name_row(finding: Finding) -> str:
    """The key of the row that is wrong, where it is one."""
    reference = finding.subject.rows
    if finding.wrong != 1 or reference is None or len(finding.rows) != 1:
        return ""
    values = dict(zip(finding.columns, finding.rows[0], strict=False))
    said = [f"{column} {values[column]}" for column in reference.columns if "‹" not in values.get(column, "‹")]
    return f" ({', '.join(said)})" if said else ""


def _add_hint(finding: Finding) -> str:
    return "; row-level security is on" if "row-level security is on" in finding.statement else ""


def _describe_columns(finding: Finding) -> str:
    """In which columns rows hold other values, and what became of these."""
    changed = finding.subject.changed
    shown = [f"{name} {damage}" if damage else name for name, damage in changed[:_COLUMNS]]
    more = f" and {len(changed) - _COLUMNS:,} more columns" if len(changed) > _COLUMNS else ""
    shift = any("shifted by" in damage for _, damage in changed)
    known = changed[0][1] and len(changed) == 1
    words = shown[0] if known else f"other values in {', '.join(shown)}{more}"
    # What else is known of them, such as another type.
    reason = finding.statement.partition("; by column")[0].partition("; ")[2]
    if reason:
        words += f"; {reason}"
    return words + (": a shift of the time zone" if shift else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} …"


def _end(text: str, finding: Finding) -> str:
    """The text as a sentence; a name that it begins with stays as it is written."""
    text = " ".join(text.split())
    subject, first = finding.subject, text.partition(" ")[0]
    names = {subject.table, subject.name, subject.who.partition(" ")[0]}
    if first.isalpha() and first not in names and finding.code not in _OF_ROLES:
        text = text[:1].upper() + text[1:]
    return text.rstrip(".") + "."
