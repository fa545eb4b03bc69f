"""Ways in which a legacy world breaks a precondition of the migration, each in one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from selftest.worlds.strategies import Row, World, identity, worlds


@dataclass(frozen=True)
class Breached:
    """A world, the row that breaks a precondition, and what must be said of it."""

    world: World
    row: str
    words: str


def _customer(draw: st.DrawFn, world: World) -> Row:
    return draw(st.sampled_from([row for row in world.tables["public.contacts"] if row["type"] == "customer"]))


def _blank(draw: st.DrawFn, world: World) -> tuple[str, str]:
    row = _customer(draw, world)
    row["company_name"] = draw(st.text(" \t\n\r\v\f", max_size=255))
    return row["id"], "whose company_name is blank"


def _operator(draw: st.DrawFn, world: World) -> tuple[str, str]:
    row = _customer(draw, world)
    row["company_name"] = world.tables["public.organizations"][0]["name"]
    return row["id"], "whose company_name is the name of an operator"


def _another_client(draw: st.DrawFn, world: World) -> tuple[str, str]:
    row = _customer(draw, world)
    world.add("public.organizations", id=identity("organization", 999), name="Elsewhere", slug="elsewhere")
    row["client_organization_id"] = identity("organization", 999)
    return row["id"], "neither NULL nor their organization_id"


def _no_customer(draw: st.DrawFn, world: World) -> tuple[str, str]:
    project = draw(st.sampled_from(world.tables["public.projects"]))
    kind = draw(st.sampled_from(("supplier", "partner", "internal")))
    other = {**_customer(draw, world), "id": identity("contact", 999), "type": kind}
    project["customer_id"] = world.add("public.contacts", **other)["id"]
    return project["id"], "whose customer_id is a contact that is not a customer"


def _no_place(draw: st.DrawFn, world: World) -> tuple[str, str]:
    row = world.add(
        "public.organizations",
        id=identity("organization", 999),
        name=_customer(draw, world)["company_name"],
        slug="oldest",
        description=draw(st.sampled_from(("", "what it was"))),
        settings=draw(st.sampled_from(("[]", "null", "1", '"text"', '{"legacy_description": null}'))),
        created_at="1999-01-01 00:00:00+00",
    )
    return str(row["id"]), "whose description has no place in their settings"


_BREACHES: tuple[Callable[[st.DrawFn, World], tuple[str, str]], ...] = (
    _blank, _operator, _another_client, _no_customer, _no_place
)  # fmt: skip


@st.composite
def breached_worlds(draw: st.DrawFn) -> Breached:
    """Worlds of which one row breaks a precondition."""
    world = draw(worlds())
    row, words = draw(st.sampled_from(_BREACHES))(draw, world)
    return Breached(world, row, words)
