"""What is called as what tools and migrations leave in a database."""

import pytest

from postmigration.checks.health.tool_names import TOOLS, find_base, is_called_a_copy, is_staging


@pytest.mark.parametrize(
    ("name", "base", "copy"),
    [
        ("orders_old", "orders", True),
        ("orders_backup_2024", "orders", True),
        ("tmp_orders", "orders", True),
        ("copy_of_orders", "orders", True),
        ("OrdersOld", "Orders", True),
        ("orders_20240131", "orders", False),
        ("orders", "", False),
        ("threshold", "", False),
        ("news", "", False),
    ],
)
def test_a_copy_is_called_like_what_it_is_a_copy_of(name: str, base: str, copy: bool) -> None:
    assert find_base(name) == base
    assert is_called_a_copy(name) == copy


@pytest.mark.parametrize(
    ("name", "staging"),
    [("staging", True), ("shop_old", True), ("import_2", True), ("public", False), ("gold", False), ("older", False)],
)
def test_a_schema_may_serve_a_migration(name: str, staging: bool) -> None:
    assert is_staging(name) == staging


@pytest.mark.parametrize(
    ("what", "name", "tool"),
    [
        ("tables", "awsdms_apply_exceptions", "AWS DMS"),
        ("schemas", "pgroll", "pgroll"),
        ("schemas", "pgroller", None),
        ("columns", "_pgroll_new_price", "pgroll"),
        ("triggers", "z_repack_trigger", "pg_repack"),
        ("tables", "symbol", None),
    ],
)
def test_a_tool_is_known_by_what_it_makes(what: str, name: str, tool: str | None) -> None:
    assert next((one.name for one in TOOLS if getattr(one, what).match(name)), None) == tool
