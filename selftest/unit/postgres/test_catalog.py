"""Facts of tables, read from the catalogs, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postmigration.model.evidence import Problem
from postmigration.model.migration import Conventions
from postmigration.postgres.catalog import Column, ForeignKey, Index, Table, Trigger, absent, has_columns, table, tables
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (
        id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, code varchar(9) NOT NULL UNIQUE,
        made timestamptz DEFAULT now(), created_at date, updated_at timestamptz, changed_by text);
    CREATE INDEX by_parent ON child (parent) WHERE parent IS NOT NULL;
    CREATE INDEX by_lower ON child USING btree (lower(code), id);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
    CREATE TRIGGER keep BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION touch('x');
    CREATE TRIGGER off AFTER INSERT OR DELETE ON child FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE child DISABLE TRIGGER off;
    ALTER TABLE child ENABLE ROW LEVEL SECURITY;
    CREATE SCHEMA other;
    CREATE TABLE other.elsewhere (id int PRIMARY KEY);
    CREATE TABLE far (id int REFERENCES other.elsewhere);
"""
ID = Column("id", "integer", nullable=False, default=None)
KEY = ForeignKey("f", ("parent",), "parent", ("id",), "CASCADE", enforced=True)
INDEX = Index("i", ("code",), unique=False, primary=False, method="btree", usable=True, predicate=None)
TRIGGER = Trigger("t", True, frozenset({"UPDATE"}), "NEW.updated_at := now()", always=True, function="touch")


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def words(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


def test_the_facts_of_a_table_are_read(snapshot: Snapshot) -> None:
    child = table(snapshot, "child")
    assert child.exists
    assert child.row_security
    assert child.columns["code"] == Column("code", "character varying(9)", nullable=False, default=None)
    assert child.columns["made"].default == "now()"
    assert {index.name: index.columns for index in child.indexes} == {
        "child_pkey": ("id",),
        "child_code_key": ("code",),
        "by_parent": ("parent",),
        "by_lower": ("lower(code::text)", "id"),
    }
    partial = next(index for index in child.indexes if index.name == "by_parent")
    assert (partial.predicate, partial.only_null) == ("(parent IS NOT NULL)", True)
    (key,) = child.foreign_keys
    assert (key.columns, key.leads_to, key.on_delete, key.enforced) == (("parent",), "parent", "CASCADE", True)
    (trigger,) = child.triggers
    assert (trigger.name, trigger.before, trigger.events, trigger.always) == ("keep", True, frozenset({"UPDATE"}), True)
    assert "updated_at" in trigger.source
    (off,) = child.disabled
    assert (off.events, off.state) == (frozenset({"INSERT", "DELETE"}), "D")
    assert table(snapshot, "far").foreign_keys[0].leads_to == "other.elsewhere"


def test_without_expressions_no_lock_is_waited_for(snapshot: Snapshot) -> None:
    child = tables(snapshot, expressions=False)["child"]
    assert child.columns["made"].default is None
    assert {index.predicate for index in child.indexes} == {None, "some rows"}


def test_a_table_that_is_not_there_has_no_columns(snapshot: Snapshot) -> None:
    assert not table(snapshot, "gone").exists
    assert absent(snapshot, ["child", "gone", "elsewhere"]) == ["gone", "elsewhere"]
    assert has_columns(snapshot, "child", ["id", "code"])
    assert not has_columns(snapshot, "child", ["id", "gone"])


def test_a_row_is_identified_and_dated_by_its_columns(snapshot: Snapshot) -> None:
    child = table(snapshot, "child")
    assert (child.unique, child.key) == ({"id", "code"}, ("id",))
    # Without a primary key, by a unique index without NULLs.
    assert replace(child, indexes=tuple(i for i in child.indexes if not i.primary)).key == ("code",)
    assert replace(child, indexes=()).key == ()
    conventions = Conventions(created=["made"])
    assert (child.created(conventions), child.created(Conventions())) == ("made", "created_at")
    # One that holds no time does not count.
    assert child.updated(Conventions(updated=["changed_by"])) == ["updated_at"]


@pytest.mark.parametrize(
    ("column", "type_", "default", "problem"),
    [
        (None, "uuid", "any", "column t.c does not exist, want uuid"),
        (Column("c", "text", True, None), "uuid", None, "column t.c is text, want uuid"),
        (Column("c", "boolean", True, "true"), "boolean", "false", "the default of t.c is true, want false"),
        (Column("c", "date", True, None), "date", "now", "the default of t.c is no default, want now()"),
        (Column("c", "date", True, "CURRENT_TIMESTAMP"), "date", "now", ""),
        (Column("c", "text", False, None), "text", None,
         "column t.c is NOT NULL without a default: older writers cannot insert"),
        (Column("c", "text", False, "''"), "text", None, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_column(column: Column | None, type_: str, default: str | None, problem: str) -> None:
    there = Table("t", {"id": ID, **({"c": column} if column else {})}, (), (), (), row_security=False)
    assert words(there.column_problems("c", type_, default=default)) == ([problem] if problem else [])


def test_a_column_that_must_be_empty_sometimes_may_not_be_not_null() -> None:
    there = Table("t", {"id": ID, "c": Column("c", "text", True, None)}, (), (), (), row_security=False)
    assert words(there.nullable_problems("id")) == ["column t.id is NOT NULL"]
    assert there.nullable_problems("c") == []


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ([KEY], []),
        ([], ["no foreign key on t.parent, want one to parent(id)"]),
        ([KEY, replace(KEY, name="g")], ["2 foreign keys on t.parent, want one: f, g"]),
        ([replace(KEY, parent="other")], ["t.parent refers to other(id), want parent(id)"]),
        ([replace(KEY, enforced=False, validated=False)],
         ["the foreign key f on t.parent is not validated or not enforced: NOT VALID"]),
        ([replace(KEY, on_delete="NO ACTION")],
         ["the foreign key f on t.parent is ON DELETE NO ACTION, want CASCADE"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_foreign_key(keys: list[ForeignKey], problems: list[str]) -> None:
    there = Table("t", {"parent": replace(ID, name="parent")}, (), tuple(keys), (), row_security=False)
    assert words(there.reference_problems("parent", "parent", cascades=True)) == problems


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        (INDEX, ""),
        (replace(INDEX, method="hash"), ""),
        (replace(INDEX, predicate="(code IS NOT NULL)", only_null=True), ""),
        (replace(INDEX, predicate="(a)"), "no usable index whose first column is t.code: there is i (btree, partial)"),
        (replace(INDEX, method="gin"), "no usable index whose first column is t.code: there is i (gin)"),
        (replace(INDEX, columns=("id", "code")), "no usable index whose first column is t.code"),
        (replace(INDEX, usable=False), "no usable index whose first column is t.code: index i is invalid"),
    ],
)
def test_what_is_wrong_with_the_indexes_of_a_column(index: Index, problem: str) -> None:
    there = Table("t", {"code": replace(ID, name="code")}, (index,), (), (), row_security=False)
    assert words(there.index_problems("code")) == ([problem] if problem else [])
    assert words(there.invalid_index_problems()) == ([] if index.usable else ["index i on t is invalid"])


def test_what_is_wrong_with_a_primary_key() -> None:
    bare = Table("t", {"id": ID}, (INDEX,), (), (), row_security=False)
    (problem,) = bare.primary_key_problems("id")
    assert problem == "the primary key of t is not (id)"
    assert problem.repair.endswith("ALTER TABLE t ADD PRIMARY KEY (id);")
    assert replace(bare, indexes=(replace(INDEX, primary=True, columns=("id",)),)).primary_key_problems("id") == []


def test_rows_may_be_doubled_without_a_unique_index_over_the_columns() -> None:
    bare = Table("t", {"id": ID, "n": replace(ID, name="n")}, (INDEX,), (), (), row_security=False)
    (problem,) = bare.uniqueness_problems("id", "n", where="id > 0")
    assert problem == "rows of t may be doubled: no usable unique index is on (id, n) WHERE id > 0"
    assert problem.repair.endswith("CREATE UNIQUE INDEX CONCURRENTLY ON t (id, n) WHERE id > 0;")
    unique = replace(INDEX, unique=True, usable=True, columns=("n", "id"))
    assert replace(bare, indexes=(unique,)).uniqueness_problems("id", "n") == []
    partial = replace(unique, predicate="id > 0")
    assert replace(bare, indexes=(partial,)).uniqueness_problems("id", "n", where="id > 0") == []
    for useless in (
        replace(unique, usable=False),
        replace(unique, unique=False),
        replace(unique, columns=("n",)),
        partial,
    ):
        assert replace(bare, indexes=(useless,)).uniqueness_problems("id", "n") != []
    # What has no such column cannot have the index.
    assert bare.uniqueness_problems("gone")[0].repair == ""
    # Nor has a table that is not there any rows.
    assert replace(bare, columns={}).uniqueness_problems("id") == []


@pytest.mark.parametrize(
    ("triggers", "disabled", "problem"),
    [
        ((TRIGGER,), (), ""),
        ((), (), "no enabled trigger keeps t.updated_at: there is none before UPDATE"),
        ((replace(TRIGGER, source="audit()", function="audit"),), (),
         "no enabled trigger keeps t.updated_at: before UPDATE only t calls audit()"),
        ((), (replace(TRIGGER, state="D"),),
         "no enabled trigger keeps t.updated_at: trigger t, which calls touch(), is disabled"),
        ((), (replace(TRIGGER, state="R"),),
         "no enabled trigger keeps t.updated_at: trigger t, which calls touch(), fires in replication alone"),
    ],
)  # fmt: skip
def test_what_keeps_the_time_of_a_change(
    triggers: tuple[Trigger, ...], disabled: tuple[Trigger, ...], problem: str
) -> None:
    there = Table("t", {"id": ID}, (), (), triggers, row_security=False, disabled=disabled)
    assert words(there.updated_at_problems()) == ([problem] if problem else [])
