"""What a trace found, as data."""

from postmigration.model.changes import GoneTable, RenamedTable
from postmigration.trace.findings import Flow, Found, Trace


def test_a_flow_says_how_many_rows_fit() -> None:
    assert Flow("title", "name", "r.name", 1_200, 12_000).figures == "1,200 of 12,000"


def test_a_trace_gives_the_changes_that_can_be_declared() -> None:
    gone, renamed = GoneTable(table="a"), RenamedTable(table="b", to="c", to_schema="shop")
    trace = Trace([Found(gone, "a"), Found(None, "only told"), Found(renamed, "b to shop.c")])
    assert trace.changes == [gone, renamed]
    assert trace.renamed == {("shop", "c")}
