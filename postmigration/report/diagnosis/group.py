"""Findings of one cause: those that are known to be about the same rows or objects, and no others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from postmigration.model.evidence import Finding, Reference
from postmigration.model.verdict import Result

# The kinds of findings from the worst to the least; the place of one that is not named is told by its subject.
_GRAVITY = (
    ("table_lost", "schema_lost", "empty_table", "table_kind_changed"),
    ("missing_rows", "different_rows", "column_lost", "partition_detached", "rows_misplaced"),
    ("rows_open", "rows_hidden", "write_gained", "write_lost", "way_around_policies", "gained", "lost"),
    ("changed_values", "wrong_rows", "extra_rows", "dangling_references", "violated_constraint", "null_values"),
)
_ACCESS, _VALUES, _OBJECTS, _REST = 2, 3, 4, 5
_OF_ACCESS = ("policy", "grant", "default privileges", "role", "operation")
# What stands on no table, and of which several become the same at once.
_OF_SERVER = (
    *("job", "subscription", "replication slot", "replication origin", "session", "prepared transaction", "standby"),
    *("user mapping", "foreign server", "large object"),
)
# What is said of a privilege begins with who has it.
OF_ROLES = ("gained", "lost")
# What shows rows past the policies, whatever kind of object it is.
AROUND = "way_around_policies"
# What people see and may do.
SEEN = ("rows_hidden", "rows_open", "operation_fails", "write_lost", "write_gained", AROUND)
# What a lost or changed object of a kind brings about on its table.
_EFFECTS = {"policy": SEEN, "trigger": ("trigger_silent", "trigger_missing", "refused")}
_MISSING = ("missing_rows", "different_rows", "empty_table", "table_lost")
# What the server says of policies that read the table which they are on, and how others tell of that error.
_RECURSION = re.compile(r'infinite recursion detected in policy for relation "(.+?)" \(SQLSTATE 42P17\)')
_RECURSES = "SQLSTATE 42P17"
# What the server said, where something failed with an error.
_ERROR = re.compile(r"(?:^|: )([^:;]+ \(SQLSTATE \w{5}\))")
Keys = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Found:
    """A finding, and the check that made it."""

    finding: Finding
    result: Result

    @property
    def table(self) -> tuple[str, str]:
        """The schema and the name of the table that it is about; empty where that is not known."""
        return self.finding.subject.schema, self.finding.subject.table

    @cached_property
    def rows(self) -> tuple[Reference, Keys] | None:
        """The keys of all rows that are wrong; nothing where they are not all known."""
        reference = self.finding.subject.rows
        if reference is None or self.finding.subject.who:
            return None
        keys = _read(self.finding, reference)
        if len(keys) != self.finding.wrong:
            return None
        return Reference(reference.key, reference.schema, reference.table, reference.key), keys

    @property
    def gravity(self) -> tuple[int, int, int]:
        """How bad it is: the least comes first."""
        code, subject = self.finding.code, self.finding.subject
        for weight, codes in enumerate(_GRAVITY):
            if code in codes:
                return weight, codes.index(code), -self.finding.wrong
        if subject.kind in _OF_ACCESS or "row_level_security" in code or "security_definer" in code:
            return _ACCESS, len(_GRAVITY[_ACCESS]) + (subject.kind == "operation"), -self.finding.wrong
        if code == "doubled_keys":
            return _VALUES, len(_GRAVITY[_VALUES]), -self.finding.wrong
        return (_OBJECTS if subject.kind else _REST), 0, -self.finding.wrong


@dataclass
class Group:
    """Findings that say the same, and the groups of those that follow from it."""

    members: list[Found]
    follows: list[Group] = field(default_factory=list)

    @property
    def main(self) -> Found:
        """The worst of its findings; of such that are alike the first by its name, whatever the order of the server."""
        return min(self.members, key=lambda found: (found.gravity, found.finding.subject.name))

    @property
    def gravity(self) -> tuple[int, int, int]:
        """How bad the worst is that it brings about; what brings about more comes first among such."""
        weight, place, wrong = min(found.gravity for found in self.every())
        return weight, place, wrong - sum(len(group.members) for group in self.follows)

    @property
    def codes(self) -> set[str]:
        """The kinds of its findings."""
        return {found.finding.code for found in self.members}

    @property
    def kinds(self) -> set[str]:
        """The kinds of objects that they are about."""
        return {found.finding.subject.kind for found in self.members}

    def every(self) -> list[Found]:
        """Its findings, and those of all that follows."""
        return [*self.members, *(found for group in self.follows for found in group.every())]


def group_findings(found: Iterable[Found]) -> list[Group]:
    """Groups findings by what they are known to be about; what follows from a group stands in it."""
    groups = _merge_same_rows(_merge_by(_merge_by(map(_alone, found), _identify), _identify_kind))
    return sorted(_attach(groups), key=lambda group: group.gravity)


def find_bridges(told: Sequence[Found], warned: Iterable[Found]) -> list[Found]:
    """Of what is only warned of, what is about an object that something graver is said of too.

    Which rows violate a constraint that was not validated ties what is said of it to what is said of these rows.
    """
    objects = {_identify(found) for found in told} - {None}
    return [found for found in warned if found.finding.subject.rows is not None and _identify(found) in objects]


def _alone(found: Found) -> Group:
    return Group([found])


def _merge_by(groups: Iterable[Group], identify: Callable[[Found], Hashable | None]) -> list[Group]:
    merged: dict[Hashable, Group] = {}
    for group in groups:
        key = identify(group.main)
        if key is None:
            merged[object()] = group
        elif key in merged:
            merged[key].members += group.members
        else:
            merged[key] = group
    return list(merged.values())


def _identify(found: Found) -> Hashable | None:
    """What tells that two findings are about one object, or say of several people what is the same."""
    finding, subject = found.finding, found.finding.subject
    if subject.who and subject.kind == "operation":
        return "operation", subject.name, finding.statement.replace(subject.who, "…")
    if subject.table and (subject.who or finding.code == "table_lost"):
        return finding.code, subject.schema, subject.table
    if finding.code == AROUND and subject.name:
        return finding.code, subject.schema, subject.name
    if finding.code in OF_ROLES and subject.name:
        return finding.code, subject.kind, subject.schema, subject.name
    if subject.kind and subject.name and subject.kind != "table":
        return subject.kind, subject.schema, subject.table, subject.name
    return None


def _identify_kind(found: Found) -> Hashable | None:
    """What tells that the same became of several objects of one table, or of the server."""
    finding, subject = found.finding, found.finding.subject
    if subject.kind in _OF_SERVER and finding.code:
        return finding.code, subject.kind
    if not subject.table or not finding.code or subject.rows is not None or subject.kind in ("table", "operation"):
        return None
    return finding.code, subject.schema, subject.table


def _merge_same_rows(groups: Sequence[Group]) -> list[Group]:
    """Makes one of groups whose wrong rows are the same, by the key of their table."""
    merged: dict[Hashable, Group] = {}
    for group in groups:
        rows = group.main.rows
        key: Hashable = object() if rows is None else rows
        if key in merged:
            merged[key].members += group.members
        else:
            merged[key] = group
    return list(merged.values())


def _read(finding: Finding, reference: Reference, difference: str = "") -> Keys:
    """The values of some columns of the evidence, as far as they are shown.

    Args:
        difference: of rows that differ in this way alone.
    """
    if not set(reference.columns) <= set(finding.columns):
        return frozenset()
    places = [finding.columns.index(column) for column in reference.columns]
    kind = finding.columns.index("difference") if difference and "difference" in finding.columns else None
    rows = [row for row in finding.rows if kind is None or row[kind] == difference]
    keys = [tuple(row[place] for place in places) for row in rows]
    return frozenset(key for key in keys if not any("‹" in value for value in key))


def _attach(groups: list[Group]) -> list[Group]:
    """Moves each group that is known to follow from another one into that, and gives those that are left."""
    causes: dict[int, Group] = {}
    of_table: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        of_table[group.main.table].append(group)
    recursing = [group for group in groups if _recurses(group)]
    gone = [group for group in groups if group.codes in ({"function_lost"}, {"type_lost"})]
    for group in groups:
        if head := _find_recursion(group, recursing):
            causes[id(group)] = head
            continue
        subjects = [found.finding.subject for found in group.members]
        named = [(reference.schema, reference.table) for subject in subjects for reference in subject.refers]
        tables = dict.fromkeys((group.main.table, *named))
        if lost := next((other for other in gone if needs_lost(group, other)), None):
            causes[id(group)] = lost
            continue
        for other in (other for table in tables if table[1] for other in of_table.get(table, ())):
            if other is not group and _leads_up(other, causes) is not group and _follows(group, other):
                causes[id(group)] = other
                break
    for group in groups:
        if id(group) in causes:
            causes[id(group)].follows.append(group)
    return [group for group in groups if id(group) not in causes]


def find_error(text: str) -> str:
    """What the server said where something failed with an error; empty where nothing did."""
    found = _ERROR.search(text)
    return found[1] if found else ""


def _recurses(group: Group) -> bool:
    """Whether a table cannot be read, since its own policies read it again."""
    said = [_RECURSION.search(found.finding.statement) for found in group.members]
    return "rows_hidden" in group.codes and any(one is not None and one[1] == group.main.table[1] for one in said)


def _find_recursion(group: Group, recursing: Sequence[Group]) -> Group | None:
    """The table whose policies never end, where that is why a group was found."""
    if group in recursing:
        return None
    texts = [found.finding.statement for found in group.members]
    names = {said[1] for text in texts if (said := _RECURSION.search(text))}
    named = [each for each in recursing if each.main.table[1] in names]
    if not names and all(_RECURSES in text for text in texts):
        named = list(recursing)
    return named[0] if len(named) == 1 else None


def _leads_up(group: Group, causes: dict[int, Group]) -> Group:
    """The cause at the head of those that a group follows from."""
    while id(group) in causes:
        group = causes[id(group)]
    return group


def _follows(group: Group, other: Group) -> bool:
    """Whether a group is known to follow from another one."""
    this, that = group.main, other.main
    if that.table[1] and this.table == that.table:
        if "table_lost" in other.codes:
            return "table_lost" not in group.codes
        for kind, effects in _EFFECTS.items():
            if kind in other.kinds and other.codes.isdisjoint(effects) and group.codes <= set(effects):
                return True
        if any("row_level_security" in code for code in other.codes) and group.codes <= set(SEEN):
            return True
        if "rows_hidden" in other.codes and "operation_fails" in group.codes:
            return True
        # The same policy may show rows and hide others.
        if this.finding.subject.remarks == that.finding.subject.remarks != () and {*group.codes, *other.codes} <= {
            *SEEN
        }:
            return (that.gravity, that.finding.statement) < (this.gravity, this.finding.statement)
        changed = {column for column, _ in this.finding.subject.changed}
        if that.finding.code == "column_type_changed" and changed == {that.finding.subject.name}:
            return True
        if _is_part(group, other) or _is_of_lost_key(group, other):
            return True
    return _is_unguarded(group, other) or _refers_to_missing(this.finding, other)


def needs_lost(group: Group, other: Group) -> bool:
    """Whether what a group is about cannot be as it was before what is gone by another one is there again."""
    return _calls_lost(group, other) or _had_lost_type(group, other)


def _had_lost_type(group: Group, other: Group) -> bool:
    """Whether a group is columns that have another type now, and another one the type that they had."""
    lost = other.main.finding.subject
    return (
        group.codes == {"column_type_changed"}
        and "type_lost" in other.codes
        and all(
            any((type_.schema, type_.table) == (lost.schema, lost.name) for type_ in found.finding.subject.refers)
            for found in group.members
        )
    )


def _calls_lost(group: Group, other: Group) -> bool:
    """Whether a group is a trigger that is gone, and another one the function that it executes."""
    lost = other.main.finding.subject
    return (
        group.codes == {"trigger_lost"}
        and "function_lost" in other.codes
        and all(f"EXECUTE FUNCTION {lost.schema}.{lost.name}(" in found.finding.statement for found in group.members)
    )


def _is_unguarded(group: Group, other: Group) -> bool:
    """Whether the constraints of a group are not enforced by triggers of a table of which others are disabled too."""
    if "trigger_disabled" not in other.codes or "constraint_unguarded" not in group.codes:
        return False
    sides = (
        {found.table, *((r.schema, r.table) for r in found.finding.subject.refers)}
        for found in group.members
        if found.finding.code == "constraint_unguarded"
    )
    return all(other.main.table in tables for tables in sides)


def _is_of_lost_key(group: Group, other: Group) -> bool:
    """Whether all of a group is about keys whose constraints or indexes another one is about."""
    if group.kinds != {"key"} or not other.kinds <= {"constraint", "index"}:
        return False
    this, that = (
        {(r.schema, r.table, frozenset(r.key)) for found in each.members for r in found.finding.subject.refers if r.key}
        for each in (group, other)
    )
    return this <= that


def _is_part(group: Group, other: Group) -> bool:
    """Whether the wrong rows of a group are some of those of another one."""
    part, whole = group.main.rows, other.main.rows
    return part is not None and whole is not None and part[0] == whole[0] and part[1] < whole[1]


def _refers_to_missing(finding: Finding, other: Group) -> bool:
    """Whether all rows that are wrong name rows that are missing according to another group."""
    for reference in finding.subject.refers:
        names = _read(finding, reference) if reference.columns else frozenset()
        if not names or len(finding.rows) < finding.wrong:
            continue
        for found in other.members:
            lost = found.finding.subject
            if (lost.schema, lost.table) != (reference.schema, reference.table) or lost.who:
                continue
            if found.finding.code in ("table_lost", "empty_table"):
                return True
            if found.finding.code in _MISSING and lost.rows is not None and lost.rows.key == reference.key:
                return names <= _read(found.finding, lost.rows, "missing")
    return False
