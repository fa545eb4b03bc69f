"""What costs little runs first: a check costs as many rows as the tables have that it names."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from postmigration.gate.project import BUILT_IN
from postmigration.gate.running.order import _WEIGHTS, estimate, estimate_all, share_sizes, sort
from postmigration.gate.session import Run
from selftest.unit.conftest import OpenSnapshot

SIZES: Mapping[str, float] = {"orders": 1_000_000.0, "items": 10_000.0, "logs": 5.0}
QUERY = "SELECT count(*) FROM items"


def _check_orders() -> str:
    return "SELECT 1 FROM orders WHERE id = 1"


def _check_items() -> str:
    return QUERY


def _check_nothing() -> None:
    """The orders of this docstring cost nothing."""


def _make_item(function: Any, nodeid: str = "tests/test_a.py::test_a", *case: str) -> pytest.Item:
    item = SimpleNamespace(
        function=function,
        nodeid=nodeid,
        path=nodeid.partition("::")[0],
        callspec=SimpleNamespace(params=dict(enumerate(case))),
    )
    return cast(pytest.Item, item)


def test_a_check_costs_the_rows_of_the_tables_that_it_names() -> None:
    nothing, items, orders = (
        estimate(_make_item(check), SIZES) for check in (_check_nothing, _check_items, _check_orders)
    )
    assert nothing < items < orders
    assert (items - nothing, orders - nothing) == (10_000, 1_000_000)
    assert estimate(_make_item(_check_nothing, "tests/test_a.py::test_a[items]", "items"), SIZES) == items


def test_a_built_in_check_costs_what_its_family_does() -> None:
    rows = estimate(_make_item(_check_nothing, "builtin/test_rows.py::test_a"), SIZES)
    of_items = estimate(_make_item(_check_nothing, "declared/test_rows.py::test_a[items]", "items"), SIZES)
    catalog = estimate(_make_item(_check_nothing, "builtin/test_objects.py::test_a"), SIZES)
    assert catalog < of_items < rows
    assert rows - catalog == 1_010_005


def test_each_family_with_a_weight_is_a_file_of_built_in_checks() -> None:
    assert _WEIGHTS.keys() <= {path.stem.removeprefix("test_") for path in BUILT_IN.parent.glob("*/test_*.py")}


def test_what_cannot_be_looked_into_costs_the_least() -> None:
    assert estimate(_make_item(None), SIZES) == estimate(_make_item(_check_nothing), SIZES)


def test_what_costs_the_same_stays_as_it_is() -> None:
    run = cast(Run, SimpleNamespace(shared={"sizes": SIZES}))
    first, dear, second = _make_item(_check_nothing, "a"), _make_item(_check_orders, "b"), _make_item(None, "c")
    items = [dear, first, second]
    sort(items, run)
    assert [item.nodeid for item in items] == ["a", "c", "b"]
    costs = estimate_all({item.nodeid: item for item in items}, run)
    assert costs["b"] - costs["a"] == 1_000_000


def test_sizes_are_read_from_the_catalogs_once(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot(
        "CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 70); ANALYZE orders;"
        "CREATE TABLE items (id int); CREATE TABLE logs (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE logs_1 PARTITION OF logs DEFAULT; INSERT INTO logs SELECT generate_series(1, 30); ANALYZE logs"
    )
    run = cast(Run, SimpleNamespace(shared={}, target=snapshot, schemas=["public"]))
    share_sizes(run)
    assert (run.shared["sizes"]["orders"], run.shared["sizes"]["logs"]) == (70, 30)
    assert set(run.shared["sizes"]) == {"orders", "items", "logs"}
    run.shared["sizes"] = {}
    share_sizes(run)
    assert run.shared["sizes"] == {}
