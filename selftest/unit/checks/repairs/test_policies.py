"""Which policies may be why people see or may do something else is said as the catalogs show it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from postmigration.checks.repairs.policies import Deviation, find_deviations, name_policies
from postmigration.checks.scripts.reading import Made, read_all_text, read_scripts
from postmigration.model.evidence import Finding, Subject
from postmigration.postgres.schema_objects import objects
from selftest.unit.uncommitted import Fill

TABLE = ("public", "item")
WORLD = """
    CREATE TABLE item (id int, kind text, at timestamptz);
    ALTER TABLE item ENABLE ROW LEVEL SECURITY;
    CREATE TABLE team (id int, kind text);
    CREATE FUNCTION tenant() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION other_tenant() RETURNS int LANGUAGE sql AS 'SELECT 2';
    CREATE POLICY "Staff can view" ON item FOR SELECT USING (id = 1);
"""
GONE = 'the SELECT policy "Staff can view" on item of before is gone'
CHANGED = 'the SELECT policy "Staff can view" on item is not as it was before'
# As a person writes it: the server writes it otherwise.
SAID = """
    CREATE POLICY made ON item FOR SELECT TO PUBLIC USING (
        id = (SELECT Tenant()) AND kind IN ('big', 'small') AND at > '2020-1-1' AND (true = 'yes')
        AND EXISTS (SELECT FROM team t WHERE t.id = item.id AND kind = 'it''s')
    )
"""


def make(tmp_path: Path, text: str) -> Sequence[Made]:
    (tmp_path / "made.sql").write_text(f"{text};\n")
    return read_scripts((tmp_path / "made.sql",), "public")


def find(code: str, statement: str = "x", *, kind: str = "table", table: str = "item") -> Finding:
    return Finding(statement, 1, 9, code=code, subject=Subject(kind, "public", table, table, who="ann"))


def say(finding: Finding, tables: Sequence[tuple[str, str]], deviations: Sequence[Deviation]) -> tuple[str, ...]:
    return name_policies(finding, tables, deviations).subject.remarks


def told(deviations: Sequence[Deviation], *codes: str) -> dict[str, tuple[str, ...]]:
    return {code: say(find(code), [TABLE], deviations) for code in codes}


@pytest.mark.parametrize(
    ("change", "hidden", "open_", "unwritable"),
    [
        ("SELECT 1", "", "", ""),
        ('DROP POLICY "Staff can view" ON item', GONE, "", GONE),
        ('ALTER POLICY "Staff can view" ON item USING (id = 2)', CHANGED, CHANGED, CHANGED),
        ("CREATE POLICY fix ON item USING (true)", "", "the policy fix on item was not there before", ""),
        ("CREATE POLICY fix ON team USING (true)", "", "", ""),
        ('ALTER POLICY "Staff can view" ON item RENAME TO "Staff may view"', "", "", ""),
        (
            "CREATE POLICY fix ON item AS RESTRICTIVE FOR INSERT WITH CHECK (false)",
            "",
            "",
            "the restrictive INSERT policy fix on item was not there before",
        ),
        ("ALTER TABLE item DISABLE ROW LEVEL SECURITY", "", "row-level security on item is off, and was on before", ""),
    ],
    ids=["as it was", "gone", "changed", "new", "elsewhere", "another name", "restrictive", "off"],
)
def test_what_differs_from_before_is_named_for_whom_it_concerns(
    was: Fill, now: Fill, change: str, hidden: str, open_: str, unwritable: str
) -> None:
    deviations = [*find_deviations(objects(was(WORLD)), objects(now(WORLD, change)), [])]
    said = told(deviations, "rows_hidden", "rows_open", "write_lost", "index_lost")
    assert {code: "; ".join(words) for code, words in said.items()} == {
        **{"rows_hidden": hidden, "rows_open": open_, "write_lost": unwritable, "index_lost": ""}
    }


def test_what_is_declared_or_dropped_by_a_script_is_not_named(was: Fill, now: Fill, tmp_path: Path) -> None:
    before, after = objects(was(WORLD)), objects(now(WORLD, 'DROP POLICY "Staff can view" ON item'))
    (name,) = (name for name in before if name.kind == "policy")
    assert [*find_deviations(before, after, [], {name})] == []
    assert [
        *find_deviations(before, after, make(tmp_path, 'DROP POLICY IF EXISTS "Staff can view" ON public.item'))
    ] == []


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (SAID, ""),
        ("", "the SELECT policy made on item, which made.sql makes, is missing"),
        (SAID.replace("Tenant()", "other_tenant()"), "the SELECT policy made on item is not as made.sql makes it"),
        (SAID.replace(", 'small'", ""), "the SELECT policy made on item is not as made.sql makes it"),
        (SAID.replace("FOR SELECT", "FOR ALL"), "the policy made on item is not as made.sql makes it"),
    ],
    ids=["as it is said", "missing", "another function", "fewer texts", "another command"],
)
def test_without_a_state_before_what_a_script_makes_is_named(now: Fill, tmp_path: Path, stands: str, said: str) -> None:
    after = objects(now(WORLD, *([stands] if stands else [])))
    deviations = [*find_deviations(None, after, make(tmp_path, SAID))]
    assert "; ".join(say(find("rows_hidden"), [TABLE], deviations)) == said


@pytest.mark.parametrize(
    ("stands", "text"),
    [
        ('CREATE POLICY "Enable read access for all users" ON item FOR SELECT USING (id = 1)', ""),
        (
            "CREATE POLICY p ON item FOR SELECT USING (id = 1)",
            "CREATE POLICY p ON item -- for all of a team\n FOR SELECT USING (\n-- team's own and others'\n id = 1)",
        ),
        ("CREATE POLICY p ON item USING (EXISTS (SELECT * FROM x WHERE x.id = item.id))", ""),
        (
            "CREATE POLICY p ON item USING (id = other_tenant())",
            "CREATE POLICY p ON item USING (id = tenant());\nALTER POLICY p ON item USING (id = other_tenant())",
        ),
        (
            "CREATE POLICY q ON item USING (id = 1)",
            "CREATE POLICY p ON item USING (id = 1);\nALTER POLICY p ON item RENAME TO q",
        ),
        (
            "CREATE POLICY p ON item USING (true); ALTER TABLE item DISABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON item USING (true);\nALTER TABLE item ENABLE ROW LEVEL SECURITY;\n"
            "ALTER TABLE item DISABLE ROW LEVEL SECURITY",
        ),
        ("CREATE POLICY p ON item USING (true)", "DO $$ BEGIN CREATE POLICY p ON item USING (true); END $$"),
    ],
    ids=["a name of words", "comments", "all columns", "altered", "renamed", "switched off", "in a block"],
)
def test_what_a_script_makes_in_another_spelling_is_not_named(
    now: Fill, tmp_path: Path, stands: str, text: str
) -> None:
    said = 'CREATE POLICY "Staff can view" ON item FOR SELECT USING (id = 1);\n' + (text or stands)
    after = objects(now(WORLD, "CREATE TABLE x (id int, team int)", stands))
    made = make(tmp_path, said)
    whole = read_all_text((tmp_path / "made.sql",))
    assert [one.words for one in find_deviations(None, after, made, whole=whole)] == []


def test_what_no_script_makes_is_named_where_they_make_the_whole_schema(now: Fill, tmp_path: Path) -> None:
    after = objects(now(WORLD, "CREATE POLICY fix ON item FOR INSERT WITH CHECK (true)"))
    made = make(tmp_path, 'CREATE POLICY "Staff can view" ON item FOR SELECT USING (id = 1)')
    wrong = find("write_gained", kind="operation", table="")
    assert [*find_deviations(None, after, made)] == []
    found = name_policies(wrong, [TABLE], [*find_deviations(None, after, made, whole=made[0].text)])
    assert found.statement == "x; the INSERT policy fix on item is in no script of the project"
    # The table of the policy is that of what was done.
    assert (found.subject.schema, found.subject.table) == TABLE


def test_nobody_writes_more_for_a_policy_by_which_they_read(now: Fill, tmp_path: Path) -> None:
    after = objects(now(WORLD, "CREATE POLICY fix ON item FOR SELECT USING (true)"))
    made = make(tmp_path, 'CREATE POLICY "Staff can view" ON item FOR SELECT USING (id = 1)')
    wrong = find("write_gained", kind="operation", table="")
    deviations = [*find_deviations(None, after, made, whole=made[0].text)]
    assert [one.command for one in deviations] == ["SELECT"]
    assert name_policies(wrong, [TABLE], deviations) == wrong


def test_what_is_refused_is_explained_by_the_table_that_the_server_names(now: Fill, tmp_path: Path) -> None:
    text = "CREATE POLICY a ON item FOR INSERT WITH CHECK (true);\nCREATE POLICY b ON team FOR INSERT WITH CHECK (true)"
    deviations = [*find_deviations(None, objects(now(WORLD)), make(tmp_path, text))]
    refused = 'new row violates row-level security policy for table "team"'
    tables = [TABLE, ("public", "team")]
    said = say(find("operation_fails", refused, kind="operation"), tables, deviations)
    assert said == ("the INSERT policy b on team, which made.sql makes, is missing",)
    assert len(say(find("operation_fails", kind="operation", table=""), tables, deviations)) == 2
    # Of more than two nobody knows which one it is.
    assert say(find("operation_fails", table=""), tables, deviations * 2) == ()


def test_a_new_policy_that_refuses_all_is_named(was: Fill, now: Fill) -> None:
    change = "CREATE POLICY fix ON item USING (id IN (SELECT id FROM item))"
    deviations = [*find_deviations(objects(was(WORLD)), objects(now(WORLD, change)), [])]
    refused = 'refused: infinite recursion detected in policy for relation "item"'
    assert say(find("rows_hidden", refused), [], deviations) == ("the policy fix on item was not there before",)
