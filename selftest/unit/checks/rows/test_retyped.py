import pytest

from postmigration.checks.contents.tables import Column
from postmigration.checks.rows.retyped import (
    TEXT,
    may_lose,
    write_generated,
    write_kept,
    write_number,
    write_plain,
    write_text,
    write_values,
)
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("CREATE DOMAIN euro AS numeric(8, 3)")


def column(type_: str) -> Column:
    root = type_.partition("(")[0]
    return Column("value", type_, False, "", root, type_, 1)


@pytest.mark.parametrize(
    ("was", "value", "now", "same"),
    [
        ("integer", "42", "numeric", "42.00"),
        ("real", "0.1", "double precision", "0.1"),
        ("boolean", "true", "integer", "1"),
        ("boolean", "false", "text", "' No '"),
        ("character(4)", "'ab'", "text", "'ab'"),
        ("integer", "7", "text", "'7.0'"),
        ("date", "'2025-03-30'", "timestamp with time zone", "'2025-03-30 00:00+01'"),
        ("timestamp with time zone", "'2025-07-01 10:00+00'", "timestamp without time zone", "'2025-07-01 12:00'"),
        ("uuid", "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'", "text", "'4E1B2B1C-0C5F-4F5E-9D7A-3A8D1C5B7E90'"),
        ("json", '\'{"b":1,  "a":2}\'', "jsonb", '\'{"a": 2, "b": 1}\''),
        ("cidr", "'10.0.0.1/32'", "inet", "'10.0.0.1'"),
        ("interval", "'1 hour'", "text", "'01:00:00'"),
    ],
)
def test_values_of_two_types_that_say_the_same_are_written_alike(
    snapshot: Snapshot, was: str, value: str, now: str, same: str
) -> None:
    how = write_values(column(was), column(now), "Europe/Berlin")
    assert how is not None
    before, after = (
        snapshot.scalar(f"SELECT {sql.replace('{0}', f'CAST({text} AS {type_})')}")
        for sql, text, type_ in zip(how, (value, same), (was, now), strict=True)
    )
    assert before == after
    assert before is not None


def test_a_number_with_a_leading_zero_stays_a_text(snapshot: Snapshot) -> None:
    how = write_values(column("integer"), column("text"), "UTC")
    assert how is not None
    assert snapshot.scalar(f"SELECT {how[1].replace('{0}', chr(39) + '007' + chr(39))}") == "007"


@pytest.mark.parametrize(("number", "text"), [("42.500", "42.5"), ("100", "100"), ("0.00", "0"), ("NULL", None)])
def test_a_number_is_written_without_zeros_that_say_nothing(snapshot: Snapshot, number: str, text: str | None) -> None:
    assert snapshot.scalar(f"SELECT {write_number(number)}") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("CAST(1.50 AS numeric)", "1.5"),
        ("CAST(1.5 AS public.euro)", "1.5"),
        ("CAST('1.50' AS text)", "1.50"),
        ("CAST(100 AS integer)", "100"),
        ("CAST(NULL AS numeric)", None),
    ],
)
def test_a_number_is_written_so_whatever_type_a_value_may_have(
    snapshot: Snapshot, value: str, text: str | None
) -> None:
    assert snapshot.scalar(f"SELECT {write_plain(value, f'CAST({value} AS text)')}") == text


def test_values_of_one_type_are_compared_as_they_are_but_for_their_decimals() -> None:
    assert write_values(column("integer"), column("integer"), "UTC") is None
    assert write_values(column("character varying(3)"), column("character varying(9)"), "UTC") is None
    wider = write_values(column("numeric(8,2)"), column("numeric(9,3)"), "UTC")
    assert wider is not None
    assert wider[0] == wider[1] == write_number("{0}")
    assert write_generated(column("numeric(8,2)"), column("numeric(9,3)")) == wider
    assert write_generated(column("integer"), column("integer")) is None


def test_what_one_side_cannot_read_is_compared_as_text() -> None:
    assert write_text(column("text"), column("integer")) == (TEXT, TEXT)
    assert write_text(column("integer"), column("integer")) is None


@pytest.mark.parametrize(
    ("value", "was", "now", "text"),
    [
        ("1500000", "real", "integer", "1500000"),
        ("1234567.5", "real", "integer", "1.2345675e+06"),
        ("1.5e16", "double precision", "bigint", "15000000000000000"),
        ("7.4", "text", "real", "7.4"),
        (" 7 ", "text", "smallint", "7"),
        ("0.1234567891", "numeric", "real", "0.1234567891"),
        ("true", "boolean", "integer", "1"),
        ("2", "integer", "boolean", "2"),
    ],
)
def test_a_value_is_written_as_its_column_writes_it_unless_that_loses_something(
    snapshot: Snapshot, value: str, was: str, now: str, text: str
) -> None:
    assert may_lose(was, now)
    assert snapshot.scalar(f"SELECT {write_kept(now).replace('{0}', f'CAST({value!r} AS {was})')}") == text


def test_a_wider_number_loses_nothing() -> None:
    assert not may_lose("real", "double precision")
    assert may_lose("double precision", "real")
    assert may_lose("", "integer")
