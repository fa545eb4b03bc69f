import pytest

from postmigration.diff.objects.retypes import change_types, without_casts
from postmigration.postgres.schema_objects import Objects
from selftest.unit.diff.objects.conftest import by_text
from selftest.unit.diff.objects.made import Made, column, part

CENTS, DONE = ("public", "booking", "cents"), ("public", "booking", "done")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("(cents > 0)", "(cents > 0)"),
        ("((cents)::numeric > '0'::numeric)", "(cents > 0)"),
        ("(code)::character varying(20)", "code"),
        ("x::double precision + y::timestamp with time zone", "x + y"),
        ("name = 'a'::public.mood", "name = 'a'"),
    ],
)
def test_an_expression_is_compared_without_its_casts(text: str, plain: str) -> None:
    assert without_casts(text) == plain


def test_a_column_has_its_new_type_and_so_have_those_of_views(before: Objects, retyped: Objects) -> None:
    expected, there = by_text(change_types(before, retyped, [CENTS, DONE])), by_text(retyped)
    for text in ("column public.booking.cents", "column public.shown.cents", "column public.shown.done"):
        assert expected[text]["type"] == there[text]["type"]
    # `0` and `false` are the same constant as their types write it.
    assert expected["column public.booking.done"]["default"] == "false"
    assert expected["constraint paid on public.booking"]["definition"] == "CHECK ((cents > 0))"


def test_other_columns_stay_what_they_were(before: Objects, retyped: Objects) -> None:
    assert change_types(before, retyped, []) == before
    expected = by_text(change_types(before, retyped, [CENTS]))
    assert expected["column public.booking.done"] == by_text(before)["column public.booking.done"]


def test_a_sequence_goes_with_the_number_that_it_counted(before: Objects, retyped: Objects) -> None:
    expected = by_text(change_types(before, retyped, [("public", "payment", "id")]))
    assert "sequence public.payment_id_seq" not in expected
    assert "default" not in expected["column public.payment.id"]
    assert expected["column public.payment.id"]["type"] == "text"


def test_a_text_that_casts_alone_tell_from_the_one_of_now_is_the_same() -> None:
    def side(type_: str, definition: str) -> Made:
        return column("stay", "code", type_) | part("constraint", "known", "stay", {"definition": definition})

    was = side("character varying(5)", "CHECK (((code)::text = 'a'::text))")
    changed = ("public", "stay", "code")
    for text, same in (("CHECK ((code = 'a'::text))", True), ("CHECK ((code = 'b'::text))", False)):
        now = side("text", text)
        expected = by_text(change_types(was, now, [changed]))
        assert (expected["constraint known on public.stay"]["definition"] == text) is same
