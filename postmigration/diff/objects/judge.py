"""All that became of the objects of a database, by the family of checks that judges it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from postmigration.diff.objects.compare import Context, Difference, compare_objects, find_flaws
from postmigration.diff.objects.definers import find_definers
from postmigration.diff.objects.extensions import compare_extensions, find_old_extensions
from postmigration.diff.objects.matching import RELATIONS
from postmigration.diff.objects.moved.compare import Declared, compare_moved
from postmigration.diff.objects.partitions import Sort, compare_bounds
from postmigration.diff.objects.privileges import State, compare_defaults, compare_privileges, find_callers, read_state
from postmigration.diff.objects.roles import (
    compare_owners,
    compare_roles,
    compare_settings,
    find_involved,
    find_stored_replication_role,
)
from postmigration.model.platform import PLAIN, Platform
from postmigration.postgres.schema_objects import ObjectName, Objects

# What belongs to the whole server.
_ROLES = ("role", "setting")
_ASKS_THE_LOGIN = re.compile(r"\bsession_user\b", re.IGNORECASE)
_DISCARDS = re.compile(r"\bDO INSTEAD NOTHING\s*;?\s*$", re.IGNORECASE)
_LITERAL_ID = re.compile(r"'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'", re.IGNORECASE)


@dataclass(frozen=True)
class Scope:
    """What is compared of two databases, and what is known of them.

    Args:
        schemas: the schemas of the application.
        platform: what the databases live on.
        alike: both servers write the same definition alike: they are of one version.
        database: what the database that is judged is called.
        roles: the baseline knows of owners, of what roles are, and of what is set for them.
        privileges: the baseline knows of privileges.
        runs_text: whether a function runs a text that it is given: asked with its body and the names of its arguments
            that may hold one.
        sort: orders values of a partition key.
        declared: what is declared of the objects of before, where rows moved.
    """

    schemas: Collection[str]
    platform: Platform = PLAIN
    alike: bool = True
    database: str = ""
    roles: bool = True
    privileges: bool = True
    runs_text: Callable[[str, Iterable[str]], bool] | None = None
    sort: Sort | None = None
    declared: Declared | None = None


@dataclass
class Judgement:
    """What was found, and how much was looked at, by the family of checks.

    Args:
        found: the differences.
        facts: how many facts were compared, by the kind of object.
        objects: how many objects the target has, by their kind.
    """

    found: dict[str, list[Difference]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    objects: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def judge_objects(before: Objects | None, after: Objects, scope: Scope) -> Judgement:
    """Compares all objects of a database with what they were; without a baseline, finds what is wrong with them.

    Args:
        before: the baseline; None where there is none.
    """
    judgement = Judgement()
    ours = _of_the_application(after, scope)
    theirs = None if before is None else _of_the_application(before, scope)
    for side in (ours, theirs or {}):
        for name, facts in side.items():
            judgement.facts[name.kind] += max(1, sum(key[0] != "~" for key in facts))
    for name in ours:
        judgement.objects[name.kind] += 1
    for difference in _differences(before, after, theirs, ours, scope):
        judgement.found[difference.check].append(difference)
    return judgement


def _differences(
    before: Objects | None, after: Objects, theirs: Objects | None, ours: Objects, scope: Scope
) -> Iterator[Difference]:
    state = read_state(ours, scope.platform.api_roles)
    yield from find_flaws(theirs, ours)
    yield from find_stored_replication_role(theirs if scope.roles else None, ours)
    was = None if theirs is None else read_state(theirs, scope.platform.api_roles)
    was_known = None if theirs is None or was is None or not (scope.roles and scope.privileges) else (theirs, was)
    yield from find_definers(was_known, (ours, state), scope.platform.api_roles)
    if before is None or theirs is None or was is None:
        yield from find_old_extensions(after)
        return
    callers = find_callers(state)
    there = frozenset(map(str, before)), frozenset(map(str, after))
    declared = {} if scope.declared is None else scope.declared.before
    gone = frozenset(_list_relations(declared) - _list_relations(before) - _list_relations(after))
    context = Context(scope.alike, callers, there, gone)
    yield from _list_left_out(before, after, scope)
    for difference in compare_objects(theirs, ours, context):
        yield _weigh_opening(_weigh_new_function(difference, ours, scope, callers), ours)
    yield from compare_bounds(theirs, ours, scope.sort)
    yield from compare_extensions(before, after, application=theirs)
    if scope.privileges:
        yield from compare_privileges(was, state)
        yield from compare_defaults(theirs, ours, state)
    if scope.declared is not None:
        yield from compare_moved(scope.declared, after, scope.schemas, privileges=scope.privileges)
    if scope.roles:
        yield from _of_roles(theirs, ours, (was, state), scope)


def _list_relations(objects: Objects) -> set[str]:
    """The relations and their columns in SQL, as what a view refers to is written."""
    relations = {facts["~on"] for name, facts in objects.items() if name.kind in RELATIONS}
    return relations | {f"{facts['~on']}.{name.name}" for name, facts in objects.items() if name.kind == "column"}


def _list_left_out(before: Objects, after: Objects, scope: Scope) -> Iterator[Difference]:
    """The schemas that are not compared, from both sides: one that is gone is lost, and others are told."""
    there = {name.name: name for side in (before, after) for name in side if name.kind == "schema"}
    for schema, name in sorted(there.items()):
        if schema in scope.schemas:
            continue
        platform = schema in scope.platform.schemas
        if not platform and name not in after:
            yield Difference("schemas", "blocker", f"{name} is gone", name, "schema lost")
        elif platform:
            words = f"{name} is left out: it belongs to {scope.platform.name}, and not to the application"
            yield Difference("schemas", "told", words, name, f"{name} left out")
        else:
            yield Difference("schemas", "told", f"{name} is left out", name, f"{name} left out")


def _of_roles(theirs: Objects, ours: Objects, states: tuple[State, State], scope: Scope) -> Iterator[Difference]:
    yield from compare_owners(theirs, ours)
    involved = find_involved(theirs, states[0]) | find_involved(ours, states[1])
    yield from compare_roles(*states, involved)
    yield from compare_settings(theirs, ours, involved, scope.database)


def _of_the_application(objects: Objects, scope: Scope) -> dict[ObjectName, Mapping[str, str]]:
    """The objects that the application brings; of a platform's tables what the application put on them."""
    platform = scope.platform
    calls = re.compile(rf"EXECUTE (?:FUNCTION|PROCEDURE) \"?(?:{'|'.join(map(re.escape, scope.schemas))})\"?\.")
    kept = {}
    for name, facts in objects.items():
        if name.schema:
            on_platform = name.schema in platform.schemas and (
                name.kind == "policy" or (name.kind == "trigger" and bool(calls.search(facts["definition"])))
            )
            if name.schema in scope.schemas or on_platform:
                kept[name] = facts
        elif name.kind in (*_ROLES, "default privileges", "comment") or facts.get("owner") not in platform.owners:
            kept[name] = facts
    return kept


def _weigh_new_function(
    difference: Difference, objects: Objects, scope: Scope, callers: Mapping[str, Collection[str]]
) -> Difference:
    """A new function that runs what it is given, or believes whom it must not, is graver than another one."""
    if difference.what != "function new":
        return difference
    facts = objects[difference.name]
    body = facts.get("body") or facts.get("sql body", "")
    who = callers.get(str(difference.name))
    if who and scope.runs_text is not None and scope.runs_text(body, facts.get("~texts", "").split()):
        words = f"{difference.name} is new, runs a text that it is given, and {' and '.join(sorted(who))} may call it"
        return replace(difference, level="blocker", statement=words, repair=f"DROP ROUTINE {facts['~on']};")
    for pattern, what in ((_ASKS_THE_LOGIN, "asks for session_user"), (_LITERAL_ID, "decides by an id in its text")):
        if difference.level == "told" and pattern.search(body):
            return replace(difference, level="warning", statement=f"{difference.name} is new and {what}")
    return difference


def _weigh_opening(difference: Difference, objects: Objects) -> Difference:
    """A new policy that lets everybody pass, and a new rule by which nothing is written, are graver than others."""
    facts = objects.get(difference.name, {})
    if difference.what == "policy new" and facts.get("permissive") == "True":
        opened = [what for what in ("using", "check") if facts.get(what) == "true"]
        if opened:
            words = (
                f"{difference.name} is new, and lets {facts.get('roles')} pass for {facts.get('command')} of any row"
            )
            return replace(difference, level="blocker", statement=words)
    if (
        difference.what == "rule new"
        and _DISCARDS.search(facts.get("definition", ""))
        and facts.get("enabled") in ("O", "A")
    ):
        words = f"{difference.name} is new, and lets nothing be written without an error"
        return replace(difference, level="blocker", statement=words)
    return difference
