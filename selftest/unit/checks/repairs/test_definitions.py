"""Definitions that become again what the state before and the scripts of the migration say."""

from pathlib import Path

import pytest

from postmigration.checks.repairs.definitions import name_triggers, restore_definitions
from postmigration.checks.scripts.reading import Made, read_scripts
from postmigration.model.evidence import Finding, Subject
from postmigration.model.sqltext import DECISION
from postmigration.postgres.schema_objects import objects
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id int, note varchar(20) DEFAULT 'none', CONSTRAINT sound CHECK (id > 0));
    ALTER TABLE item ENABLE ROW LEVEL SECURITY;
    CREATE FUNCTION owner() RETURNS text LANGUAGE sql AS 'SELECT 1::text';
"""
TABLE = ("public", "item")
POLICY = "CREATE POLICY own ON item USING (true)"


@pytest.fixture
def made(tmp_path: Path) -> list[Made]:
    """What the script of the migration makes."""
    script = tmp_path / "policies.sql"
    script.write_text(f"{POLICY};\n")
    return [*read_scripts((script,), "public")]


def restore(was: Fill, now: Fill, change: str, made: list[Made], words: str = "") -> list[str]:
    lines = restore_definitions(objects(was(WORLD)), objects(now(WORLD, change)), made, [TABLE], words).splitlines()
    # Comments say what to think of first.
    return lines[lines.index("BEGIN;") + 1 : lines.index("COMMIT;")] if lines else []


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("", "refused", ""),
        ("CREATE TRIGGER keep BEFORE UPDATE ON item EXECUTE FUNCTION stay();", "refused",
         "; the trigger keep on item was not there before and stands in no script"),
        ("CREATE TRIGGER keep BEFORE UPDATE ON item EXECUTE FUNCTION stay();", "wrong_rows", ""),
        ("CREATE TRIGGER ours BEFORE UPDATE ON item EXECUTE FUNCTION stay();", "refused", ""),
    ],
)  # fmt: skip
def test_a_refusal_is_said_with_the_trigger_that_is_new(
    was: Fill, now: Fill, tmp_path: Path, change: str, code: str, words: str
) -> None:
    script = tmp_path / "triggers.sql"
    script.write_text("CREATE TRIGGER ours BEFORE UPDATE ON item EXECUTE FUNCTION stay();")
    world = f"{WORLD} CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';"
    finding = Finding("it is refused", 1, 1, code=code, subject=Subject("table", "public", "item", "item"))
    made = read_scripts((script,), "public")
    before, after = objects(was(world)), objects(now(world, change))
    assert name_triggers(finding, before, after, made).statement == f"it is refused{words}"
    assert name_triggers(finding, None, after, made) == finding


def test_what_is_another_than_before_is_said_again(was: Fill, now: Fill) -> None:
    change = """
        ALTER TABLE item DISABLE ROW LEVEL SECURITY;
        ALTER TABLE item ALTER note SET DEFAULT 'other';
        CREATE POLICY strange ON item USING (true);
        ALTER TABLE item ADD CONSTRAINT strange_too CHECK (id < 9);
    """
    assert sorted(restore(was, now, change, [])) == [
        "ALTER TABLE public.item ALTER COLUMN note SET DEFAULT 'none'::character varying;",
        "ALTER TABLE public.item DROP CONSTRAINT IF EXISTS strange_too;",
        "ALTER TABLE public.item ENABLE ROW LEVEL SECURITY;",
        "DROP POLICY IF EXISTS strange ON public.item;",
    ]


def test_what_stands_as_it_was_needs_nothing(was: Fill, now: Fill) -> None:
    assert restore(was, now, "SELECT 1", []) == []


def test_a_function_is_made_again_as_it_was(was: Fill, now: Fill) -> None:
    change = "CREATE OR REPLACE FUNCTION owner() RETURNS text LANGUAGE sql AS 'SELECT 2::text'"
    text = "\n".join(restore(was, now, change, []))
    assert text.startswith("CREATE OR REPLACE FUNCTION public.owner()")
    assert "SELECT 1::text" in text


def test_what_a_script_makes_is_made_again(was: Fill, now: Fill, made: list[Made]) -> None:
    assert restore(was, now, "SELECT 1", made) == ["DROP POLICY IF EXISTS own ON public.item;", f"{POLICY};"]


def test_what_a_script_grants_and_fires_is_said_again(was: Fill, now: Fill, tmp_path: Path) -> None:
    grant = "GRANT SELECT ON item TO pg_monitor"
    trigger = "CREATE TRIGGER own AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION fire()"
    (tmp_path / "rights.sql").write_text(f"{grant};\nGRANT EXECUTE ON FUNCTION owner() TO item;\n{trigger};\n")
    made = [*read_scripts((tmp_path / "rights.sql",), "public")]
    fire = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    other = trigger.replace("fire()", "other()")
    lines = restore(was, now, f"{fire.format('fire')}{fire.format('other')}{other}", made)
    # The trigger is there, and calls another function.
    assert [line for line in lines if line.startswith(("GRANT", "CREATE TRIGGER"))] == [f"{grant};", f"{trigger};"]


def test_a_trigger_that_stands_as_it_was_said_needs_nothing(was: Fill, now: Fill, tmp_path: Path) -> None:
    trigger = "CREATE TRIGGER own AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION fire()"
    (tmp_path / "triggers.sql").write_text(f"{trigger};\n")
    made = [*read_scripts((tmp_path / "triggers.sql",), "public")]
    fire = "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    assert restore(was, now, fire + trigger, made) == []


def test_a_stranger_that_is_named_is_withdrawn_from_everybody(was: Fill, now: Fill) -> None:
    lines = restore(was, now, "CREATE VIEW open AS SELECT * FROM item", [], "rows that open shows")
    (line,) = lines
    assert line.startswith("REVOKE ALL ON TABLE public.open FROM PUBLIC")


def test_without_a_state_before_somebody_decides(now: Fill) -> None:
    after = objects(now(WORLD, "CREATE POLICY strange ON item USING (true)"))
    lines = restore_definitions(None, after, [], [TABLE], "").splitlines()
    assert f"{DECISION}DROP POLICY IF EXISTS strange ON public.item;" in lines


@pytest.mark.parametrize(
    ("known", "by_script", "said"),
    [
        (
            *(True, True),
            "sets definitions back to those of the state before and policies.sql and drops policies that are not in "
            "the state before or policies.sql. Risk: what somebody added on purpose since then is dropped",
        ),
        (
            *(True, False),
            "drops policies that are not in the state before. ",
        ),
        (
            *(False, True),
            "sets definitions back to those of policies.sql and drops policies and constraints that are not in "
            "policies.sql. Risk: ",
        ),
        (False, False, "drops policies and constraints that no script makes. Risk: "),
    ],
)
def test_who_runs_it_and_what_it_does_is_said_first(
    now: Fill, made: list[Made], known: bool, by_script: bool, said: str
) -> None:
    after = objects(now(WORLD, "CREATE POLICY strange ON item USING (true)"))
    before = {name: facts for name, facts in after.items() if name.name != "strange"}
    text = restore_definitions(before if known else None, after, made if by_script else [], [TABLE], "")
    first = " ".join(line.removeprefix("-- ") for line in text.partition("\nBEGIN;")[0].splitlines()[1:])
    assert first.startswith(f"the DBA runs it after the developer has agreed: it {said}")


def test_what_is_not_dropped_is_not_said_to_be(was: Fill, now: Fill, made: list[Made]) -> None:
    view = "CREATE VIEW open AS SELECT * FROM item"
    before, after = objects(was(WORLD)), objects(now(WORLD, view))
    closed = restore_definitions(before, after, [], [TABLE], "rows that open shows").replace("\n-- ", " ")
    assert (
        "has agreed: it revokes all privileges of PUBLIC and the roles of the API on objects that are not in" in closed
    )
    assert "drops" not in closed
    assert closed.startswith("-- run this after all repairs of rows ")
    back = restore_definitions(before, before, made, [TABLE], "")
    assert "drop" not in back.partition("BEGIN;")[0]
