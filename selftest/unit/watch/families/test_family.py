import pytest

from postmigration.watch.families.family import Family


@pytest.mark.parametrize(("version", "sql"), [(12, None), (13, "old"), (16, "old"), (17, "new"), (18, "new")])
def test_a_server_is_asked_the_newest_query_that_it_knows(version: int, sql: str | None) -> None:
    assert Family("locks", {13: "old", 17: "new"}).choose_sql(version) == sql
