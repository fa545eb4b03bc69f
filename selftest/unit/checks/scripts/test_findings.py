"""What is missing of what scripts make is said once, with the statement that makes it again."""

from pathlib import Path

from postmigration.checks.scripts.findings import list_findings
from postmigration.checks.scripts.outcome import Expected, read_outcome

TEXT = """
CREATE TABLE app.orders (id int);
CREATE INDEX by_id ON app.orders (id);
CREATE UNIQUE INDEX one_note ON app.orders (note);
ALTER TABLE app.orders ADD COLUMN note text;
ALTER TABLE app.orders ADD COLUMN first text, ADD COLUMN last text;
CREATE POLICY p1 ON app.orders USING (true);
CREATE POLICY p2 ON app.orders USING (true);
CREATE POLICY p3 ON app.orders USING (true);
CREATE POLICY p4 ON app.orders USING (true);
CREATE FUNCTION app.connect() RETURNS text LANGUAGE sql AS $$SELECT 'password=topsecret host=db'$$;
"""


def read(directory: Path) -> list[Expected]:
    path = directory / "1.sql"
    path.write_text(TEXT)
    return [*(read_outcome((path,)) or ())]


def test_each_is_told_with_its_statement(tmp_path: Path) -> None:
    expected = read(tmp_path)
    by_name = {one.name: one for one in expected}
    missing = [by_name[name] for name in ("by_id", "one_note", "note", "first", "connect")]
    index, unique, column, first, function = list_findings(missing, expected * 2)
    assert index.statement == "the index by_id on orders, which 1.sql makes, is missing"
    assert {index.severity, unique.severity, function.severity} == {"warning"}
    assert (index.code, index.subject.kind, index.subject.table) == ("index_not_made", "index", "orders")
    assert unique.repair == "CREATE UNIQUE INDEX one_note ON app.orders (note);"
    assert column.repair == "ALTER TABLE app.orders ADD COLUMN note text;"
    assert column.statement == "the column note of orders, which 1.sql makes, is missing"
    # Its other column may be there.
    assert first.repair == ""
    assert function.statement == "the function app.connect, which 1.sql makes, is missing"
    assert "topsecret" not in function.repair


def test_many_on_one_table_are_one_finding(tmp_path: Path) -> None:
    expected = read(tmp_path)
    (found,) = list_findings([one for one in expected if one.kind == "policy"], expected)
    assert found.statement == "4 policies on orders, which the scripts make, are missing"
    assert (found.wrong, [row[2] for row in found.rows]) == (4, ["p1", "p2", "p3", "p4"])
    assert found.repair.count("CREATE POLICY") == 4


def test_what_stands_on_a_missing_table_is_not_told_again(tmp_path: Path) -> None:
    expected = read(tmp_path)
    gone = [one for one in expected if "orders" in (one.name, one.table) and one.kind != "policy"]
    (table,) = list_findings(gone, expected * 2)
    assert table.statement == "the table app.orders, which 1.sql makes, is missing"
    assert (table.code, table.repair) == ("table_not_made", "")


def test_a_migration_that_did_not_run_is_told_as_that(tmp_path: Path) -> None:
    expected = read(tmp_path)
    (found,) = list_findings(expected, expected)
    assert found.statement.startswith("11 of the 11 objects that the scripts of the migration make are missing")
    assert (found.code, found.severity, found.wrong) == ("scripts_not_run", "warning", 11)
