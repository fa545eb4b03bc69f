"""Who owns what, what roles are, and what is set for them and for the database: before, and afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.privileges import PUBLIC, State, name_target
from postmigration.diff.objects.rules import Level
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

# What a role may be, as ALTER ROLE says it, and how grave it is when it no longer is.
_ATTRIBUTES: Mapping[str, tuple[str, Level]] = {
    # A hosted server gives nobody these.
    "rolsuper": ("SUPERUSER", "warning"),
    "rolreplication": ("REPLICATION", "warning"),
    "rolcreaterole": ("CREATEROLE", "warning"),
    "rolcreatedb": ("CREATEDB", "warning"),
    "rolcanlogin": ("LOGIN", "warning"),
    "rolbypassrls": ("BYPASSRLS", "blocker"),
    "rolinherit": ("INHERIT", "blocker"),
}
# With these a role passes by all that is granted, and by row-level security.
_MIGHTY = ("rolsuper", "rolbypassrls")
# What a membership lets a role do, by the option of GRANT, and how grave it is when it no longer does.
_OPTIONS: Mapping[str, tuple[str, Level]] = {
    "~admin": ("ADMIN", "warning"),
    "~inherit": ("INHERIT", "blocker"),
    "~set": ("SET", "warning"),
}
# Settings with which the same statements do something else.
_GRAVE = frozenset({"search_path", "row_security"})


def compare_owners(before: Objects, after: Objects) -> Iterator[Difference]:
    """Compares who owns what is in both states; what went from one role to another is told as one."""
    moved: dict[tuple[str, str], list[ObjectName]] = defaultdict(list)
    for name, facts in before.items():
        was, now = facts.get("owner"), after.get(name, {}).get("owner")
        # To this role PostgreSQL 15 gives the schema public.
        if was and now and was != now and now != "pg_database_owner":
            moved[was, now].append(name)
    for (was, now), names in sorted(moved.items()):
        some = ", ".join(sorted(names)[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
        words = f"the owner was {was}, is {now}: of {some}"
        statements = [_own(name, after[name], was) for name in sorted(names)[:20]]
        yield Difference("owners", "warning", words, names[0], f"{was} to {now}", was, now, "\n".join(statements))


def _own(name: ObjectName, facts: Facts, owner: str) -> str:
    target = name_target(name, facts) or f"{name.kind.upper()} {facts.get('~id', quoted(name.name))}"
    return f"ALTER {target} OWNER TO {quoted(owner)};"


def find_involved(objects: Objects, state: State) -> set[str]:
    """The roles that own or hold something here, and those whose rights they have."""
    named = {facts["owner"] for facts in objects.values() if "owner" in facts}
    named |= {role for _, _, role, _ in state.grants}
    named |= {facts["~role"] for name, facts in objects.items() if name.kind == "default privileges"}
    for name, facts in objects.items():
        if name.kind == "policy":
            named |= set(facts.get("roles", "").split(", "))
    named |= {role for role, others in state.members.items() if named & set(others)}
    return (named | {other for role in named for other in state.members.get(role, ())}) - {PUBLIC, ""}


def compare_roles(before: State, after: State, involved: Collection[str]) -> Iterator[Difference]:
    """Compares what the roles are that own or hold something here, and whose rights they have.

    Args:
        involved: their names.
    """
    for role in sorted(set(involved) & before.roles.keys() & after.roles.keys()):
        was, now = before.roles[role], after.roles[role]
        name = ObjectName(f"role {role}", "role", "", role)
        for attribute, (word, lost) in _ATTRIBUTES.items():
            if was.get(attribute) == now.get(attribute):
                continue
            if was.get(attribute) == "True":
                words, repair = f"the role {role} is no longer {word}", f"ALTER ROLE {quoted(role)} {word};"
                yield Difference("roles", lost, words, name, f"{word} lost", repair=repair)
            else:
                level: Level = "blocker" if attribute in _MIGHTY and after.is_stranger(role) else "warning"
                words, repair = f"the role {role} is {word}, and was not", f"ALTER ROLE {quoted(role)} NO{word};"
                yield Difference("roles", level, words, name, f"{word} gained", repair=repair)
        yield from _memberships(role, before, after, name)
        # A fingerprint of an older version holds no options.
        if was.get("~options") and now.get("~options"):
            yield from _compare_options(role, was, now, name)


def _compare_options(role: str, was: Facts, now: Facts, name: ObjectName) -> Iterator[Difference]:
    """Compares the options of the memberships that a role has on both sides."""
    kept = _split(was, "member of") & _split(now, "member of")
    for key, (option, lost) in _OPTIONS.items():
        # What a role is told to inherit of all groups is said of the role.
        if key == "~inherit" and was.get("rolinherit") != now.get("rolinherit"):
            continue
        then, here = _split(was, key), _split(now, key)
        for group in sorted(kept & (then ^ here)):
            gone = group in then
            words = f"the role {role} is a member of {group} {'without' if gone else 'with'} {option}"
            words += ", and had it" if gone else ", and was without"
            repair = f"GRANT {quoted(group)} TO {quoted(role)} WITH {option} {'TRUE' if gone else 'FALSE'};"
            if key == "~admin" and not gone:
                repair = f"REVOKE ADMIN OPTION FOR {quoted(group)} FROM {quoted(role)};"
            elif key == "~admin":
                repair = f"GRANT {quoted(group)} TO {quoted(role)} WITH ADMIN OPTION;"
            what = f"{option} of membership {'lost' if gone else 'gained'}"
            yield Difference("roles", lost if gone else "warning", words, name, what, repair=repair)


def _split(facts: Facts, key: str) -> set[str]:
    return set(filter(None, facts.get(key, "").split(", ")))


def _memberships(role: str, before: State, after: State, name: ObjectName) -> Iterator[Difference]:
    was, now = (set(filter(None, side.roles[role].get("member of", "").split(", "))) for side in (before, after))
    for group in sorted((was - now) - set(after.members.get(role, ()))):
        words = f"the role {role} is no longer a member of {group}"
        repair = f"GRANT {quoted(group)} TO {quoted(role)};"
        yield Difference("roles", "blocker", words, name, "membership lost", repair=repair)
    for group in sorted((now - was) - set(before.members.get(role, ()))):
        mighty = any(after.roles.get(group, {}).get(attribute) == "True" for attribute in _MIGHTY)
        owns = any(facts.get("owner") == group for _, facts in after.things.values())
        level: Level = "blocker" if after.is_stranger(role) and (mighty or owns) else "warning"
        words = f"the role {role} is a member of {group}, and was not"
        repair = f"REVOKE {quoted(group)} FROM {quoted(role)};"
        yield Difference("roles", level, words, name, "membership gained", repair=repair)


def compare_settings(before: Objects, after: Objects, involved: Collection[str], database: str) -> Iterator[Difference]:
    """Compares what is set for the database and for the roles that own or hold something here.

    Args:
        involved: the names of those roles.
        database: what the database is called.
    """
    sides = [{n: f for n, f in side.items() if n.kind == "setting"} for side in (before, after)]
    for name in sorted({*sides[0], *sides[1]}):
        if name.name and name.name not in involved:
            continue
        was, now = (side.get(name, {}) for side in sides)
        # That a whole database is closed to writing is judged with what else closes it.
        elsewhere = () if name.name else ("default_transaction_read_only",)
        for setting in sorted(key for key in was.keys() | now.keys() if key[0] != "~" and key not in elsewhere):
            if was.get(setting) != now.get(setting):
                yield _setting(name, setting, was.get(setting), now.get(setting), database)


def find_stored_replication_role(before: Objects | None, after: Objects) -> Iterator[Difference]:
    """Finds where it is set that neither triggers nor foreign keys count.

    Args:
        before: the baseline; None where there is none, so that it may be meant.
    """
    for name, facts in after.items():
        if name.kind == "setting" and facts.get("session_replication_role") == "replica":
            words = f"{name}: session_replication_role is replica: neither triggers nor foreign keys count"
            inherited = before is not None and before.get(name, {}).get("session_replication_role") == "replica"
            level: Level = "warning" if before is None or inherited else "blocker"
            words += "; it was so before" if inherited else ""
            repair = f"ALTER {facts['~for']} RESET session_replication_role;"
            yield Difference("settings", level, words, name, "session_replication_role", repair=repair)


def _setting(name: ObjectName, setting: str, was: str | None, now: str | None, database: str) -> Difference:
    # Of what is an application's own, nobody knows whether it is a password.
    secret = "." in setting
    then, here = ("not set" if v is None else "set" if secret else v or "''" for v in (was, now))
    if then == here:
        then = here = "another value"
    words = f"{name}: {setting} was {then}, is {here}"
    target = f"DATABASE {quoted(database)}"
    if name.name:
        target = f"ROLE {quoted(name.name)}" + (f" IN {target}" if name.endswith(" in the database") else "")
    elif name.endswith(" and all others"):
        target = "ROLE ALL"
    if was is None:
        repair = f"ALTER {target} RESET {quoted(setting) if secret else setting};"
    elif secret:
        repair = f"ALTER {target} SET {setting} = …; -- as the baseline has it"
    else:
        value = was if setting == "search_path" else "'" + was.replace("'", "''") + "'"
        repair = f"ALTER {target} SET {setting} = {value};"
    level: Level = "blocker" if setting in _GRAVE else "warning"
    return Difference("settings", level, words, name, setting, then, here, repair)
