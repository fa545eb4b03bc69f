"""What a change is, for people: its kind, and what it is about."""

import msgspec
import pytest

from postmigration.model.changes import (
    Change,
    ChangedObject,
    GoneTable,
    MayChange,
    MovedRows,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    describe_change,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (GoneTable(table="Order"), "gone_table Order"),
        (GoneTable(table="orders", schema="app"), "gone_table app.orders"),
        (RenamedTable(table="a", to="b", to_schema="other"), "renamed_table a to other.b"),
        (MovedRows(table="a", schema="app", to="b", key={"id": "r.id"}), "moved_rows app.a to app.b"),
        (RenamedColumn(table="a", column="x", to="y"), "renamed_column a.x to y"),
        (
            RepointedReference(table="a", column="x", parent="old", through="new"),
            "repointed_reference a.x through new",
        ),
        (MayChange(table="a", column="x"), "may_change a.x"),
        (ChangedObject(object="index *_idx"), "changed_object index *_idx"),
    ],
)
def test_a_change_is_described(change: Change, words: str) -> None:
    assert describe_change(change) == words


def test_a_change_is_decoded_by_its_kind() -> None:
    decoded = msgspec.convert({"kind": "gone_table", "table": "orders", "reason": "moved"}, Change)
    assert decoded == GoneTable(table="orders", reason="moved")
    with pytest.raises(msgspec.ValidationError, match="unknown field `tabel`"):
        msgspec.convert({"kind": "gone_table", "tabel": "orders"}, Change)


def test_rows_are_divided_by_a_value_that_gives_several() -> None:
    assert MovedRows(table="a", to="b", key={"id": "r.id", "tag": "unnest(r.tags)"}).divides
    assert not MovedRows(table="a", to="b", key={"id": "r.id"}, columns={"tags": "r.tags"}).divides
