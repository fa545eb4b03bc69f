"""What became of each object, in words, with how grave it is and with what brings it back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from postmigration.diff.objects.direction import NONE, find_direction
from postmigration.diff.objects.matching import RELATIONS, Facts, Pair, match_objects
from postmigration.diff.objects.rules import (
    FAMILIES,
    FLAW_CHECKS,
    FLAWS,
    OFF_ON,
    PROPERTIES,
    RARE,
    Level,
    Property,
)
from postmigration.diff.objects.spelling import excerpt
from postmigration.diff.objects.texts import write_decision, write_texts
from postmigration.model.sqltext import copy_objects, quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

# These are judged fact by fact elsewhere.
ELSEWHERE = ("grant", "default privileges", "setting", "role", "extension")


@dataclass(frozen=True)
class Context:
    """What is known of two states besides their objects.

    Args:
        alike: both servers write the same definition alike: they are of one version.
        callers: of a function those of the public and of the roles of an API that may call it afterwards.
        there: the names of all objects of both states, also of those that are not compared.
        gone: the relations and columns that are gone as declared, in SQL.
    """

    alike: bool = True
    callers: Mapping[str, Collection[str]] | None = None
    there: tuple[Collection[str], Collection[str]] = ((), ())
    gone: Collection[str] = ()


@dataclass(frozen=True)
class Difference:
    """A fact that is not as it was, or not as it must be.

    Args:
        check: the family of checks that judges it.
        level: how grave it is.
        statement: what it is, in words.
        name: the object, as it is called in its own state.
        what: the rule by which it was found, by which many are told as one.
        was, now: the values, in words.
        repair: SQL that brings it back; empty where nothing short does.
        excuse: the line of a `changed_object` that declares it; empty where that is no other than for all objects.
        replaced: what is gone is there in another form.
    """

    check: str
    level: Level
    statement: str
    name: ObjectName
    what: str
    was: str = ""
    now: str = ""
    repair: str = ""
    excuse: str = ""
    replaced: bool = False

    @property
    def is_loss(self) -> bool:
        """Whether an object is gone, and none took its place."""
        return self.what == f"{self.name.kind} lost" and not self.replaced


def compare_objects(before: Objects, after: Objects, context: Context) -> Iterator[Difference]:
    """Compares two states of the objects of a database, object by object and property by property."""
    before, after = _select_judged(before), _select_judged(after)
    pairs = list(match_objects(before, after))
    holders = ({*map(str, before), *context.there[0]}, {*map(str, after), *context.there[1]})
    partitioned = {str(pair.renamed): pair for pair in pairs if pair.now is not None and pair.name.kind in RELATIONS}
    told: set[tuple[str, str, str]] = set()
    unique = {
        _key_index(pair) for pair in pairs if pair.now is not None and pair.name.kind == "index" and _is_unique(pair)
    }
    for pair in pairs:
        if pair.was is not None and pair.now is not None:
            told |= {(pair.name.kind, _holder(pair.now), rule.name) for rule, _, _ in _changes(pair, context)}
    gone = dict.fromkeys(_schemas(before) - _schemas(after), 0)
    for pair in pairs:
        # What stands in a schema goes with it.
        if pair.now is None and pair.name.schema in gone and pair.name.kind != "schema":
            gone[pair.name.schema] += pair.name.kind not in ("column", "constraint", "comment")
            continue
        if pair.was is None or pair.now is None:
            yield from _diff_names(pair, holders, context, unique)
            continue
        for rule, level, text in _changes(pair, context):
            if _is_told_by_parents(pair, rule, partitioned, told):
                continue
            if rule.name == "definition" and _took_partition_key(pair, partitioned):
                level = "warning"
            yield _difference(rule, level, text, pair, context)
    for schema, number in gone.items():
        name = next(name for name in before if name.kind == "schema" and name.name == schema)
        words = f"{name} is gone" + (f", with {number:,} object{'' if number == 1 else 's'} in it" if number else "")
        repair = copy_objects(
            "schema", quoted(schema), "the DBA: the schema with its rows, of which the target has none"
        )
        yield Difference("schemas", "blocker", words, name, "schema lost", repair=repair)


def find_flaws(before: Objects | None, after: Objects) -> Iterator[Difference]:
    """Finds what is wrong with objects whatever they were before.

    Args:
        before: the baseline; None where there is none.
    """
    pairs = [Pair(name, None, facts, name) for name, facts in after.items()]
    if before is not None:
        pairs = [pair for pair in match_objects(_select_judged(before), _select_judged(after)) if pair.now is not None]
    for pair in pairs:
        facts = _add_trigger_state(pair.now or {})
        kind = "unique index" if pair.name.kind == "index" and _is_unique(pair) else pair.name.kind
        for flaw in FLAWS:
            if flaw.kind != kind or facts.get(flaw.name) not in flaw.values or facts.get("~building") == "True":
                continue
            if flaw.kind == "trigger" and facts.get("~child") == "True" and flaw.values == ("R",):
                continue
            was = None if pair.was is None else _add_trigger_state(pair.was).get(flaw.name)
            if before is None:
                level = flaw.unknown
            elif was is None:
                level = flaw.new
            elif was in flaw.values:
                level = flaw.inherited
            elif any(rule.name == flaw.name and pair.name.kind in rule.kinds.split(",") for rule in PROPERTIES):
                continue
            else:
                level = flaw.new
            if level != "nothing":
                texts = write_texts(pair, "", facts[flaw.name], facts)
                yield Difference(
                    FLAW_CHECKS[flaw.kind],
                    level,
                    flaw.words.format_map(texts),
                    pair.renamed,
                    f"{flaw.kind}s: {flaw.name}",
                    repair=flaw.repair.format_map(texts),
                )


def _select_judged(objects: Objects) -> Objects:
    return {name: facts for name, facts in objects.items() if name.kind not in ELSEWHERE}


def _schemas(objects: Objects) -> set[str]:
    return {name.name for name in objects if name.kind == "schema"}


def _holder(facts: Facts) -> str:
    return facts.get("of", "")


def _is_unique(pair: Pair) -> bool:
    return pair.facts.get("unique") == "True"


def _key_index(pair: Pair) -> tuple[str, str]:
    """The table of a unique index, and its columns as a constraint lists them."""
    return _holder(pair.facts), pair.facts.get("definition", "").removeprefix(" USING btree ")


def _add_trigger_state(facts: Facts) -> dict[str, str]:
    """The facts with what a rule asks for: of a constraint, whether the server's own triggers are off."""
    values = dict(facts)
    if "triggers" in values:
        values["triggers"] = "disabled" if set("DR") & set(values["triggers"]) else "enabled"
    return values


def _changes(pair: Pair, context: Context) -> Iterator[tuple[Property, Level, tuple[str, str]]]:
    """The properties of an object that are others, with how grave that is."""
    was, now = _add_trigger_state(pair.was or {}), _add_trigger_state(pair.now or {})
    if pair.name.kind in RELATIONS:
        was["kind"], now["kind"] = pair.name.kind, pair.renamed.kind
    seen: set[str] = set()
    for rule in PROPERTIES:
        if pair.name.kind not in rule.kinds.split(",") or rule.name in seen:
            continue
        then, here = was.get(rule.name, NONE), now.get(rule.name, NONE)
        if (
            then == here
            or (rule.to and here != rule.to)
            or _is_no_change(pair, rule.name, was, now, alike=context.alike)
        ):
            continue
        direction = find_direction(rule.order, then, here, alike=context.alike)
        if direction is None:
            continue
        seen.add(rule.name)
        level: Level = {"weaker": rule.weaker, "stronger": rule.stronger, "other": rule.other}[direction]
        level = _temper(pair, rule.name, level, was, now, context)
        if level != "nothing":
            yield rule, level, (then, here)


def _is_no_change(pair: Pair, name: str, was: Facts, now: Facts, *, alike: bool) -> bool:
    """Whether a property that is another one says nothing: another one says it, or the server wrote it otherwise."""
    if pair.name.kind in RELATIONS and was["kind"] != now["kind"]:
        # Of what a view cannot have, that it is a view says all.
        return name != "kind"
    if pair.name.kind == "column" and was.get("of") != now.get("of"):
        return name != "type"
    if pair.name.kind in ("view", "materialized view"):
        return name == "refers to" if alike else name == "definition" and "refers to" in _differing(was, now)
    if pair.name.kind == "index" and name in ("definition", "unique"):
        # What became of a constraint's index is told of the constraint.
        return "constraint" in was and "constraint" in now
    if name == "access method":
        return "partition key" in _differing(was, now)
    if name == "generated as":
        return was.get("generated") != now.get("generated")
    if name == "replica identity":
        # That the primary key is gone is told of the key.
        return was.get("~replica") == now.get("~replica")
    if name == "default" and pair.name.kind == "column":
        # It fills itself in another way.
        return "identity" in now and was.get("default", "").startswith("nextval(")
    return name == "partition of" and (was.get("~child"), now.get("~child")) == ("", "")


def _differing(was: Facts, now: Facts) -> set[str]:
    return {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}


def _temper(pair: Pair, name: str, level: Level, was: Facts, now: Facts, context: Context) -> Level:
    """How grave a change is where more is known than its direction."""
    kind = pair.name.kind
    if kind == "function" and name == "security definer" and now.get(name) == "True":
        return "blocker" if (context.callers or {}).get(str(pair.renamed)) else "warning"
    if (
        kind == "function"
        and name in ("body", "sql body")
        and "".join(was.get(name, "").split()) == "".join(now.get(name, "").split())
    ):
        return "told"
    if kind == "column" and name == "identity" and now.get("default", "").startswith("nextval("):
        return "warning"
    if kind == "column" and name == "default" and {was.get(name, "")[:8], now.get(name, "")[:8]} == {"nextval("}:
        return "told"
    if kind == "column" and name == "type" and was.get("~checked") == "True":
        # What the domain checks, or the enum refuses, holds no longer.
        return "blocker"
    if (
        not context.alike
        and name == "definition"
        and level == "blocker"
        and kind in ("view", "materialized view", "rule")
    ):
        return "warning"
    return level


def _is_told_by_parents(
    pair: Pair, rule: Property, relations: Mapping[str, Pair], told: Collection[tuple[str, str, str]]
) -> bool:
    """Whether a property of what a partition has from its parent changed there too."""
    if (pair.now or {}).get("~child") != "True" and (pair.now or {}).get("inherited") != "True":
        return False
    holder = relations.get(_holder(pair.facts))
    parents = "" if holder is None else holder.facts.get("partition of") or holder.facts.get("inherits from", "")
    return any((pair.name.kind, f"table {parent}", rule.name) in told for parent in parents.split(", "))


def _took_partition_key(pair: Pair, relations: Mapping[str, Pair]) -> bool:
    """Whether a key has more columns because its table has become a partitioned one, whose keys must have them."""
    table = relations.get(_holder(pair.facts))
    return (
        pair.name.kind in ("constraint", "index")
        and table is not None
        and "partition key" in (table.now or {})
        and "partition key" not in (table.was or {})
    )


def _diff_names(
    pair: Pair, holders: tuple[set[str], set[str]], context: Context, unique: Collection[tuple[str, str]]
) -> Iterator[Difference]:
    facts = pair.facts
    if pair.name.kind == "schema" and pair.was is not None:
        return
    family = FAMILIES.get(pair.name.kind, RARE)
    holder = _holder(facts)
    # What stands on a table goes with it, and a partition has it from its parent.
    if holder and not all(holder in side for side in holders):
        return
    if "True" in (facts.get("~child"), facts.get("~identity"), facts.get("inherited")) or facts.get("constraint"):
        return
    texts = write_texts(pair, "", "", facts)
    if pair.was is not None:
        level, words, replaced = family.lost, f"{pair.name} is gone", False
        if facts.get("partition of") and f"table {facts['partition of']}" in holders[1]:
            level, words = "told", f"{pair.name} is gone, a partition of {facts['partition of']}"
        elif facts.get("kind") == "unique" and _as_index(facts) in unique:
            level, words, replaced = "warning", f"{pair.name} is gone, and is an index that is unique", True
        elif "definition" in facts and pair.name.kind not in ("view", "materialized view"):
            words += f": {excerpt(facts['definition'].strip(), '')[0]}"
        repair = _decide(pair, context) or family.repair.format_map(texts)
        what = f"{pair.name.kind} lost"
        yield Difference(family.check, level, words, pair.name, what, repair=repair, replaced=replaced)
        return
    level, words = family.added, f"{pair.name} is new"
    if pair.name.kind == "function" and facts.get("security definer") == "True":
        who = (context.callers or {}).get(str(pair.name), ())
        level, words = "warning", f"{pair.name} is new and runs with the rights of its owner{_may_call(who)}"
    if level == "warning":
        words += ", and nobody declared it"
    if level != "nothing":
        yield Difference(
            family.check, level, words, pair.name, f"{pair.name.kind} new", repair=family.undo.format_map(texts)
        )


def _as_index(facts: Facts) -> tuple[str, str]:
    return _holder(facts), "(" + facts.get("definition", "").partition("(")[2]


def _may_call(who: Collection[str]) -> str:
    return f", and {' and '.join(sorted(who))} may call it" if who else ""


_CALLS = re.compile(r"\bEXECUTE (?:FUNCTION|PROCEDURE) (.+)$", re.DOTALL)


def _describe_trigger(was: str, now: str) -> str:
    """That a trigger that has another definition calls another function, if it does."""
    called, calls = _CALLS.search(was), _CALLS.search(now)
    if called is None or calls is None or called[1] == calls[1]:
        return ""
    # What is filled in later takes braces for its own.
    then, here = (found[1].strip().replace("{", "{{").replace("}", "}}") for found in (called, calls))
    words = f"{{name}} calls {here}, and called {then}"
    return words if was[: called.start()] == now[: calls.start()] else f"{words}; it was {{was}}, is {{now}}"


def _decide(pair: Pair, context: Context) -> str:
    return write_decision(pair.was or {}, context.gone)


def _difference(rule: Property, level: Level, change: tuple[str, str], pair: Pair, context: Context) -> Difference:
    was, now = change
    family = FAMILIES.get(pair.name.kind, RARE)
    texts = write_texts(pair, was, now, pair.was or {})
    shown_was, shown_now = excerpt(was, now)
    who = (context.callers or {}).get(str(pair.renamed), ())
    sentence = rule.words
    if rule.order == OFF_ON and (was, now) == OFF_ON and not rule.words.startswith("{name}: {property}"):
        # The words are those for what became weaker.
        sentence = "{name}: {property} was off, is on"
    if rule.name == "security definer" and now == "False":
        sentence = "{name} runs with the rights of its caller, and ran with those of its owner"
    if rule.name == "leakproof" and now == "False":
        sentence = "{name} is no longer LEAKPROOF"
    if rule.name == "not null" and now == "yes":
        sentence = "{name} is NOT NULL, and was not"
    if pair.name.kind == "trigger" and rule.name == "definition":
        sentence = _describe_trigger(was, now) or sentence
    called = str(pair.name) if rule.name == "kind" else str(pair.renamed)
    statement = sentence.format_map(
        {**texts, "name": called, "was": shown_was, "now": shown_now, "property": rule.name, "callers": _may_call(who)}
    )
    repair = rule.repair.format_map(texts) if level in ("blocker", "warning") else ""
    if not was or (was == NONE and "{was" in rule.repair) or repair.strip() in ("", ";"):
        repair = ""
    if rule.name == "default" and "type" in _differing(pair.was or {}, pair.now or {}):
        # It comes back with the type, without which it may not fit.
        repair = ""
    if repair:
        repair = _decide(pair, context) or repair
    return Difference(
        rule.check or family.check, level, statement, pair.renamed, f"{pair.name.kind}: {rule.name}", was, now, repair
    )
