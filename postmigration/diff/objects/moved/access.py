"""Who may see and change rows that moved, beside who might before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.moved.moves import Move, Moves, find_table, select, tell
from postmigration.diff.objects.privileges import PUBLIC, State
from postmigration.diff.objects.spelling import excerpt, normalize
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName

_BY_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})
_COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_WRITING = frozenset({"INSERT", "UPDATE"})
_SWITCHES = (
    ("row-level security", "whoever may read it sees all these rows", "ENABLE"),
    ("forced row-level security", "its owner sees all these rows", "FORCE"),
)


def compare_switches(moves: Moves, move: Move) -> Iterator[Difference]:
    """Compares whether row-level security is on."""
    (source, was), (target, now) = find_table(moves.before, move.source), find_table(moves.after, move.target)
    for switch, then, verb in _SWITCHES:
        if (was.get(switch), now.get(switch)) == ("True", "False"):
            name = ObjectName(f"{switch} of {target}", "table", *move.target)
            words = f"{switch} of {target} is off, and was on of {source}, whose rows it took over: {then}"
            repair = f"ALTER TABLE {now['~on']} {verb} ROW LEVEL SECURITY;"
            yield tell("row_security", "blocker", words, name, f"taken over: {switch}", "True", "False", repair)


def compare_policies(moves: Moves, move: Move) -> Iterator[Difference]:
    """Compares the policies of a table with those of the one whose rows it took over, where they are in force."""
    source, facts = find_table(moves.before, move.source)
    if facts.get("row-level security") != "True":
        return
    target = find_table(moves.after, move.target)[0]
    were, held = _carry(moves, move), select(moves.before, move.source, "policy")
    names = dict(zip(were, held, strict=True))
    there = select(moves.after, move.target, "policy")
    left = {name: was for name, was in were.items() if not any(_is_same(was, now) for now in there.values())}
    new = {name: now for name, now in there.items() if not any(_is_same(was, now) for was in were.values())}
    opened_before = {what for was in were.values() for what in _list_opened(was)}
    for name, now in new.items():
        if any({what, (*what[:2], PUBLIC)}.isdisjoint(opened_before) for what in _list_opened(now)):
            words = (
                f"{name} lets {now.get('roles')} pass for {now.get('command')} of any row, and no policy of {source}, "
                f"whose rows {target} took over, did"
            )
            opened = ObjectName(f"open {name}", "policy", name.schema, name.name, name.table)
            yield tell("row_security", "blocker", words, opened, "taken over: open policy",
                       repair=f"DROP POLICY {now['~id']} ON {now['~on']};")  # fmt: skip
    if move.stays:
        # A copy needs nothing that lets rows through, and all that holds them back.
        left = {name: was for name, was in left.items() if was.get("permissive") != "True"}
    own = [*were.values(), *(was for one in moves.others(move) for was in _carry(moves, one).values())]
    for name, now in new.items() if not move.stays else ():
        if name not in moves.before and not any(_meets(was, now) for was in own) and not _list_opened(now):
            words = f"{name} is {_show(now)}, and {source}, whose rows {target} took over, had none for that"
            yield tell("row_security", "warning", words, name, "taken over: policy added")
    for name, was in left.items():
        alike = [(other, now) for other, now in there.items() if _meets(was, now) and not _is_idle(now)]
        shown = f"{names[name]} was {_show(held[names[name]])}"
        copies = (find for one in moves.copies(move) for find in select(moves.after, one.target, "policy").values())
        if not alike and was.get("permissive") == "True" and any(_meets(was, now) for now in copies):
            continue
        if not alike:
            words = f"{shown}; {target}, which took over the rows, has no such policy for {was.get('command')}"
            yield tell("row_security", "blocker", words, name, "taken over: policy lost", repair=f"{was['~sql']};")
        for other, now in alike:
            if other in new and not (_list_opened(now) and not _list_opened(was)):
                words = f"{shown}; {other} is {_show(now)}: read whether it says the same of the rows that moved"
                yield tell("row_security", "warning", words, other, "taken over: policy changed")


def _carry(moves: Moves, move: Move) -> Mapping[ObjectName, Facts]:
    """The policies of a source as they are written of its target."""
    return moves.renames_of(move).rename_all(select(moves.before, move.source, "policy"))


def _is_same(was: Facts, now: Facts) -> bool:
    keys = ("permissive", "command", "roles", "using", "check")
    return all(normalize(was.get(key, "")) == normalize(now.get(key, "")) for key in keys)


def _list_opened(facts: Facts) -> set[tuple[str, str, str]]:
    """For which commands, by which clause and for which roles a policy lets any row pass."""
    if facts.get("permissive") != "True":
        return set()
    command, using = facts.get("command", ""), facts.get("using")
    commands = _COMMANDS if command == "ALL" else {command}
    seen = {(one, "USING") for one in commands - {"INSERT"} if using == "true"}
    written = {(one, "CHECK") for one in commands & _WRITING if facts.get("check", using) == "true"}
    return {(*what, role) for what in seen | written for role in facts.get("roles", "").split(", ")}


def _is_idle(facts: Facts) -> bool:
    """Whether a restrictive policy holds nothing back."""
    return facts.get("permissive") != "True" and {facts.get("using", "true"), facts.get("check", "true")} == {"true"}


def _meets(was: Facts, now: Facts) -> bool:
    """Whether a policy concerns what another one did: a command and a role of it."""
    roles = [set(side.get("roles", "").split(", ")) for side in (was, now)]
    commands = {was.get("command"), now.get("command")}
    return (
        was.get("permissive") == now.get("permissive")
        and (len(commands) == 1 or "ALL" in commands)
        and (bool(roles[0] & roles[1]) or any(PUBLIC in side for side in roles))
    )


def _show(facts: Facts) -> str:
    parts = [f"FOR {facts.get('command')} TO {facts.get('roles')}"]
    parts += [
        f"{word} ({excerpt(facts[key], '')[0]})"
        for key, word in (("using", "USING"), ("check", "WITH CHECK"))
        if key in facts
    ]
    return " ".join(parts)


def compare_grants(moves: Moves, move: Move, states: tuple[State, State]) -> Iterator[Difference]:
    """Compares what roles may do with a table with what they might with the one whose rows it took over."""
    was, now = states
    (source, old), (target, new) = find_table(moves.before, move.source), find_table(moves.after, move.target)
    on = f"TABLE {old['~on']}", f"TABLE {new['~on']}"
    spelled = _Spelled(moves, move)
    for key in sorted(k for k in now.grants if k[0] == on[1]):
        _, column, role, privilege = key
        if _is_super(role, now) or _had(was, on[0], spelled.back(column), role, privilege, column=column):
            continue
        what = f"column {target.removeprefix(target.kind).strip()}.{column}" if column else str(target)
        words = f"{role} has {privilege} on {what}, and had it not on {source}, whose rows it took over"
        yield _tell_grant(words, (what, column, role, privilege), new["~on"], move, "REVOKE")
    if move.stays:
        return
    for key in sorted(k for k in was.grants if k[0] == on[0]):
        _, column, role, privilege = key
        parts = [spelled.forth[column]] if column in spelled.forth else []
        if (column and not parts) or (role != PUBLIC and now.roles and role not in now.roles):
            continue
        part = parts[0] if parts else ""
        if now.holds((on[1], part, role, privilege)) or any(
            now.holds((f"TABLE {find_table(moves.after, one.target)[1]['~on']}", "", role, privilege))
            for one in moves.copies(move)
        ):
            continue
        what = f"column {target.removeprefix(target.kind).strip()}.{part}" if part else str(target)
        words = f"{role} has no {privilege} on {what}, and had it on {source}, whose rows it took over"
        yield _tell_grant(words, (what, part, role, privilege), new["~on"], move, "GRANT")


class _Spelled:
    """How GRANT names the columns of a move."""

    def __init__(self, moves: Moves, move: Move) -> None:
        old, new = (
            {name.name: facts["~id"] for name, facts in select(side, table, "column").items()}
            for side, table in ((moves.before, move.source), (moves.after, move.target))
        )
        pairs = [(old[a], new[b]) for a, b in move.follows.items() if a in old and b in new]
        self.forth: Mapping[str, str] = dict(pairs)
        self._back = {new[b]: [old[a] for a in names if a in old] for b, names in move.read_from.items() if b in new}

    def back(self, column: str) -> Collection[str]:
        """The columns of before from which one of now follows; all of them, where it is none."""
        return self._back.get(column, ()) if column else {a for names in self._back.values() for a in names}


def _had(state: State, on: str, parts: Collection[str], role: str, privilege: str, *, column: str) -> bool:
    """Whether a role might do with the rows of before what it may with those of now."""
    if state.holds((on, "", role, privilege)):
        return True
    if privilege not in _BY_COLUMNS:
        return False
    if column and not parts:
        # A column that holds nothing of before shows nothing of it.
        return True
    return bool(parts) and all(state.holds((on, part, role, privilege)) for part in parts)


def _is_super(role: str, state: State) -> bool:
    return state.roles.get(role, {}).get("rolsuper") == "True"


def _tell_grant(words: str, key: tuple[str, str, str, str], on: str, move: Move, verb: str) -> Difference:
    what, column, role, privilege = key
    grantee = role if role == PUBLIC else quoted(role)
    name = ObjectName(f"grant of {privilege} on {what} to {grantee}", "table", *move.target)
    part = f"{privilege} ({column})" if column else privilege
    repair = f"{verb} {part} ON TABLE {on} {'TO' if verb == 'GRANT' else 'FROM'} {grantee};"
    lost = "taken over: privilege lost" if verb == "GRANT" else "taken over: privilege gained"
    return tell("privileges", "blocker", words, name, lost, repair=repair)
