"""The search paths that somebody who connects may have."""

import pytest

from postmigration.checks.health.application_paths import path_of, quote_path, read_paths
from selftest.unit.uncommitted import Fill


@pytest.mark.parametrize(
    ("stored", "quoted"),
    [
        ("shop, Public", '"shop", "public"'),
        ('"$user", public', '"$user", "public"'),
        ('"Odd, ""one""",shop', '"Odd, ""one""", "shop"'),
        ("", "''"),
        ('""', "''"),
    ],
)
def test_every_name_of_a_path_is_quoted(stored: str, quoted: str) -> None:
    assert quote_path(stored) == quoted


def test_a_path_names_each_schema_once() -> None:
    assert path_of("a", 'b"c', "", "a") == '"a", "b""c"'


def test_what_is_set_for_the_database_and_its_roles_is_read(now: Fill) -> None:
    after = now(
        "CREATE ROLE unit_role; ALTER ROLE unit_role SET search_path = 'shop', 'extensions'",
        "ALTER DATABASE unit_after SET search_path = app",
        "ALTER ROLE unit_role IN DATABASE unit_before SET search_path = elsewhere",
    )
    assert {*read_paths(after)} == {'"$user", "public"', '"app"', '"shop", "extensions"'}
