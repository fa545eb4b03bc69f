"""The policies of tables as facts that compare, and whether they count."""

from postmigration.access.policies import read_policies
from postmigration.postgres.connection import Snapshot


def test_policies_are_read_by_table_with_whether_they_count(snapshot: Snapshot) -> None:
    found = read_policies(snapshot, ["note", "member"])
    assert found["member"] == {("false", "")}
    assert found["note"] == {
        ("true", ""),
        ("own", "t r {authenticated} ((tenant = public.own_tenant()) AND (NOT secret)) /"),
        ("write", "t w {authenticated} (tenant = public.own_tenant()) /"),
    }


def test_tables_that_are_not_named_or_not_there_are_left_out(snapshot: Snapshot) -> None:
    assert set(read_policies(snapshot, ["member", "absent"])) == {"member"}
