import pytest

from postmigration.diff.objects.definers import find_definers
from postmigration.diff.objects.privileges import read_state
from selftest.unit.diff.objects.made import Made, function, grant, relation, role, schema

WORLD = (
    schema()
    | grant("USAGE", "SCHEMA public", "anon")
    | relation("stay")
    | role("anon")
    | role("root", {"rolsuper": "True"})
    | grant("EXECUTE", "ROUTINE public.show()", "anon")
)
READS = {"security definer": "True", "owner": "root", "body": "SELECT note FROM public.stay"}


def find(after: Made, before: Made | None = None) -> list[tuple[str, str]]:
    known = None if before is None else (before, read_state(before, ["anon"]))
    return [(one.level, one.statement) for one in find_definers(known, (after, read_state(after, ["anon"])), ["anon"])]


def test_a_function_of_a_superuser_that_shows_what_its_callers_may_not_read_is_found() -> None:
    words = "function public.show() runs as a superuser, and shows anon what is in table public.stay"
    world = WORLD | function("show", READS)
    assert find(world) == [("warning", f"{words}, which they may not read")]
    ((level, inherited),) = find(world, world)
    assert (level, inherited) == (
        "told",
        "function public.show() runs as a superuser, and shows what its callers may not read; it was so before",
    )


@pytest.mark.parametrize(
    "more",
    [
        function("show", {**READS, "security definer": "False"}),
        function("show", {**READS, "owner": "keeper"}),
        function("show", {**READS, "returns": "trigger"}),
        function("show", {**READS, "body": "SELECT 1"}),
        function("show", {**READS, "body": "SELECT note FROM other.stay"}),
        function("show", READS) | grant("SELECT", "TABLE public.stay", "anon"),
        function("show", READS) | role("anon", {"rolsuper": "True"}),
    ],
)
def test_others_are_not_accused(more: Made) -> None:
    assert find(WORLD | more) == []


@pytest.mark.parametrize("body", ['SELECT FROM "stay"', "select from STAY s", "SELECT FROM room JOIN ONLY public.stay"])
def test_tables_are_found_as_the_text_names_them(body: str) -> None:
    assert len(find(WORLD | function("show", {**READS, "body": body, "search_path": "pg_catalog, public"}))) == 1
    outside = function("show", {**READS, "body": "SELECT FROM stay", "search_path": "pg_catalog"})
    assert find(WORLD | outside) == []


def test_whole_rows_of_a_table_with_row_level_security_are_shown_past_it() -> None:
    secured = WORLD | relation("stay", {"row-level security": "True"}) | grant("SELECT", "TABLE public.stay", "anon")
    assert len(find(secured | function("show", {**READS, "returns": "SETOF stay"}))) == 1
    assert find(secured | function("show", {**READS, "returns": "bigint"})) == []
