from dataclasses import replace

import pytest

from postmigration.checks.contents.tables import Column, Relation
from postmigration.checks.rows.declared import TableChanges
from postmigration.checks.rows.pairs import Pair, pair_tables


def table(name: str, key: str = "id", **types: str) -> Relation:
    columns = {
        column: Column(column, type_, False, "", type_.partition("(")[0], type_, i)
        for i, (column, type_) in enumerate(types.items(), 1)
    }
    return Relation("public", name, "r", 1, False, False, "p", True, False, False, 1, "", (), columns, ((key,),))


WAS = table("stay", id="integer", code="text", price="numeric(8,2)", fax="text")
NOW = table("stay", "code", code="text", price="numeric(8,2)", id="integer", note="text")


def pair(was: Relation, now: Relation, *, plain: bool = False, attached: tuple[Relation, ...] = ()) -> Pair:
    found = pair_tables(was, now, only=False, zone="UTC", pages=5, plain=plain, attached=attached)
    assert found is not None
    return found


def test_tables_are_compared_in_the_columns_of_both_by_the_key_of_before() -> None:
    found = pair(WAS, NOW)
    assert (found.columns, found.key) == (("id", "code", "price"), ("id",))
    assert found.sql[0] == found.sql[1] == "SELECT r.id AS id, r.code AS code, r.price AS price FROM public.stay r"
    assert found.title == "stay"
    assert found.retyped == ()


def test_a_key_that_both_have_goes_before_others() -> None:
    both = replace(WAS, keys=(("id",), ("code",)))
    assert pair(both, NOW).key == ("code",)
    assert pair(replace(WAS, keys=()), NOW).key == ("code",)
    assert pair(replace(WAS, keys=(("fax",),)), replace(NOW, keys=())).key == ()


def test_tables_without_a_common_column_cannot_be_compared() -> None:
    other = table("stay", number="integer")
    assert pair_tables(WAS, other, only=False, zone="UTC", pages=1) is None
    empty = replace(WAS, columns={}, keys=())
    assert pair_tables(empty, empty, only=False, zone="UTC", pages=1) is not None


def test_a_column_of_another_type_is_written_alike_and_told() -> None:
    found = pair(WAS, table("stay", id="bigint", code="text"))
    assert found.types[0] == {"id": "text", "code": "text"}
    assert found.retyped == ("id",)
    assert found.describe_retyped("id") == "id was integer and is bigint"
    as_text = pair(WAS, table("stay", id="bigint", code="text"), plain=True)
    assert "concat(r.id)" in as_text.sql[0]
    assert as_text.types == ({"id": "text", "code": "text"}, {"id": "text", "code": "text"})


def test_tables_that_stood_alone_are_read_with_the_one_that_they_are_part_of_now() -> None:
    part = replace(WAS, name="stay_2025")
    found = pair(WAS, NOW, attached=(part, table("stay_odd", number="integer")))
    assert "public.stay r\nUNION ALL\nSELECT" in found.sql[0]
    assert "stay_2025" in found.sql[0]
    assert "stay_odd" not in found.sql[0]
    assert "stay_2025" not in found.sql[1]


def test_a_pair_gives_the_row_set_and_the_hashing_of_each_side() -> None:
    found = pair(WAS, NOW)
    rows = found.row_set(1)
    assert (rows.sql, rows.columns, rows.key) == (found.sql[1], ("id", "code", "price"), 1)
    assert replace(found, key=()).row_set(0).key == 3
    assert found.hashing("native", 7).native == {"id": "integer", "code": "text"}
    assert found.hashing("portable", 7).native == {}


@pytest.mark.parametrize(("changes", "type_"), [(None, "integer"), (TableChanges(), "bigint")])
def test_declared_values_have_the_types_of_the_columns_that_hold_them(changes: TableChanges | None, type_: str) -> None:
    found = replace(pair(WAS, table("stay", id="bigint", code="text")), changes=changes)
    assert found.sides_roots == ({"id": type_, "code": "text"}, {"id": "bigint", "code": "text"})
