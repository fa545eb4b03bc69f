import pytest

from postmigration.diff.objects.renames import (
    Renames,
    bare,
    find_names,
    list_filled,
    list_tables,
    split_tokens,
)
from postmigration.postgres.schema_objects import Objects
from selftest.unit.diff.objects.conftest import by_text

RENAMES = Renames(
    {("public", "booking"): ("public", "stay"), ("public", "log"): ("past", "Log")},
    {("public", "booking", "cents"): "netCents", ("public", "payment", "booking"): "stay"},
    {("public", "booking"), ("public", "payment"), ("public", "log"), ("public", "house")},
)


@pytest.mark.parametrize(("written", "name"), [("stay", "stay"), ('"Stay"', "Stay"), ('"a""b"', 'a"b')])
def test_a_name_is_read_as_sql_writes_it(written: str, name: str) -> None:
    assert bare(written) == name


def test_a_definition_is_split_without_loss() -> None:
    text = """CHECK (((cents)::numeric > 0.5) AND ("Note" <> 'it''s a "name"'::text))"""
    assert "".join(split_tokens(text)) == text
    assert find_names(text) == {"CHECK", "cents", "numeric", "AND", "Note", "text"}


@pytest.mark.parametrize(
    ("text", "own", "written"),
    [
        ("CHECK ((cents > 0))", "booking", 'CHECK (("netCents" > 0))'),
        ("CHECK ((cents > 0))", "house", "CHECK ((cents > 0))"),
        ("(note = 'cents'::text)", "booking", "(note = 'cents'::text)"),
        (
            "FOREIGN KEY (booking) REFERENCES public.booking(id)",
            "payment",
            "FOREIGN KEY (stay) REFERENCES public.stay(id)",
        ),
        ("SELECT b.cents FROM public.booking b", "", 'SELECT b."netCents" FROM public.stay b'),
        ("SELECT booking.cents FROM public.booking", "", 'SELECT stay."netCents" FROM public.stay'),
        ("SELECT public.booking.cents", "", 'SELECT public.stay."netCents"'),
        ("SELECT cents(1) FROM public.log", "booking", 'SELECT cents(1) FROM past."Log"'),
        ("other.booking", "", "other.booking"),
        # A type and the name of a result are no columns.
        ("(note)::cents", "booking", "(note)::cents"),
        ("SELECT fax AS cents", "booking", "SELECT fax AS cents"),
    ],
)
def test_a_definition_is_written_with_the_names_of_afterwards(text: str, own: str, written: str) -> None:
    assert RENAMES.rewrite(text, ("public", own) if own else None) == written


def test_sql_of_a_project_names_the_table_that_it_reads() -> None:
    assert RENAMES.rewrite_of("cents > 5", "public.booking") == '"netCents" > 5'
    assert RENAMES.rewrite_of("cents > 5", "public.house") == "cents > 5"
    assert RENAMES.mentions("cents > 5")
    assert not RENAMES.mentions("euro > 5")
    assert RENAMES.rename_table(("public", "booking")) == ("public", "stay")
    assert RENAMES.rename_table(("public", "house")) == ("public", "house")
    assert (RENAMES.spell("Log"), RENAMES.spell("stay")) == ('"Log"', "stay")


@pytest.mark.parametrize(
    ("was", "now", "explains"),
    [
        ("SELECT cents FROM public.booking", 'SELECT "netCents" FROM public.stay', True),
        ("SELECT cents FROM public.booking", 'SELECT "netCents" AS cents FROM public.stay', True),
        ("SELECT cents FROM public.booking", "SELECT cents FROM public.booking WHERE true", False),
        ("SELECT cents FROM public.booking", "SELECT fax FROM public.stay", False),
    ],
)
def test_other_names_explain_another_text(was: str, now: str, explains: bool) -> None:
    assert RENAMES.explains(was, now) is explains


def test_all_objects_of_before_are_called_as_afterwards(before: Objects, renamed: Objects) -> None:
    renames = Renames(
        {("public", "booking"): ("public", "stay")},
        {("public", "booking", "cents"): "netCents", ("public", "payment", "booking"): "stay"},
        list_tables(before),
    )
    called, there = by_text(renames.rename_all(before)), by_text(renamed)
    # An index and the sequence keep their names, and so does what a constraint is called.
    assert called.keys() == there.keys()
    for text in ("constraint paid on public.stay", "constraint payment_booking_fkey on public.payment"):
        assert called[text]["definition"] == there[text]["definition"]
        assert called[text]["columns"] == there[text]["columns"]
    assert called['column public.stay."netCents"']["~id"] == '"netCents"'
    reads = [sorted(side["view public.shown"]["refers to"].split(", ")) for side in (called, there)]
    assert reads[0] == reads[1] == ["public.stay.done", "public.stay.id", "public.stay.netCents"]
    assert called["policy mine on public.stay"] == there["policy mine on public.stay"]
    assert "comment on column fax of table public.stay" in called


def test_a_sequence_fills_the_column_that_owns_it(before: Objects) -> None:
    filled = {str(name): list(list_filled(name, facts)) for name, facts in before.items() if name.kind == "sequence"}
    assert filled == {"sequence public.payment_id_seq": [("public", "payment", "id")]}
    assert list_tables(before) >= {("public", "shown"), ("public", "log_2025")}
