"""Extensions before and afterwards: there, in the same schema, and not older."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects


def compare_extensions(before: Objects, after: Objects, *, application: Objects) -> Iterator[Difference]:
    """Compares the extensions of two states.

    Args:
        application: the objects of the application before, whose bodies may name what an extension brings.
    """
    for name, was in before.items():
        if name.kind != "extension":
            continue
        now = after.get(name)
        user = was.get("~used by") or _find_user(was, application)
        why = f": {user} needs it" if user else ""
        if now is None:
            words = f"{name} is missing (it was {was['version']} in {was['schema']}){why}"
            repair = f"CREATE EXTENSION {was['~id']} SCHEMA {quoted(was['schema'])};"
            yield Difference("extensions", "blocker" if user else "warning", words, name, "missing", repair=repair)
            continue
        if was["schema"] != now["schema"]:
            words = f"{name} was in the schema {was['schema']}, is in {now['schema']}{why}"
            repair = f"ALTER EXTENSION {was['~id']} SET SCHEMA {quoted(was['schema'])};"
            if now.get("~moves") != "True":
                repair = f"-- {was['~id']} cannot be moved: drop it and create it in {quoted(was['schema'])}"
            yield Difference("extensions", "blocker" if user else "warning", words, name, "moved", repair=repair)
        if _ordered(now["version"]) < _ordered(was["version"]):
            words = f"{name} is older than before: {now['version']}, and was {was['version']}"
            repair = f"ALTER EXTENSION {was['~id']} UPDATE;"
            yield Difference("extensions", "warning", words, name, "older", repair=repair)
    yield from find_old_extensions(after)


def find_old_extensions(objects: Objects) -> Iterator[Difference]:
    """Finds the extensions that are older than what the server would install."""
    for name, facts in objects.items():
        default = facts.get("~default", "") if name.kind == "extension" else ""
        if default and _ordered(facts["version"]) < _ordered(default):
            words = f"{name} is {facts['version']}, and this server has {default}"
            yield Difference("extensions", "told", words, name, "older than the server's")


def _find_user(extension: Facts, application: Objects) -> str | None:
    """Something of the application whose body calls a function of an extension."""
    functions = [name for name in extension.get("~functions", "").split() if len(name) > 3]
    if not functions:
        return None
    calls = re.compile(rf"(?<![\w$])(?:{'|'.join(map(re.escape, functions))})\"?\s*\(")
    found: ObjectName
    for found, facts in application.items():
        if found.kind == "function" and calls.search(facts.get("body", "")):
            return str(found)
    return None


def _ordered(version: str) -> tuple[tuple[int, str], ...]:
    """A version such that a later one is greater."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-]", version))
