"""Rows are hashed by functions of the server that both sides have alike, and by nothing but SHA-256 elsewhere."""

import pytest

from postmigration.diff.hashing import Method, hashing

TYPES = {"id": "uuid", "name": "text", "born": "date", "status": "enum"}


@pytest.mark.parametrize(
    ("method", "there", "absent"), [("native", "extended", "sha256"), ("portable", "sha256", "hash")]
)
def test_the_method_is_the_one_that_was_asked_for(method: Method, there: str, absent: str) -> None:
    alike = hashing(TYPES, TYPES, method)
    for sql in (alike.row(list(TYPES)), *(alike.key([name]) for name in TYPES)):
        assert there in sql
        assert absent not in sql


@pytest.mark.parametrize(
    ("columns", "type_"),
    [(["id"], "uuid"), (["name"], ""), (["born"], ""), (["status"], ""), (["id", "name"], ""), (["name", "id"], "")],
)
def test_only_a_key_of_one_plain_column_is_found_again_by_its_text(columns: list[str], type_: str) -> None:
    assert hashing(TYPES, TYPES, "native").find_key_type(columns) == type_
    assert hashing(TYPES, {**TYPES, "id": "text"}, "native").find_key_type(columns) == ""
    assert hashing(TYPES, TYPES, "portable").find_key_type(columns) == ""
