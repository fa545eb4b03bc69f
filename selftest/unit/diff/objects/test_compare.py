import pytest

from postmigration.diff.objects.compare import Context, Difference, compare_objects, find_flaws
from selftest.unit.diff.objects.made import Made, column, first, function, index, part, relation, schema

BEFORE = schema() | relation("stay") | column("stay", "id", "integer", {"not null": "yes", "default": "0"})


def compare(before: Made, after: Made, *, alike: bool = True) -> list[Difference]:
    return list(compare_objects(before, after, Context(alike)))


def said(found: list[Difference]) -> list[tuple[str, str, str]]:
    return [(one.check, one.level, one.statement) for one in found]


def test_the_same_objects_are_no_difference() -> None:
    assert compare(BEFORE, BEFORE) == []


@pytest.mark.parametrize(
    ("facts", "level", "words", "repair"),
    [
        (
            {"type": "bigint"},
            "told",
            "the type of column public.stay.id was integer, is bigint",
            "",
        ),
        (
            {"type": "smallint"},
            "blocker",
            "the type of column public.stay.id was integer, is smallint",
            "ALTER TABLE public.stay ALTER COLUMN id DROP DEFAULT; ALTER TABLE public.stay ALTER COLUMN id TYPE "
            "integer; ALTER TABLE public.stay ALTER COLUMN id SET DEFAULT 0;",
        ),
        (
            {"not null": "no"},
            "blocker",
            "column public.stay.id is no longer NOT NULL",
            "ALTER TABLE public.stay ALTER COLUMN id SET NOT NULL;",
        ),
        (
            {"default": "1"},
            "blocker",
            "the default of column public.stay.id was 0, is 1",
            "ALTER TABLE public.stay ALTER COLUMN id SET DEFAULT 0;",
        ),
    ],
)
def test_a_property_that_is_another_one_is_told_with_what_brings_it_back(
    facts: dict[str, str], level: str, words: str, repair: str
) -> None:
    name, was = first(column("stay", "id", "integer", {"not null": "yes", "default": "0"}))
    (found,) = compare(BEFORE, BEFORE | {name: {**was, **facts}})
    assert (found.check, found.level, found.statement, found.repair) == ("columns", level, words, repair)


def test_what_is_lost_blocks_and_what_is_new_is_told() -> None:
    by_day = index("by_day", "stay", "(day)")
    assert said(compare(BEFORE | by_day, BEFORE)) == [("indexes", "blocker", "index public.by_day is gone: (day)")]
    assert said(compare(BEFORE, BEFORE | by_day)) == [("indexes", "told", "index public.by_day is new")]
    # What stands on a table goes with it.
    (lost,) = compare(BEFORE | relation("room") | column("room", "id"), BEFORE)
    assert (lost.check, lost.level, lost.statement) == ("tables", "blocker", "table public.room is gone")
    assert lost.is_loss
    mine = part("policy", "mine", "stay", {"using": "true"})
    (found,) = compare(BEFORE, BEFORE | mine)
    assert (found.level, found.statement) == ("warning", "policy mine on public.stay is new, and nobody declared it")
    assert found.repair == "DROP POLICY mine ON public.stay;"


def test_a_schema_is_lost_with_all_that_stands_in_it() -> None:
    (found,) = compare(BEFORE, {})
    assert (found.level, found.statement) == ("blocker", "schema public is gone, with 1 object in it")


def test_a_unique_constraint_may_become_a_unique_index() -> None:
    facts = {"kind": "unique", "columns": "code", "definition": "UNIQUE (code)"}
    unique = index("code", "stay", " USING btree (code)", {"unique": "True"})
    found = compare(BEFORE | part("constraint", "code", "stay", facts), BEFORE | unique)
    assert {one.level for one in found} == {"warning", "told"}
    # It is gone, and yet nothing is lost.
    assert not any(one.is_loss for one in found)


def test_a_view_of_two_versions_of_the_server_is_compared_by_what_it_reads() -> None:
    def view(text: str, reads: str) -> Made:
        return BEFORE | relation("shown", {"definition": text, "refers to": reads}, "view")

    was, now = view("SELECT stay.id FROM stay", "public.stay.id"), view("SELECT id FROM stay", "public.stay.id")
    assert compare(was, now, alike=False) == []
    assert len(compare(was, now)) == 1
    (found,) = compare(was, view("SELECT id FROM room", "public.room.id"), alike=False)
    assert found.statement == "view public.shown reads public.room.id, and read public.stay.id"


def test_a_function_that_runs_with_the_rights_of_its_owner_is_as_grave_as_who_may_call_it() -> None:
    was, now = (BEFORE | function("show", {"security definer": text}) for text in ("False", "True"))
    name = first(function("show"))[0]
    for callers, level in (({str(name): {"anon"}}, "blocker"), ({}, "warning")):
        (found,) = compare_objects(was, now, Context(callers=callers))
        assert found.level == level
        assert ("and anon may call it" in found.statement) is bool(callers)
    (safer,) = compare(now, was)
    assert safer.statement.endswith("runs with the rights of its caller, and ran with those of its owner")


def test_a_trigger_is_told_by_the_function_that_it_calls() -> None:
    was, now = (
        BEFORE | part("trigger", "noted", "stay", {"definition": f"BEFORE UPDATE EXECUTE FUNCTION public.{called}()"})
        for called in ("note_it", "note_{it}")
    )
    ((_, level, words),) = said(compare(was, now))
    assert (level, words) == (
        "blocker",
        "trigger noted on public.stay calls public.note_{it}(), and called public.note_it()",
    )


def test_what_changed_for_all_partitions_is_told_of_their_parent() -> None:
    def table(default: str) -> Made:
        return (
            schema()
            | relation("log", {"partition key": "RANGE (n)"})
            | column("log", "n", "integer", {"default": default})
            | relation("log_1", {"partition of": "public.log"})
            | column("log_1", "n", "integer", {"default": default, "inherited": "True"})
        )

    assert [str(one.name) for one in compare(table("1"), table("2"))] == ["column public.log.n"]


def test_the_key_of_a_table_that_is_partitioned_now_must_have_more_columns() -> None:
    def table(columns: str, facts: dict[str, str]) -> Made:
        key = {"kind": "primary key", "columns": columns, "definition": f"PRIMARY KEY ({columns})"}
        return schema() | relation("log", facts) | part("constraint", "log_pkey", "log", key)

    was, now = table("id", {}), table("id, day", {"partition key": "RANGE (day)"})
    assert {one.name.kind: one.level for one in compare(was, now)} == {"constraint": "warning", "table": "told"}
    assert [one.level for one in compare(was, table("id, day", {}))] == ["blocker"]


@pytest.mark.parametrize(
    ("before", "level"),
    [
        (None, "warning"),
        (BEFORE, "blocker"),  # a new one
        (BEFORE | index("code", "stay", "(code)", {"unique": "True", "valid": "False"}), "warning"),
    ],
)
def test_an_invalid_index_is_wrong_whatever_it_was(before: Made | None, level: str) -> None:
    after = BEFORE | index("code", "stay", "(code)", {"unique": "True", "valid": "False"})
    (found,) = find_flaws(before, after)
    assert (found.check, found.level) == ("indexes", level)
    assert found.statement == "index public.code is invalid: no query uses it, and it need not be unique"
    assert found.repair == "REINDEX INDEX CONCURRENTLY public.code;"


def test_a_flaw_that_came_with_the_migration_is_told_as_a_change() -> None:
    sound = BEFORE | index("code", "stay", "(code)", {"unique": "True"})
    broken = BEFORE | index("code", "stay", "(code)", {"unique": "True", "valid": "False"})
    assert list(find_flaws(sound, broken)) == []
    assert [one.level for one in compare(sound, broken)] == ["blocker"]
