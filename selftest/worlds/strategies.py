"""Adversarial legacy worlds: few rows, nasty values, and all that the preconditions of the migration allow."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from fixtures.hard_cases import COMPANIES, INTERNAL_ROLES, PORTAL_ROLES

MARKER = "Customer Organization"
Row = dict[str, Any]

# PostgreSQL's text holds any character but this one.
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_NASTY = st.sampled_from(
    (
        *COMPANIES, "'", '"', "\\", "\\N", "$$", "%s", "a\u0301", "\u00e1", "\u202eright to left", "A" * 255, "-",
        "null", MARKER,
    )
)  # fmt: skip
TEXTS = st.one_of(_NASTY, st.text(_CHARACTERS, max_size=40))
# What holds nothing but white space is refused; which characters are white space is left to others.
NAMES = st.one_of(_NASTY, st.text(_CHARACTERS, min_size=1, max_size=255)).filter(lambda name: bool(name.strip()))
_VARIANTS = st.sampled_from(
    (
        str.upper,
        str.lower,
        str.swapcase,
        lambda name: f"{name} ",
        lambda name: f" {name}",
        lambda name: name.replace(" ", "  "),
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: unicodedata.normalize("NFC", name),
        lambda name: f"{name}-0123456789abcdef",
    )
)
_MOMENTS = st.sampled_from(
    (
        "2024-12-31 23:59:59.999999+00",
        "2025-01-01 00:00:00+00",
        "2025-03-30 03:30:00+02",
        "2025-10-26 02:30:00+01",
        None,
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(_CHARACTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(_CHARACTERS, max_size=5), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(
    st.text(_CHARACTERS, max_size=8).filter(lambda key: key != "legacy_description"), _JSON, max_size=3
)


def identity(kind: str, number: int) -> str:
    """The id of a thing, made of what it is."""
    kinds = ("organization", "user", "contact", "stage", "project", "document", "review", "activity")
    return f"{kinds.index(kind) + 1:08x}-0000-4000-8000-{number:012x}"


@dataclass
class World:
    """The rows of a world by table; a column that a row does not name is NULL."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> Row:
        """Adds a row."""
        self.tables.setdefault(table, []).append(row)
        return row


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds that meet the preconditions, each with a row in every table."""
    world = World()
    operators = draw(st.integers(1, 2))
    customers = _names(draw)
    # An operator may be called like another one, and not like a customer.
    for number in range(operators):
        name = draw(NAMES.filter(lambda name: name not in customers))
        _organization(draw, world, number, name, f"operator-{number}")
    _users(draw, world, operators)
    _existing(draw, world, operators, customers)
    contacts = _contacts(draw, world, operators, customers)
    _projects(draw, world, operators, contacts)
    return world


def _names(draw: st.DrawFn) -> list[str]:
    """Some names of companies, and others that are almost the same."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        variant = draw(_VARIANTS)(name)[:255]
        if variant.strip() and variant not in names:
            names.append(variant)
    return names


def _organization(draw: st.DrawFn, world: World, number: int, name: str, slug: str, **more: Any) -> Row:
    created = draw(_MOMENTS)
    return world.add(
        "public.organizations",
        **{
            "id": identity("organization", number),
            "name": name,
            "slug": slug,
            "description": draw(st.none() | TEXTS.filter(lambda text: text != MARKER)),
            "settings": draw(st.none() | _OBJECTS.map(json.dumps)),
            "is_active": draw(st.sampled_from((True, True, False, None))),
            "created_at": created,
            "updated_at": created,
            **more,
        },
    )


def _users(draw: st.DrawFn, world: World, operators: int) -> None:
    roles = []
    for operator in range(operators):
        # An operator is one by its staff.
        staff = draw(st.lists(st.sampled_from(INTERNAL_ROLES), min_size=1, max_size=4))
        roles += [(operator, role) for role in (*staff, *draw(st.lists(st.sampled_from(PORTAL_ROLES), max_size=1)))]
    for number, (operator, role) in enumerate(roles):
        _user(draw, world, number, operator, role)


def _user(draw: st.DrawFn, world: World, number: int, organization: int, role: str) -> None:
    email = f"{number}.{draw(st.sampled_from(('o', 'Ö', 'o+tag', 'O')))}@example.com"
    world.add("auth.users", id=identity("user", number), email=email)
    world.add(
        "public.users",
        id=identity("user", number),
        organization_id=identity("organization", organization),
        email=email,
        name=draw(TEXTS)[:255],
        role=role,
        direct_reports=draw(st.sampled_from((None, [], [identity("user", 0)]))),
        created_at=draw(_MOMENTS),
    )


def _existing(draw: st.DrawFn, world: World, operators: int, customers: list[str]) -> None:
    """Organizations that are there already, some of a customer's name, some with what slugs will want to be."""
    slugs = st.sampled_from(("toyota-vietnam", "customer", "-", "--", "a", "acme-parts", "", "株式会社", "0"))
    for number, slug in enumerate(draw(st.lists(slugs, max_size=4, unique=True)), start=operators):
        name = draw(st.sampled_from(customers) | NAMES)
        _organization(draw, world, number, name, slug)
        if draw(st.booleans()):
            _user(draw, world, 1000 + number, number, draw(st.sampled_from(PORTAL_ROLES)))
    # One that the services' marker is on already is the oldest of its name.
    rows = world.tables["public.organizations"][operators:]
    marked = draw(st.booleans())
    if marked and rows and rows[0]["name"] in customers:
        rows[0].update(description=MARKER, created_at="2001-01-01 00:00:00+00")


def _contacts(draw: st.DrawFn, world: World, operators: int, customers: list[str]) -> list[Row]:
    contacts = []
    every = [*customers, *draw(st.lists(st.sampled_from(customers), max_size=4))]
    for number, name in enumerate(every):
        operator = draw(st.integers(0, operators - 1))
        holder = identity("organization", operator)
        row = _contact(draw, world, number, holder, "customer", name)
        row["client_organization_id"] = draw(st.sampled_from((None, holder)))
        contacts.append(row)
    for number in range(draw(st.integers(0, 3))):
        # What a customer may not have, another contact may: a blank name, an operator's, another client.
        holder = identity("organization", draw(st.integers(0, operators - 1)))
        kind = draw(st.sampled_from(("supplier", "partner", "internal")))
        row = _contact(draw, world, 1000 + number, holder, kind, draw(TEXTS | st.sampled_from(customers))[:255])
        row["client_organization_id"] = draw(
            st.none() | st.sampled_from([r["id"] for r in world.tables["public.organizations"]])
        )
    return contacts


def _contact(draw: st.DrawFn, world: World, number: int, holder: str, kind: str, company: str) -> Row:
    return world.add(
        "public.contacts",
        id=identity("contact", number),
        organization_id=holder,
        type=kind,
        company_name=company,
        contact_name=draw(st.none() | TEXTS.map(lambda text: text[:255])),
        email=draw(st.none() | TEXTS.map(lambda text: text[:255])),
        is_active=draw(st.sampled_from((True, False, None))),
        notes=draw(st.none() | TEXTS),
        metadata=draw(st.none() | _JSON.map(json.dumps)),
        ai_capabilities=draw(st.none() | st.lists(TEXTS, max_size=2)),
        credit_limit=draw(st.none() | st.decimals(-(10**13) + 1, 10**13 - 1, places=2).map(str)),
        created_at=draw(_MOMENTS),
        updated_at=draw(_MOMENTS),
        created_by=draw(st.sampled_from((None, identity("user", 0)))),
    )


def _projects(draw: st.DrawFn, world: World, operators: int, contacts: list[Row]) -> None:
    for operator in range(operators):
        world.add(
            "public.workflow_stages",
            id=identity("stage", operator),
            organization_id=identity("organization", operator),
            name=draw(TEXTS)[:255],
            slug="stage",
            stage_order=draw(st.integers(-(2**31), 2**31 - 1)),
            created_at=draw(_MOMENTS),
        )
    # The first one has a customer: a world without any contact point has nothing to judge.
    for number in range(draw(st.integers(1, 6))):
        customers = st.sampled_from(contacts)
        customer = draw(customers) if number == 0 else draw(st.none() | customers)
        holder = identity("organization", draw(st.integers(0, operators - 1)))
        if customer is not None:
            # One operator may build for a contact that another one holds.
            holder = draw(st.sampled_from((customer["organization_id"], customer["organization_id"], holder)))
        project = world.add(
            "public.projects",
            id=identity("project", number),
            organization_id=holder,
            project_id=draw(st.sampled_from(("P-250101", "X ", "'", "漢"))) + str(number),
            title=draw(TEXTS)[:255],
            customer_id=None if customer is None else customer["id"],
            status=draw(st.sampled_from((None, "active", "on_hold"))),
            tags=draw(st.none() | st.lists(TEXTS, max_size=2)),
            metadata=draw(st.none() | _JSON.map(json.dumps)),
            created_at=draw(_MOMENTS),
            updated_at=draw(_MOMENTS),
        )
        if number == 0 or draw(st.booleans()):
            _children(draw, world, number, project)


def _children(draw: st.DrawFn, world: World, number: int, project: Row) -> None:
    common = {"organization_id": project["organization_id"], "project_id": project["id"], "created_at": draw(_MOMENTS)}
    world.add(
        "public.documents",
        id=identity("document", number),
        title=draw(TEXTS)[:255],
        file_name=draw(TEXTS)[:255],
        file_path=draw(TEXTS),
        file_size=draw(st.integers(-(2**63), 2**63 - 1)),
        **common,
    )
    world.add(
        "public.reviews",
        id=identity("review", number),
        reviewer_id=identity("user", 0),
        review_type="stage_approval_qa",
        comments=draw(st.none() | TEXTS),
        **common,
    )
    world.add(
        "public.activity_log",
        id=identity("activity", number),
        entity_type="projects",
        entity_id=project["id"],
        action="UPDATE",
        new_values=draw(st.none() | _JSON.map(json.dumps)),
        **common,
    )
