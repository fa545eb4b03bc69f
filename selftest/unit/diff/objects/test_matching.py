from postmigration.diff.objects.matching import Pair, match_objects
from selftest.unit.diff.objects.made import Made, first, index, part, relation


def match(before: Made, after: Made) -> dict[str, str | None]:
    """For each object of before what it is called now; for each other one None."""
    return {
        str(pair.name): str(pair.renamed) if pair.was is not None and pair.now is not None else None
        for pair in match_objects(before, after)
    }


def test_an_object_is_found_by_what_it_is_before_its_name() -> None:
    before = index("by_day", "stay", "(day)") | index("by_room", "stay", "(room)")
    after = index("by_room", "stay", "(day)") | index("other", "stay", "(room)")
    assert match(before, after) == {
        "index public.by_day": "index public.by_room",
        "index public.by_room": "index public.other",
    }


def test_one_of_its_name_is_the_same_though_it_has_changed() -> None:
    assert match(index("by_day", "stay", "(day)"), index("by_day", "stay", "(day, room)")) == {
        "index public.by_day": "index public.by_day"
    }


def test_a_constraint_of_another_name_is_found_by_its_columns() -> None:
    was = part("constraint", "old", "stay", {"kind": "check", "columns": "cents", "definition": "CHECK (cents > 0)"})
    now = part("constraint", "new", "stay", {"kind": "check", "columns": "cents", "definition": "CHECK (cents > 1)"})
    assert match(was, now) == {"constraint old on public.stay": "constraint new on public.stay"}
    elsewhere = part("constraint", "new", "room", dict(first(now)[1]))
    assert match(was, elsewhere) == {"constraint old on public.stay": None, "constraint new on public.room": None}


def test_a_view_may_stand_where_a_table_stood() -> None:
    assert match(relation("stay"), relation("stay", kind="view")) == {"table public.stay": "view public.stay"}
    assert match(relation("stay"), relation("room")) == {"table public.stay": None, "table public.room": None}


def test_a_pair_has_the_facts_of_afterwards_where_there_are_any() -> None:
    name, facts = first(relation("stay"))
    assert Pair(name, facts, None, name).facts == facts
    assert Pair(name, facts, {"owner": "other"}, name).facts == {"owner": "other"}
