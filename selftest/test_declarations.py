"""What is declared wrong is refused in one line that names what may have been meant, before anything is judged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fixtures import MIGRATION
from postmigration import Conventions, Reference
from postmigration.changes import DerivedValue, Grows, MayChange, Shrinks
from postmigration.postgres import embedded
from selftest import scratch as scratch_project
from selftest.conftest import Copy, Scratch
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

CHECK = """
@plan
def test_one(target):
    target.expect_none("SELECT 1 WHERE false", statement="rows", examined=1)
"""

Declared = Callable[..., str]


@pytest.fixture
def refusal(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> Declared:
    """Judges with a migration that is declared in another way and returns the one line that refuses it."""

    def run(*options: str, check: str = CHECK, **fields: Any) -> str:
        monkeypatch.setattr(scratch_project, "MIGRATION", replace(MIGRATION, **{"plan_checks": 1, **fields}))
        judged = scratch.judge(check, *options)
        assert judged.status == 4, judged.output
        assert "Traceback" not in judged.output
        assert not judged.results
        (line,) = (line for line in judged.output.splitlines() if line.startswith("ERROR: "))
        return line

    return run


def renamed(names: Any, name: str, other: str) -> tuple[str, ...]:
    return tuple(other if name == known else known for known in names)


CHANGE = MayChange(table="contacts", column="organization_id", reason="R2")
MISTAKES = {
    "a table": (
        {
            "tables": renamed(MIGRATION.tables, "project_contact_points", "project_contact_point"),
            "references": (),
        },
        "tables: there is no table project_contact_point (did you mean project_contact_points?)",
    ),
    "a legacy table": (
        {
            "tables": renamed(MIGRATION.tables, "documents", "document"),
            "legacy_tables": renamed(MIGRATION.legacy_tables, "documents", "document"),
            "references": [r for r in MIGRATION.references if r.table != "documents"],
        },
        "tables: there is no table document (did you mean documents?)",
    ),
    "the table of a reference": (
        {"references": [Reference("contact", "created_by", "users")]},
        "references: there is no table contact (did you mean contacts?)",
    ),
    "the column of a reference": (
        {"references": [Reference("contacts", "createdby", "users")]},
        "references: there is no column contacts.createdby (did you mean created_by?)",
    ),
    "the parent of a reference": (
        {"references": [Reference("contacts", "created_by", "usrs")]},
        "references: there is no table usrs (did you mean users?)",
    ),
    "the column of the parent": (
        {"references": [Reference("contacts", "created_by", "users", "emial")]},
        "references: there is no column users.emial (did you mean email?)",
    ),
    "the table of a change": (
        {"changes": [structs.replace(CHANGE, table="contcats")]},
        "may_change contcats.organization_id: there is no table contcats (did you mean contacts?)",
    ),
    "the column of a change": (
        {"changes": [structs.replace(CHANGE, column="organisation_id")]},
        "may_change contacts.organisation_id: there is no column contacts.organisation_id (did you mean",
    ),
    "the rows of a change": (
        {"changes": [structs.replace(CHANGE, where="r.typ = 'customer'")]},
        "where of may_change contacts.organization_id: column r.typ does not exist",
    ),
    "a derived value": (
        {"changes": [DerivedValue(table="contacts", column="company_name", value="r.company_name +", reason="R2")]},
        "value of derived_value contacts.company_name: syntax error at or near",
    ),
    "the rows of a change afterwards": (
        {"changes": [structs.replace(CHANGE, after="t.typee = 'customer'")]},
        "after of may_change contacts.organization_id: column t.typee does not exist",
    ),
    "rows that move though their table is one of before": (
        {"changes": [Shrinks(table="documents", where="true", reason="R2")]},
        "shrinks documents: legacy_tables keep their rows and columns: leave documents out of them",
    ),
    "rows that are added": (
        {"changes": [Grows(table="organizations", where="t.descripton IS NULL", reason="R1")]},
        "where of grows organizations: column t.descripton does not exist",
    ),
    "the table of rows that are added": (
        {"changes": [Grows(table="organisations", reason="R1")]},
        "grows organisations: there is no table organisations (did you mean organizations?)",
    ),
    "a query for the rows of before": (
        {"before": {"organizations": "SELECT o.* FORM organizations o"}, "changes": []},
        "before of organizations: syntax error",
    ),
    "everybody": (
        {"everybody": "SELECT id FROM users u WHERE u.stats = 1"},
        "everybody: column u.stats does not exist",
    ),
    "people": ({"people": "SELECT id FRM users"}, "people: syntax error"),
}


@pytest.mark.parametrize("baseline", few([False, True]), ids=["alone", "against_baseline"])
@pytest.mark.parametrize(("fields", "words"), MISTAKES.values(), ids=[name.replace(" ", "_") for name in MISTAKES])
def test_a_misspelled_name_is_no_fault_of_the_database(
    server: embedded.Server, refusal: Declared, fields: dict[str, Any], words: str, baseline: bool
) -> None:
    before = [f"--baseline={server.conninfo('legacy')}"] if baseline else []
    line = refusal(f"--db-url={server.conninfo('migrated')}", *before, **fields)
    assert line.startswith(f"ERROR: the migration is declared wrong: {words}")


@pytest.mark.full
def test_with_the_state_before_no_name_of_it_need_be_near(server: embedded.Server, refusal: Declared) -> None:
    both = (f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    line = refusal(*both, references=[Reference("contacts", "nothing_like_it", "users")])
    assert "there is no column contacts.nothing_like_it in either database" in line


@pytest.mark.parametrize("baseline", few([False, True]), ids=["alone", "against_baseline"])
def test_a_target_that_was_not_migrated_is_judged(
    server: embedded.Server, copy: Copy, scratch: Scratch, baseline: bool
) -> None:
    before = [f"--baseline={server.conninfo('legacy')}"] if baseline else []
    judged = scratch.judge(CHECK, f"--db-url={server.conninfo(copy('legacy'))}", *before)
    assert judged.status == 0, judged.output


def test_what_is_lacking_is_asked_for(server: embedded.Server, refusal: Declared) -> None:
    migrated = f"--db-url={server.conninfo('migrated')}"
    assert "legacy_tables is empty: name the tables that stood before" in refusal(migrated, legacy_tables=())
    line = refusal(migrated, legacy_tables=(*MIGRATION.legacy_tables, "contact"))
    assert "contact of legacy_tables is not among tables (did you mean contacts?)" in line
    assert "the migration declares no load" in refusal(load=None)
    assert "--as=x: the migration declares no people" in refusal(migrated, "--as=x", people="")


@pytest.mark.parametrize("marked", ["6", "'6', group='G', title='T'", "6, group='G'", "6, 7, group='G', title='T'", ""])
def test_a_marker_that_lacks_something(server: embedded.Server, refusal: Declared, marked: str) -> None:
    check = CHECK.replace("@plan", f"@pytest.mark.plan({marked})")
    line = refusal(f"--db-url={server.conninfo('migrated')}", check=check)
    assert "test_one is marked plan(" in line
    assert 'want plan(number, group="…", title="…")' in line


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('migration = "declaration:MIGRATION"', "there is no module declaration (did you mean declarations?)"),
        ('migration = "declarations.inner:MIGRATION"', "there is no module declarations.inner"),
        ('migration = "declarations:MIGRATIONS"', "MIGRATIONS is not there, want a postmigration.Migration"),
        ('migration = "declarations"', "a name after a colon is not there"),
        ('migration = "declarations:Path"', "Path is a type, want a postmigration.Migration"),
        ('migration = "lacking:MIGRATION"', "TypeError: Migration.__init__() missing 1 required positional argument"),
        ('migration = "misspelled:MIGRATION"', "'legacy_table' (did you mean legacy_tables?)"),
        ('migration = "needing:MIGRATION"', "cannot be imported: No module named 'no_such_module'"),
        ('migration = "failing:MIGRATION"', "ZeroDivisionError: division by zero (failing.py, line 1)"),
        ('migration = "declarations:MIGRATION"\nchecks = "test"', "'test' is no directory (did you mean tests?)"),
    ],
)  # fmt: skip
def test_a_migration_that_cannot_be_found(
    server: embedded.Server, scratch: Scratch, tmp_path: Path, settings: str, words: str
) -> None:
    if "checks" not in settings:
        settings += '\nchecks = "tests"'
    (tmp_path / "pyproject.toml").write_text(f"[tool.postmigration]\n{settings}\n")
    (tmp_path / "declarations.py").write_text("from pathlib import Path\nfrom fixtures import MIGRATION\n")
    replaced = "from fixtures import MIGRATION as M\nfrom postmigration import Migration\n"
    arguments = "**{n: getattr(M, n) for n in M.__dataclass_fields__"
    (tmp_path / "lacking.py").write_text(f"{replaced}MIGRATION = Migration({arguments} if n != 'name'}})\n")
    (tmp_path / "misspelled.py").write_text(f"{replaced}MIGRATION = Migration({arguments}}}, legacy_table=())\n")
    (tmp_path / "needing.py").write_text("import no_such_module\n")
    (tmp_path / "failing.py").write_text("1 / 0\n")
    judged = scratch.judge(CHECK, f"--db-url={server.conninfo('migrated')}")
    assert judged.status == 4
    assert "Traceback" not in judged.output
    (line,) = (line for line in judged.output.splitlines() if line.startswith("ERROR: "))
    assert words in line


TIMES = "ALTER TABLE {0} RENAME created_at TO {1}; ALTER TABLE {0} RENAME updated_at TO {2};"


@pytest.mark.parametrize(
    ("created", "updated", "conventions"),
    few(
        [
            ('"createdAt"', '"updatedAt"', Conventions()),
            ('"CreatedAt"', '"LastModified"', Conventions()),
            ("inserted_at", "modified_at", Conventions()),
            ('"made here"', "touched", Conventions(created=("made here",), updated=("touched",))),
        ]
    ),
)
def test_times_are_found_whatever_their_columns_are_called(
    server: embedded.Server,
    copy: Copy,
    scratch: Scratch,
    monkeypatch: pytest.MonkeyPatch,
    created: str,
    updated: str,
    conventions: Conventions,
) -> None:
    before, after = copy("legacy"), copy("legacy")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute("DROP TRIGGER IF EXISTS reviews_updated_at ON reviews")
            connection.execute(TIMES.format("reviews", created, updated).encode())
    with server.connect(after) as connection:
        later = f"UPDATE reviews SET {updated} = now() + interval '1 hour', comments = 'later' WHERE id IN (%s)"
        connection.execute(later.replace("%s", "SELECT id FROM reviews ORDER BY id LIMIT 1").encode())
    fields: dict[str, Any] = {"conventions": conventions, "changes": (), "before": {}}
    monkeypatch.setattr(scratch_project, "MIGRATION", replace(scratch_project.MIGRATION, **fields))
    options = [f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}"]
    check = "@plan\ndef test_one(target):\n    target.expect_as_before(target.before.tables()['reviews'])\n"
    changed = scratch.judge(check, *options)
    assert changed.red() == {"1"}, changed.output
    excused = scratch.judge(check, *options, "--cutover=2026-01-01T00:00:00+00:00")
    assert excused.red() == set(), excused.output
    assert any("1 rows created or changed since the cut-over" in note for note in excused.results[0].evidence.notes)


def test_a_cut_over_that_no_table_knows_of(server: embedded.Server, copy: Copy, refusal: Declared) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        rows = connection.execute(
            "SELECT c.oid::regclass, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' "
            "AND a.attname IN ('created_at', 'updated_at')"
        ).fetchall()
        for table, column in rows:
            connection.execute(f"ALTER TABLE {table} RENAME {column} TO moment_{column[:3]}".encode())
    line = refusal(f"--db-url={server.conninfo(name)}", "--cutover=2026-01-01T00:00:00+00:00")
    assert "--cutover: no table has a column that says when a row was made or changed" in line
    assert "Conventions(created=…, updated=…)" in line
