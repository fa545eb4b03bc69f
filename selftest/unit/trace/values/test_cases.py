"""Values each of which became one and the same."""

import pytest

from postmigration.trace.reading import Field
from postmigration.trace.values.cases import write_cases


@pytest.mark.parametrize(
    ("root", "target", "chosen", "sql"),
    [
        ("boolean", "text", {"t": "yes", "f": "no"}, "CASE WHEN r.on THEN 'yes' ELSE 'no' END"),
        ("integer", "boolean", {"1": "t", "2": "f"}, "CASE WHEN r.on = 1 THEN true WHEN r.on = 2 THEN false END"),
        ("text", "integer", {None: "0", "a": "1"}, "CASE WHEN r.on IS NULL THEN 0 WHEN r.on = 'a' THEN 1 END"),
    ],
)
def test_cases_are_written_as_sql(root: str, target: str, chosen: dict[str | None, str], sql: str) -> None:
    assert write_cases(Field("on", "r.on", "r.on", "", root), target, chosen) == sql
