"""In which tier a selftest runs: what each proves, and how long it may take, is said in docs/testing.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pytest

# Each adds to those before it, by the marker of its cases.
TIERS = ("default", "full", "nightly")


def tier_of(item: pytest.Item) -> str:
    """The last tier that a selftest is marked for."""
    return next((tier for tier in reversed(TIERS) if item.get_closest_marker(tier)), TIERS[0])


def assign_tiers(items: Sequence[pytest.Item]) -> None:
    """Leaves to later tiers what an earlier one proves on another server.

    Of cases that differ in their server alone, the one on the newest is the default's, one on another, in turn, the
    full tier's, and the rest the nightly one's. Where the selftest is marked `full`, the full tier has one of them. All
    are in its own tier where it is marked `every_server`, or where it says itself what is for the night.
    """
    cases: dict[Any, list[pytest.Item]] = {}
    for item in items:
        if _version(item) is not None and not item.get_closest_marker("every_server"):
            cases.setdefault(_case(item), []).append(item)
    for turn, alike in enumerate(cases.values()):
        if any(item.get_closest_marker("nightly") for item in alike):
            continue
        alike.sort(key=lambda item: -(_version(item) or 0))
        others = alike if alike[0].get_closest_marker("full") else alike[1:]
        for place, item in enumerate(others):
            item.add_marker("full" if place == turn % len(others) else "nightly")


def name_group(item: pytest.Item) -> None:
    """Ends the id of a selftest with the group that it is in, by which pytest-xdist has one process run them all.

    It does so itself (3.8), but where pytest (9.2) does not read it.
    """
    groups = {str(mark.args[0]) for mark in item.iter_markers("xdist_group")}
    ending = f"@{'_'.join(sorted(groups))}"
    if groups and not item.nodeid.endswith(ending):
        item._id = type(item._id).parse(item.nodeid + ending)


def _version(item: pytest.Item) -> int | None:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    params = item.callspec.params
    version = params.get("server", params.get("world"))
    return version if isinstance(version, int) else None


def _case(item: pytest.Item) -> tuple[str, ...]:
    """What two cases have in common that differ in their server alone."""
    assert isinstance(item, pytest.Function)
    version = _version(item)
    parts = item.callspec.id.split("-")
    return (item.nodeid.partition("[")[0], *(part for part in parts if part not in (str(version), f"pg{version}")))


def few(cases: Iterable[Any], *kept: int, full: Collection[int] | None = None) -> list[Any]:
    """Leaves all of some cases to the full tier but those at these positions, or but the first one.

    Args:
        cases: as `parametrize` takes them; a tuple holds a value for each of several names.
        kept: the positions of those that the default tier proves as well.
        full: the positions of those that the full tier proves, where the nightly one is to prove the rest.
    """
    return [
        case
        if position in (kept or (0,))
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=_later(position, full))
        for position, case in enumerate(cases)
    ]


def _later(position: int, full: Collection[int] | None) -> pytest.MarkDecorator:
    return pytest.mark.full if full is None or position in full else pytest.mark.nightly
