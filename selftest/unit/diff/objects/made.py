"""Objects of a database by hand, with no more facts than a selftest is about."""

from __future__ import annotations

from collections.abc import Mapping

from postmigration.postgres.schema_objects import ObjectName

Made = dict[ObjectName, Mapping[str, str]]
_NONE: Mapping[str, str] = {}


def relation(name: str, facts: Mapping[str, str] = _NONE, kind: str = "table") -> Made:
    """A table or a view of the schema public."""
    called = ObjectName(f"{kind} public.{name}", kind, "public", name)
    return {called: {"~on": f"public.{name}", "owner": "keeper", "row-level security": "False", **facts}}


def column(table: str, name: str, type_: str = "integer", facts: Mapping[str, str] = _NONE) -> Made:
    """A column of a table."""
    called = ObjectName(f"column public.{table}.{name}", "column", "public", name, table)
    of = {"of": f"table public.{table}", "~on": f"public.{table}", "~id": name}
    return {called: {**of, "type": type_, "not null": "no", **facts}}


def part(kind: str, name: str, table: str, facts: Mapping[str, str] = _NONE) -> Made:
    """A constraint, a trigger or a policy of a table."""
    called = ObjectName(f"{kind} {name} on public.{table}", kind, "public", name, table)
    return {called: {"of": f"table public.{table}", "~on": f"public.{table}", "~id": name, **facts}}


def index(name: str, table: str, definition: str, facts: Mapping[str, str] = _NONE) -> Made:
    """An index of a table."""
    called = ObjectName(f"index public.{name}", "index", "public", name, table)
    of = {"of": f"table public.{table}", "~on": f"public.{table}", "~id": f"public.{name}"}
    sql = f"CREATE INDEX {name} ON public.{table} USING btree {definition}"
    return {called: {**of, "unique": "False", "valid": "True", "definition": definition, "~sql": sql, **facts}}


def function(name: str, facts: Mapping[str, str] = _NONE) -> Made:
    """A function of the schema public without arguments."""
    called = ObjectName(f"function public.{name}()", "function", "public", name)
    return {called: {"~on": f"public.{name}()", "~keyword": "FUNCTION", "owner": "keeper", "returns": "text", **facts}}


def schema(name: str = "public") -> Made:
    """A schema."""
    return {ObjectName(f"schema {name}", "schema", name, name): {"~on": name, "owner": "keeper"}}


def role(name: str, facts: Mapping[str, str] = _NONE) -> Made:
    """A role."""
    return {ObjectName(f"role {name}", "role", "", name): {"rolsuper": "False", "rolinherit": "True", **facts}}


def grant(privilege: str, on: str, role: str, column: str = "", option: str = "False") -> Made:
    """A privilege on something, as GRANT calls it."""
    facts = {"~on": on, "~role": role, "~privilege": privilege, "~option": option, "~column": column}
    return {ObjectName(f"grant of {privilege} on {on} {column} to {role}", "grant", "public"): facts}


def first(made: Made) -> tuple[ObjectName, Mapping[str, str]]:
    """The only object that was made, with its facts."""
    ((name, facts),) = made.items()
    return name, facts
