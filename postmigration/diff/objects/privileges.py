"""What roles may do, before and afterwards, one fact at a time: what they lost, and what strangers got."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.diff.objects.rules import Level
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

PUBLIC = "PUBLIC"
_ROWS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_BY_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})
# What everybody has without a grant, where nothing else is said.
_BUILT_IN = {"functions": {(PUBLIC, "EXECUTE")}, "types": {(PUBLIC, "USAGE")}}
# Functions that nobody can call by name.
_UNCALLED = frozenset({"trigger", "event_trigger"})

# What stands in no schema, and how GRANT calls it.
_OUTSIDE = {
    "foreign server": "FOREIGN SERVER",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "language": "LANGUAGE",
}
# What is on every server, whether anything is granted on it or not.
_ALWAYS_THERE = frozenset({"database", "parameter"})

# On what, on which column of it, who, and what: as GRANT says it.
_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class State:
    """The privileges of one state, and what is needed to weigh them.

    Args:
        grants: by what is granted on what to whom, the facts.
        things: what can be granted on, by how GRANT names it.
        roles: the roles, by their names; none where the state holds none.
        members: the roles whose rights each role has, through others too.
        strangers: the public and the roles of an API.
        columns: the columns of each table, by how GRANT names it.
        entered: the schemas that anybody but their owner can use, by how GRANT names them.
        schemas: how GRANT names a schema, by its name.
    """

    grants: Mapping[_Key, Facts]
    things: Mapping[str, tuple[ObjectName, Facts]]
    roles: Mapping[str, Facts]
    members: Mapping[str, Collection[str]]
    strangers: Collection[str]
    columns: Mapping[str, Collection[str]] = field(default_factory=dict)
    entered: Collection[str] = frozenset()
    schemas: Mapping[str, str] = field(default_factory=dict)

    def holds(self, key: _Key) -> bool:
        """Whether a role has a privilege, by whatever grant, or as the owner or a superuser."""
        on, column, role, privilege = key
        if role != PUBLIC:
            thing = self.things.get(on)
            if self.roles.get(role, {}).get("rolsuper") == "True":
                return True
            if thing is not None and thing[1].get("owner") in {role, *self.members.get(role, ())}:
                return True
        ways = {role, PUBLIC, *self.members.get(role, ())}
        if any((on, part, way, privilege) in self.grants for way in ways for part in {column, ""}):
            return True
        parts = self.columns.get(on, ())
        return (
            not column
            and privilege in _BY_COLUMNS
            and bool(parts)
            and all(any((on, part, way, privilege) in self.grants for way in ways) for part in parts)
        )

    def reaches(self, role: str, schema: str) -> bool:
        """Whether a role can use what stands in a schema; of the public, whether any role can."""
        if role == PUBLIC:
            return self.schemas.get(schema) in self.entered
        return self.holds((self.schemas.get(schema, ""), "", role, "USAGE"))

    def is_stranger(self, role: str) -> bool:
        """Whether what a role may do, anybody may who has the address of the API."""
        return role in self.strangers or any(role in self.members.get(name, ()) for name in self.strangers)

    def opens(self, on: str, privilege: str) -> bool:
        """Whether a privilege on something lets strangers at rows, or at what a function's owner may do."""
        name, facts = self.things[on]
        if name.kind == "function":
            return facts.get("security definer") == "True" and facts.get("returns") not in _UNCALLED
        if name.kind not in RELATIONS:
            return False
        if privilege == "TRUNCATE":
            return name.kind in ("table", "foreign table")
        if privilege not in _ROWS:
            return False
        if name.kind == "view":
            return facts.get("security_invoker") != "True"
        return name.kind == "materialized view" or facts.get("row-level security") != "True"


def read_state(objects: Objects, strangers: Collection[str]) -> State:
    """Reads what roles may do from the objects of a state.

    Args:
        strangers: the roles of an API.
    """
    roles = {name.name: facts for name, facts in objects.items() if name.kind == "role"}
    grants, columns = {}, defaultdict(set)
    things: dict[str, tuple[ObjectName, Facts]] = {}
    for name, facts in objects.items():
        if name.kind == "grant":
            on = facts["~on"]
            if facts.get("~what") in _ALWAYS_THERE:
                on = facts["~on"] if facts["~what"] == "parameter" else "DATABASE"
                things[on] = (
                    ObjectName(facts["of"], facts["~what"]),
                    {"~target": facts["~on"], "owner": facts.get("~owner", "")},
                )
            grants[on, facts.get("~column", ""), facts["~role"], facts["~privilege"]] = facts
        elif name.kind == "column":
            columns[f"TABLE {facts['~on']}"].add(facts["~id"])
        elif target := name_target(name, facts):
            things[target] = name, facts
    direct = {role: set(filter(None, facts.get("member of", "").split(", "))) for role, facts in roles.items()}
    members = {role: _reach(role, direct) for role in direct}
    entered = {on for on, _, _, privilege in grants if privilege == "USAGE"}
    schemas = {name.name: on for on, (name, _) in things.items() if name.kind == "schema"}
    return State(grants, things, roles, members, {PUBLIC, *strangers}, columns, entered, schemas)


def name_target(name: ObjectName, facts: Facts) -> str:
    """What GRANT calls an object; empty where it knows none of its kind."""
    if name.kind in RELATIONS:
        return f"TABLE {facts['~on']}"
    if name.kind == "schema":
        return f"SCHEMA {facts['~on']}"
    if name.kind in _OUTSIDE:
        return f"{_OUTSIDE[name.kind]} {quoted(name.name)}"
    words = {"sequence": "SEQUENCE", "function": "ROUTINE", "type": "TYPE"}
    return f"{words[name.kind]} {facts['~on']}" if name.kind in words else ""


def _reach(role: str, direct: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [role]
    while waiting:
        new = set(direct.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def find_callers(state: State) -> dict[str, Collection[str]]:
    """The public and the roles of an API that may call a function, by what the function is called."""
    found: dict[str, set[str]] = defaultdict(set)
    for on, _, role, privilege in state.grants:
        if privilege == "EXECUTE" and role in state.strangers:
            name, facts = state.things[on]
            if facts.get("returns") not in _UNCALLED and state.reaches(role, name.schema):
                found[str(name)].add(role)
    return dict(found)


def compare_privileges(before: State, after: State) -> Iterator[Difference]:
    """Compares what is granted in two states: what is lost blocks, and so does what opens rows to strangers."""
    standing = {
        on: (name, {**facts, "~target": "DATABASE …"} if name.kind == "database" else facts)
        for on, (name, facts) in before.things.items()
        if name.kind in _ALWAYS_THERE
    }
    after = replace(after, things={**standing, **after.things})
    lost: dict[tuple[str, str, str, Level], list[str]] = defaultdict(list)
    for key in before.grants.keys() - after.grants.keys():
        on, column, role, privilege = key
        gone = column and column not in after.columns.get(on, ())
        if on in after.things and not gone and not after.holds(key) and (role == PUBLIC or _is_known(role, after)):
            # PostgreSQL 15 no longer lets everybody create there, and a dump of before does not say so.
            meant = key == ("SCHEMA public", "", PUBLIC, "CREATE")
            lost[on, column, role, "warning" if meant else "blocker"].append(privilege)
    gained: dict[tuple[str, str, str, Level], list[str]] = defaultdict(list)
    for key in after.grants.keys() - before.grants.keys():
        on, column, role, privilege = key
        if on not in after.things or before.holds(key):
            continue
        # A fingerprint of an older version holds no grant on what stands in no schema.
        if "DATABASE" not in before.things and after.things[on][0].kind in (*_OUTSIDE, *_ALWAYS_THERE):
            continue
        there = on in before.things or after.things[on][0].kind in _ALWAYS_THERE
        new = not there or bool(column and column not in before.columns.get(on, ()))
        level: Level = "told" if new else "warning"
        if after.is_stranger(role) and _opens(after, key):
            level = "blocker"
        gained[on, column, role, level].append(privilege)
    yield from _missing_roles(before, after)
    yield from _find_lost_options(before, after)
    for (on, column, role, level), privileges in sorted(lost.items()):
        yield _diff_grants(after, (on, column, role), privileges, level, lost=True)
    for (on, column, role, level), privileges in sorted(gained.items()):
        if level == "warning" and (on, column, role, "blocker") in gained:
            continue
        also = gained.get((on, column, role, "warning"), ()) if level == "blocker" else ()
        yield _diff_grants(after, (on, column, role), privileges, level, lost=False, also=also, before=before)


def _find_lost_options(before: State, after: State) -> Iterator[Difference]:
    for key in sorted(before.grants.keys() & after.grants.keys()):
        on, column, role, privilege = key
        if (before.grants[key]["~option"], after.grants[key]["~option"]) == ("True", "False"):
            name, facts = after.things[on]
            words = f"{role} may no longer grant {privilege} on {name} to others"
            what = f"{privilege} ({column})" if column else privilege
            target = facts.get("~target", on)
            repair = f"GRANT {what} ON {target} TO {quoted(role)} WITH GRANT OPTION;"
            yield Difference("privileges", "blocker", words, name, "grant option lost", repair=repair)


def _is_known(role: str, state: State) -> bool:
    return not state.roles or role in state.roles


def _opens(state: State, key: _Key) -> bool:
    """Whether a privilege opens something to strangers, by itself or by what a schema holds."""
    on, _, role, privilege = key
    name, _ = state.things[on]
    if name.kind == "schema":
        return privilege == "USAGE" and any(
            state.things[other][0].schema == name.name and holder in (role, PUBLIC) and state.opens(other, granted)
            for other, _, holder, granted in state.grants
            if other in state.things and other != on
        )
    return state.opens(on, privilege) and state.reaches(role, name.schema)


def _diff_grants(
    state: State,
    what: tuple[str, str, str],
    privileges: Collection[str],
    level: Level,
    *,
    lost: bool,
    also: Collection[str] = (),
    before: State | None = None,
) -> Difference:
    """A difference in what a role may do with something.

    Args:
        also: privileges that came with them, and are less grave.
        before: the state before, where something was gained.
    """
    on, column, role = what
    name, facts = state.things[on]
    was = before.things.get(on) if before is not None else None
    granted = ", ".join(sorted(privileges))
    where = f"column {column} of {name}" if column else str(name)
    grantee = role if role == PUBLIC else quoted(role)
    parts = ", ".join(f"{p} ({column})" if column else p for p in sorted({*privileges, *also}))
    on = facts.get("~target", on)
    # A procedure is a routine too.
    if lost:
        words, repair = f"{role} no longer has {granted} on {where}", f"GRANT {parts} ON {on} TO {grantee};"
    else:
        words, repair = f"{role} now has {granted} on {where}", f"REVOKE {parts} ON {on} FROM {grantee};"
        if level == "blocker":
            words += f": {_why(name, facts, privileges, {} if was is None else was[1])}"
        if also:
            words += f"; {', '.join(sorted(also))} besides"
    return Difference("privileges", level, words, name, "lost" if lost else "gained", repair=repair)


def _why(name: ObjectName, facts: Facts, privileges: Collection[str], was: Facts) -> str:
    if name.kind == "function":
        return "it runs with the rights of its owner"
    if name.kind == "schema":
        return "what stands there and is granted to it lies open"
    if name.kind in ("view", "materialized view"):
        return "it shows rows with the rights of its owner"
    if facts.get("row-level security") == "True":
        return "row-level security does not stop TRUNCATE"
    return f"it has no row-level security{', as before' if was.get('row-level security') == 'False' else ''}"


def _missing_roles(before: State, after: State) -> Iterator[Difference]:
    if not after.roles or not before.roles:
        return
    held: dict[str, int] = defaultdict(int)
    for on, _, role, _ in before.grants:
        held[role] += on in after.things
    for role, number in sorted(held.items()):
        if role != PUBLIC and number and role not in after.roles:
            words = f"the role {role} is not there: it held {number:,} privilege{'' if number == 1 else 's'} here"
            name = ObjectName(f"role {role}", "role", "", role)
            yield Difference("privileges", "blocker", words, name, "role lost", repair=f"CREATE ROLE {quoted(role)};")


def compare_defaults(before: Objects, after: Objects, after_state: State) -> Iterator[Difference]:
    """Compares what is granted on objects that are yet to be made."""
    sides = [{n: f for n, f in side.items() if n.kind == "default privileges"} for side in (before, after)]
    for name in sorted({*sides[0], *sides[1]}):
        facts = sides[1].get(name) or sides[0][name]
        was, now = (_find_default_grants(name, side.get(name)) for side in sides)
        role = facts["~role"]
        if not _is_known(role, after_state):
            continue
        for lost, found in ((True, was - now), (False, now - was)):
            for grantee, privilege in sorted(found):
                to = grantee if grantee == PUBLIC else quoted(grantee)
                what = f"{privilege} on {facts['~kind']}"
                if lost:
                    words = f"{name} no longer grant {what} to {grantee}"
                    repair = f"{facts['~for']} GRANT {privilege} ON {facts['~kind'].upper()} TO {to};"
                else:
                    words = f"{name} grant {what} to {grantee}, and did not"
                    repair = f"{facts['~for']} REVOKE {privilege} ON {facts['~kind'].upper()} FROM {to};"
                level: Level = "blocker" if lost else "warning"
                yield Difference("default_privileges", level, words, name, "lost" if lost else "gained", repair=repair)


def _find_default_grants(name: ObjectName, facts: Facts | None) -> set[tuple[str, str]]:
    if facts is None:
        return set() if name.schema else set(_BUILT_IN.get(name.name, ()))
    return {(grantee, privilege) for grantee, privilege in json.loads(facts.get("grants", "[]"))}
