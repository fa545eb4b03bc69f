"""In which tier a selftest runs: what each proves, and how long it may take, is said in docs/testing.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

# Each adds to those before it, by the marker of its cases.
TIERS = ("default", "full", "nightly")


def tier_of(item: pytest.Item) -> str:
    """The last tier that a selftest is marked for."""
    return next((tier for tier in reversed(TIERS) if item.get_closest_marker(tier)), TIERS[0])


def assign_tiers(items: Sequence[pytest.Item]) -> None:
    """Leaves to the full tier what the default tier proves on a newer server.

    Of cases that differ in their server alone, the one on the newest is the default's; all are, where the selftest is
    marked `every_server`.
    """
    newest: dict[Any, int] = {}
    for item in items:
        if (version := _version(item)) is not None:
            newest[_case(item)] = max(version, newest.get(_case(item), 0))
    for item in items:
        older = (version := _version(item)) is not None and version < newest[_case(item)]
        if older and not item.get_closest_marker("every_server"):
            item.add_marker("full")


def _version(item: pytest.Item) -> int | None:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    version = item.callspec.params.get("server")
    return version if isinstance(version, int) else None


def _case(item: pytest.Item) -> tuple[str, ...]:
    """What two cases have in common that differ in their server alone."""
    assert isinstance(item, pytest.Function)
    version = _version(item)
    parts = item.callspec.id.split("-")
    return (item.nodeid.partition("[")[0], *(part for part in parts if part not in (str(version), f"pg{version}")))


def few(cases: Iterable[Any], *kept: int) -> list[Any]:
    """Leaves all of some cases to the full tier but those at these positions, or but the first one.

    Args:
        cases: as `parametrize` takes them; a tuple holds a value for each of several names.
        kept: the positions of those that the default tier proves as well.
    """
    return [
        case
        if position in (kept or (0,))
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.full)
        for position, case in enumerate(cases)
    ]
