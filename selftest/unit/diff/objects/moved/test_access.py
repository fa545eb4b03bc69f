from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.moved.access import compare_grants, compare_policies, compare_switches
from postmigration.diff.objects.moved.moves import Moves, read_moves
from postmigration.diff.objects.privileges import read_state
from postmigration.model.changes import Change, GoneTable, MovedRows, NewTable
from postmigration.postgres.schema_objects import Objects
from selftest.unit.diff.objects.made import part

MOVE = MovedRows(table="booking", to="visit", key={"number": "r.id"}, columns={"code": "r.code"})
CHANGES: list[Change] = [NewTable(table="visit"), GoneTable(table="booking"), MOVE]


def read(before: Objects, moved: Objects) -> Moves:
    return read_moves(before, moved, CHANGES)


def said(found: list[Difference]) -> list[tuple[str, str, str]]:
    return [(one.level, one.statement, one.repair) for one in found]


def test_row_level_security_that_is_off_now_blocks(before: Objects, moved: Objects) -> None:
    moves = read(before, moved)
    off, unforced = said(list(compare_switches(moves, moves.all[0])))
    assert off == (
        "blocker",
        "row-level security of table public.visit is off, and was on of table public.booking, whose rows it took over: "
        "whoever may read it sees all these rows",
        "ALTER TABLE public.visit ENABLE ROW LEVEL SECURITY;",
    )
    assert unforced[2] == "ALTER TABLE public.visit FORCE ROW LEVEL SECURITY;"


def test_a_policy_that_opens_rows_blocks(before: Objects, moved: Objects) -> None:
    moves = read(before, moved)
    ((level, words, repair),) = said(list(compare_policies(moves, moves.all[0])))
    assert level == "blocker"
    assert words.startswith("policy everybody on public.visit lets PUBLIC pass for ALL of any row, and no policy of")
    assert repair == "DROP POLICY everybody ON public.visit;"


def test_the_same_policy_on_the_new_table_is_sound(before: Objects, moved: Objects) -> None:
    was = next(facts for name, facts in before.items() if name == "policy mine on public.booking")
    kept = {name: facts for name, facts in moved.items() if name.kind != "policy"}
    moves = read(before, kept | part("policy", "mine", "visit", {**was, "of": "table public.visit"}))
    assert list(compare_policies(moves, moves.all[0])) == []
    moves = read(before, kept)
    ((level, words, repair),) = said(list(compare_policies(moves, moves.all[0])))
    assert (level, words.endswith("has no such policy for SELECT")) == ("blocker", True)
    assert repair.startswith("CREATE POLICY mine ON public.visit FOR SELECT TO unit_app USING (")


def test_privileges_on_the_new_table_are_those_on_the_old_one(before: Objects, moved: Objects) -> None:
    moves = read(before, moved)
    states = read_state(before, ()), read_state(moved, ())
    gained, lost = said([one for one in compare_grants(moves, moves.all[0], states) if "unit_app" in one.name])
    assert gained == (
        "blocker",
        "unit_app has DELETE on table public.visit, and had it not on table public.booking, whose rows it took over",
        "REVOKE DELETE ON TABLE public.visit FROM unit_app;",
    )
    assert lost[2] == "GRANT UPDATE ON TABLE public.visit TO unit_app;"


def test_a_table_that_stays_keeps_who_may_see_its_rows(before: Objects, moved: Objects) -> None:
    there = {**before, **{name: facts for name, facts in moved.items() if "visit" in name}}
    moves = read_moves(before, there, [NewTable(table="visit"), MOVE])
    assert moves.all[0].stays
    states = read_state(before, ()), read_state(there, ())
    assert [one.repair.split()[0] for one in compare_grants(moves, moves.all[0], states)] == ["REVOKE"]
    assert [one.what for one in compare_policies(moves, moves.all[0])] == ["taken over: open policy"]
