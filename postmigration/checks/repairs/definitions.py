"""How definitions become again what the state before and the migration's scripts say: policies, triggers, functions.

Who sees and may what is decided by many of them together. What neither the state before nor a script has made, and
stands on a table of which something was found, or is named in what was found, is a stranger: it is offered to go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from postmigration.checks.scripts.reading import Made
from postmigration.diff.objects.texts import write_type
from postmigration.model.evidence import Finding, escape
from postmigration.model.sqltext import AFTER_ROWS, DECISION, as_comment, quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

_ON_TABLES = {"policy": "POLICY", "trigger": "TRIGGER", "rule": "RULE"}
_USED = {"function": "ROUTINE", "view": "TABLE", "materialized view": "TABLE", "table": "TABLE"}
_DECIDING = ("body", "sql body", "security definer", "search_path", "volatility", "strict")
# What statements say that drop an object which nothing defines.
_DROPPED = {
    "DROP POLICY ": "policies",
    "DROP TRIGGER ": "triggers",
    "DROP RULE ": "rules",
    " DROP CONSTRAINT ": "constraints",
}
_EVERYBODY = ("anon", "authenticated")
# Of more triggers than these none is known to be the one.
_NAMED = 2
Name = tuple[str, str]


def restore_definitions(
    before: Objects | None, after: Objects, made: Sequence[Made], tables: Collection[Name], words: str
) -> str:
    """The SQL that says again what was defined; nothing where all of it stands as it was said.

    Args:
        before: the objects of the state before; None where there is none.
        after: those of the database.
        made: what the migration's scripts make.
        tables: the tables of which something was found, by schema and name.
        words: what was found, which names objects.
    """
    strangers = [*_drop_strangers(before, after, made, tables, words)]
    lines = [
        *_restore_columns(before, after, tables),
        *_restore_functions(before, after, made, words),
        *strangers,
        *_restore_security(before, after, made, tables),
        *_restore_on_tables(after, made, tables),
    ]
    if not lines:
        return ""
    return "\n".join(
        [
            AFTER_ROWS,
            as_comment(_say_who(before, made, strangers, back=len(lines) > len(strangers))),
            "BEGIN;",
            *lines,
            "COMMIT;",
        ]
    )


def _say_who(before: Objects | None, made: Sequence[Made], strangers: Sequence[str], *, back: bool) -> str:
    """Who runs it, what it does, and what it risks.

    Args:
        back: it does more than to drop strangers.
    """
    sources = [*(["the state before"] if before is not None else []), *dict.fromkeys(one.script for one in made)]
    dropped = [what for statement, what in _DROPPED.items() if any(statement in line for line in strangers)]
    closes = any("REVOKE ALL ON " in line for line in strangers)
    unknown = f"that are not in {_list(sources, 'or')}" if sources else "that no script makes"
    aside = [f"drops {_list(dropped)}"] if dropped else []
    aside += ["revokes all privileges of PUBLIC and the roles of the API on objects"] if closes else []
    does = [
        f"sets definitions back to those of {_list(sources)}" if sources and back else "",
        f"{_list(aside)} {unknown}" if aside else "",
    ]
    risk = "what somebody added on purpose since then is dropped or closed too; " if strangers else ""
    return (
        f"the DBA runs it after the developer has agreed: it {_list([*filter(None, does)])}. Risk: {risk}"
        "tables are locked for a moment"
    )


def _list(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _restore_columns(before: Objects | None, after: Objects, tables: Collection[Name]) -> Iterator[str]:
    """Columns of before with their types and defaults; a value that is too long for one is an error."""
    for name, was in (before or {}).items():
        now = after.get(name)
        if name.kind != "column" or now is None or (name.schema, name.table) not in tables or not _can_be_written(now):
            continue
        at = f"ALTER TABLE {now['~on']} ALTER COLUMN {now['~id']}"
        if was["type"] != now["type"]:
            yield write_type(now["~on"], now["~id"], was, now)
        elif was.get("default") != now.get("default") and "default" in was:
            yield f"{at} SET DEFAULT {was['default']};"


def _restore_functions(before: Objects | None, after: Objects, made: Sequence[Made], words: str) -> Iterator[str]:
    ours = {one.name for one in made if one.kind == "function"}
    for name, was in (before or {}).items():
        now = after.get(name)
        if name.kind == "function" and (name.schema, name.name) not in ours and was.get("~sql"):
            if now is None and not _is_named(name.name, words):
                continue
            if now is None or any(was.get(fact) != now.get(fact) for fact in _DECIDING):
                yield f"{was['~sql'].rstrip().rstrip(';')};"
    there: dict[Name, list[Mapping[str, str]]] = {}
    for name, facts in after.items():
        if name.kind == "function":
            there.setdefault((name.schema, name.name), []).append(facts)
    for one in made:
        if one.kind == "function" and (
            _is_named(one.name[1], words)
            or not any(facts.get("body", "").strip() == one.body.strip() for facts in there.get(one.name, ()))
        ):
            yield one.text
            yield from (grant.text for grant in made if grant.kind == "grant" and _is_named(one.name[1], grant.text))


def name_triggers(finding: Finding, before: Objects | None, after: Objects, made: Sequence[Made]) -> Finding:
    """Says of a refusal on a table which of its triggers may be why: one or two that neither state nor script has.

    Args:
        finding: what the database refuses.
        before: the objects of the state before; nothing is said where there is none.
        after: those of the database.
        made: what the migration's scripts make.
    """
    subject, ours = finding.subject, {(one.name[1], one.table) for one in made if one.kind == "trigger"}
    if finding.code != "refused" or before is None or not subject.table:
        return finding
    table = (subject.schema, subject.table)
    new = [
        name.name
        for name in after
        if name.kind == "trigger" and (name.schema, name.table) == table and name not in before
        if (name.name, table) not in ours
    ]
    if not 0 < len(new) <= _NAMED:
        return finding
    names = " and ".join(f"the trigger {escape(quoted(name))}" for name in new)
    stand = "was not there before and stands" if len(new) == 1 else "were not there before and stand"
    words = f"{names} on {escape(quoted(subject.table))} {stand} in no script"
    return replace(finding, statement=f"{finding.statement}; {words}", subject=replace(subject, remarks=(words,)))


def _drop_strangers(
    before: Objects | None, after: Objects, made: Sequence[Made], tables: Collection[Name], words: str
) -> Iterator[str]:
    ours = {(one.kind, one.name[1], one.table) for one in made} | {(one.kind, *one.name) for one in made}
    # Without a state before, what no script has made may have stood there for years.
    prefix = DECISION if before is None else ""
    for name, facts in after.items():
        table = (name.schema, name.table)
        if (before is not None and name in before) or not _can_be_written(facts):
            continue
        if name.kind in _ON_TABLES and table in tables and (name.kind, name.name, table) not in ours:
            yield f"{prefix}DROP {_ON_TABLES[name.kind]} IF EXISTS {facts['~id']} ON {facts['~on']};"
        elif name.kind == "constraint" and table in tables and _is_strange_check(name, facts, made):
            yield f"{prefix}ALTER TABLE {facts['~on']} DROP CONSTRAINT IF EXISTS {facts['~id']};"
        elif name.kind in _USED and (name.kind, name.schema, name.name) not in ours and _is_named(name.name, words):
            yield from (f"{prefix}{line}" for line in _withdraw(name, facts, after))


def _is_strange_check(name: ObjectName, facts: Mapping[str, str], made: Sequence[Made]) -> bool:
    """Whether a constraint is a condition that no script names; of keys and references scripts seldom say the name."""
    creating = [one for one in made if one.text[:6].upper() == "CREATE"]
    named = any(name.table == one.name[1] or _is_named(name.name, one.text) for one in creating)
    return facts.get("definition", "").startswith("CHECK") and not named


def _withdraw(name: ObjectName, facts: Mapping[str, str], after: Objects) -> Iterator[str]:
    """Takes an object from those whom an API lets in; what it holds stays."""
    roles = [role for role in _EVERYBODY if any(one.kind == "role" and one.name == role for one in after)]
    yield f"REVOKE ALL ON {_USED[name.kind]} {facts['~on']} FROM {', '.join(['PUBLIC', *roles])};"
    if name.kind == "table":
        yield f"ALTER TABLE {facts['~on']} ENABLE ROW LEVEL SECURITY;"


def _restore_security(
    before: Objects | None, after: Objects, made: Sequence[Made], tables: Collection[Name]
) -> Iterator[str]:
    said = {one.name for one in made if one.kind == "security"}
    for name, facts in after.items():
        if name.kind != "table" or (name.schema, name.name) not in tables or facts["row-level security"] == "True":
            continue
        if (before or {}).get(name, {}).get("row-level security") == "True" or (name.schema, name.name) in said:
            yield f"ALTER TABLE {facts['~on']} ENABLE ROW LEVEL SECURITY;"


def _restore_on_tables(after: Objects, made: Sequence[Made], tables: Collection[Name]) -> Iterator[str]:
    standing = {(name.kind, name.name, (name.schema, name.table)): facts for name, facts in after.items()}
    for one in made:
        facts = standing.get((one.kind, one.name[1], one.table))
        if one.kind == "grant" and any(_is_table_of(one.text, table) for table in tables):
            yield one.text
        if one.table not in tables:
            continue
        if one.kind == "policy":
            # Whether it stands there as it was said, its text does not tell: the server writes it otherwise.
            yield f"DROP POLICY IF EXISTS {quoted(one.name[1])} ON {quoted(one.table[0])}.{quoted(one.table[1])};"
            yield one.text
        elif one.kind == "altered policy" and not re.search(r"\sRENAME\s+TO\s", one.text, re.I):
            yield one.text
        elif one.kind == "trigger" and (
            facts is None or facts.get("enabled") != "O" or not _calls_the_same(one.text, facts.get("definition", ""))
        ):
            yield one.text
            yield (f"ALTER TABLE {quoted(one.table[0])}.{quoted(one.table[1])} ENABLE TRIGGER {quoted(one.name[1])};")


def _calls_the_same(trigger: str, definition: str) -> bool:
    """Whether a trigger calls the function that the statement names."""
    named = re.search(r"\bEXECUTE\s+(?:FUNCTION|PROCEDURE)\s+(?:\w+\.)?(\w+)", trigger, re.IGNORECASE)
    return named is None or _is_named(named[1], definition)


def _is_table_of(grant: str, table: Name) -> bool:
    """Whether a GRANT or REVOKE is of this table, and of nothing else but tables."""
    return re.search(
        rf"\bON\s+(TABLE\s+)?[^;]*\b{re.escape(table[1])}\b[^;(]*\b(TO|FROM)\b", grant, re.I
    ) is not None and (re.search(r"\bON\s+(FUNCTION|SCHEMA|SEQUENCE|ROUTINE|ALL)\b", grant, re.I) is None)


def _is_named(name: str, words: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", words) is not None


def _can_be_written(facts: Mapping[str, str]) -> bool:
    return all(text.isprintable() for text in (facts.get("~on", ""), facts.get("~id", "")))
