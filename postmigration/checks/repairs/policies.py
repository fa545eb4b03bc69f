"""Which policies may be why people see or may do something else: those that are gone, changed, or nobody's.

Only what the catalogs show is said, beside the state before and beside what the scripts of the migration make.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from postmigration.checks.scripts.reading import Made
from postmigration.diff.objects.matching import match_objects
from postmigration.diff.objects.spelling import same_text
from postmigration.model.evidence import Finding, escape
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

_FEWER, _MORE = ("rows_hidden", "write_lost", "operation_fails"), ("rows_open", "write_gained")
# Findings of what people see, which policies for reading decide alone.
_READ = ("rows_hidden", "rows_open")
# Of more policies than these none is known to be the one.
_NAMED = 2
_COMMENT_OR_TEXT = re.compile(r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
_CONDITION = re.compile(r"\b(?:USING|WITH\s+CHECK)\s*\(", re.IGNORECASE)
_COMMAND = re.compile(r"\bFOR\s+(ALL|SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_RESTRICTIVE = re.compile(r"\bAS\s+RESTRICTIVE\b", re.IGNORECASE)
# The server writes texts of letters as they stand, and others by their type.
_TEXT = re.compile(r"'([A-Za-z][A-Za-z _-]+)'")
_NO_TEXTS = {"true", "false", "yes", "no", "on", "off", "now", "today", "tomorrow", "yesterday", "infinity", "epoch"}
_REFUSED = re.compile(r'policy for (?:table|relation) "((?:[^"]|"")+)"')
Name = tuple[str, str]


@dataclass(frozen=True)
class Deviation:
    """A policy, or row-level security as a whole, that is not as it was or was to be.

    Args:
        table: the table on which it stands, by its schema and name.
        command: what it is about: `SELECT` and so on, or `ALL`.
        name: what it is called in a sentence.
        what: how it deviates.
        fewer, more: that may let people see or do less, or more.
    """

    table: Name
    command: str
    name: str
    what: str
    fewer: bool
    more: bool

    @property
    def words(self) -> str:
        """It in words, with its table."""
        return f"{self.name} on {escape(self.table[1])}{self.what}"


def find_deviations(
    before: Objects | None,
    after: Objects,
    made: Sequence[Made],
    declared: Collection[str] = (),
    *,
    whole: str = "",
) -> Iterator[Deviation]:
    """Finds the policies that are gone, changed, or made by nobody, beside the state before and the scripts.

    Args:
        before: the objects of the state before, as the declared changes leave them; None where there is none.
        after: those of the database.
        made: what the migration's scripts make, and which policies they drop; without a state before those of the
            schema before, too, where there are some.
        declared: the names of the objects that the migration is declared to change.
        whole: the text of the scripts where they make the whole schema.
    """
    altered = {(one.name[1], one.table) for one in made if one.kind == "altered policy"}
    ours = altered | {(one.name[1], one.table) for one in made if one.kind in ("policy", "no policy")}
    policies, standing = (
        {name: side[name] for name in side if name.kind == "policy"} for side in (before or {}, after)
    )
    # As everywhere one under another name is the same.
    for pair in match_objects(policies, standing):
        key, new = _identify(pair.name), _identify(pair.renamed)
        if {key, new} & ours or {pair.name, pair.renamed} & {*declared}:
            continue
        if pair.was is not None and pair.now is None:
            yield _tell(key, pair.was, " of before is gone", lost=True)
        elif pair.was is not None and pair.now is not None and not _is_as_before(pair.was, pair.now):
            yield _tell(new, pair.now, " is not as it was before", lost=True, new=True)
        elif pair.now is not None and before is not None and pair.was is None:
            yield _tell(new, pair.now, " was not there before", new=True)
        elif pair.now is not None and before is None and whole and not _is_made(pair.name.name, whole):
            yield _tell(new, pair.now, " is in no script of the project", new=True)
    found = {_identify(name): facts for name, facts in standing.items()}
    for one in made:
        key = one.name[1], one.table
        if one.kind != "policy" or key in altered:
            continue
        if (now := found.get(key)) is None:
            yield _tell(key, _read_facts(one.text), f", which {escape(one.script)} makes, is missing", lost=True)
        elif not _is_as_said(one, now, after):
            yield _tell(key, now, f" is not as {escape(one.script)} makes it", lost=True, new=True)
    yield from _find_security(before, after, made)


def name_policies(finding: Finding, tables: Collection[Name], deviations: Sequence[Deviation]) -> Finding:
    """Says of what people see or may do which policies may be why; nothing where they are too many.

    Args:
        finding: what people see or may do.
        tables: the tables that it may be about, where its subject does not say which.
    """
    subject = finding.subject
    table = (subject.schema, subject.table) if subject.table else None
    named = {name.replace('""', '"') for name in _REFUSED.findall(finding.statement)}
    if named and subject.kind == "operation":
        table, tables = None, [one for one in tables if one[1] in named]
    fewer, more = finding.code in _FEWER, finding.code in _MORE
    # A policy that is new and refuses every statement lets people see less.
    either = "infinite recursion detected in policy" in finding.statement
    found = [
        one
        for one in deviations
        if (one.table == table if table else one.table in tables)
        and ((fewer and (one.fewer or either)) or (more and one.more))
        and (finding.code not in _READ or one.command in ("SELECT", "ALL"))
        # Nobody writes since a policy lets them read, and of which table that was is not always known.
        and (finding.code != "write_gained" or one.command != "SELECT")
    ]
    if subject.remarks or not 0 < len(found) <= _NAMED:
        return finding
    remarks = tuple(one.words for one in found)
    subject = replace(subject, remarks=remarks)
    if not subject.table and finding.code == "write_gained" and len({one.table for one in found}) == 1:
        subject = replace(subject, schema=found[0].table[0], table=found[0].table[1])
    return replace(finding, statement="; ".join([finding.statement, *remarks]), subject=subject)


def _identify(name: ObjectName) -> tuple[str, Name]:
    return name.name, (name.schema, name.table)


def _is_made(policy: str, scripts: str) -> bool:
    """Whether scripts name a policy, also where they are not read statement by statement."""
    return re.search(rf'\bPOLICY\s+(?:IF\s+EXISTS\s+)?"?{re.escape(policy)}(?!\w)', scripts, re.IGNORECASE) is not None


def _is_as_before(was: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether nothing shows that a policy is another one than it was, whatever version wrote it."""
    same = all(was.get(fact) == now.get(fact) for fact in ("permissive", "command", "roles"))
    return same and all(same_text(was.get(k, ""), now.get(k, ""), alike=False) for k in ("using", "check"))


def _tell(
    key: tuple[str, Name], facts: Mapping[str, str], what: str, *, lost: bool = False, new: bool = False
) -> Deviation:
    name, table = key
    command, permissive = facts.get("command", "ALL"), facts.get("permissive") != "False"
    words = [*([] if permissive else ["restrictive"]), *([] if command == "ALL" else [command]), "policy"]
    fewer, more = (lost, new) if permissive else (new, lost)
    return Deviation(table, command, f"the {' '.join(words)} {escape(quoted(name))}", what, fewer, more)


def _find_security(before: Objects | None, after: Objects, made: Sequence[Made]) -> Iterator[Deviation]:
    """The tables whose row-level security is off though it was on or was to be, or is on and was not."""
    said = {one.name: one.script for one in made if one.kind == "security"}
    for name, facts in after.items():
        if name.kind != "table":
            continue
        table, was = (name.schema, name.name), (before or {}).get(name, {}).get("row-level security")
        now = facts.get("row-level security")
        if now == "False" and (was == "True" or table in said):
            what = (
                " is off, and was on before" if was == "True" else f" is off, and {escape(said[table])} switches it on"
            )
            yield Deviation(table, "ALL", "row-level security", what, fewer=False, more=True)
        elif now == "True" and was == "False" and table not in said:
            yield Deviation(table, "ALL", "row-level security", " is on, and was off before", fewer=True, more=False)


def _read_facts(text: str) -> dict[str, str]:
    """What a statement says of a policy before its conditions."""
    head = _split_head(text)[0]
    command = _COMMAND.search(head)
    return {
        "command": command[1].upper() if command else "ALL",
        "permissive": str(_RESTRICTIVE.search(head) is None),
    }


def _split_head(text: str) -> tuple[str, str]:
    """What a statement says before its conditions, without names in quotes, and these; both without comments."""
    text = _COMMENT_OR_TEXT.sub(lambda match: " " if match[0][0] in "-/" else match[0], text)
    # People name policies after what they are for: a name says nothing.
    head = _COMMENT_OR_TEXT.sub(lambda match: "x" * len(match[0]), text)
    found = _CONDITION.search(head)
    return (head[: found.start()], text[found.start() :]) if found else (head, "")


def _is_as_said(one: Made, now: Mapping[str, str], after: Objects) -> bool:
    """Whether nothing shows that a policy is another one than a statement makes.

    The server writes conditions in its own way: only the functions and tables that they name are compared, and texts.
    """
    if any(now.get(fact) != value for fact, value in _read_facts(one.text).items()):
        return False
    condition, stands = _split_head(one.text)[1], f"{now.get('using', '')} {now.get('check', '')}"
    names = {name.name.partition("(")[0] for name in after if name.kind in ("function", "table", "view")}
    # The server puts the name of its own table before columns.
    names.discard(one.table[1])
    texts = [_list_texts(text) - names for text in (condition, stands)]
    # A name within a text is none.
    words = [set(re.findall(r"[\w$]+", re.sub(r"'(?:[^']|'')*'", "", text).lower())) for text in (condition, stands)]
    called = [{name for name in names if name.lower() in said} for said in words]
    # The server writes the columns that a * stands for.
    return texts[0] == texts[1] and (called[0] <= called[1] if "*" in condition else called[0] == called[1])


def _list_texts(condition: str) -> set[str]:
    return {text for text in _TEXT.findall(condition) if text.lower() not in _NO_TEXTS}
