"""What a migration's own scripts define is read statement by statement, each object as it was made last."""

from pathlib import Path

from postmigration.checks.scripts.reading import read_scripts

FIRST = """
CREATE TABLE orders (id int);
CREATE POLICY p ON orders USING (false);
CREATE FUNCTION total(a int) RETURNS int LANGUAGE sql AS $$SELECT a$$;
CREATE FUNCTION total(a text) RETURNS int LANGUAGE sql AS $x$SELECT 2$x$;
GRANT SELECT ON orders TO web;
INSERT INTO orders VALUES (1);
"""
SECOND = """
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON orders USING (true);
CREATE OR REPLACE FUNCTION total(a int) RETURNS int LANGUAGE sql AS $$SELECT a + 1$$;
"""


def test_what_is_made_twice_counts_as_it_was_made_last(tmp_path: Path) -> None:
    paths = (tmp_path / "1.sql", tmp_path / "2.sql")
    for path, text in zip(paths, (FIRST, SECOND), strict=True):
        path.write_text(text)
    made = read_scripts(paths, "public")
    assert [(each.kind, each.name[1], each.script) for each in made if each.kind in ("policy", "function")] == [
        ("function", "total", "1.sql"),
        ("policy", "p", "2.sql"),
        ("function", "total", "2.sql"),
    ]
    policy = next(each for each in made if each.kind == "policy")
    assert policy.text.startswith("CREATE POLICY p ON orders USING (true)")
    assert policy.table == ("public", "orders")
    assert [each.body for each in made if each.kind == "function"] == ["SELECT 2", "SELECT a + 1"]
    (security,) = (each for each in made if each.kind == "security")
    assert "app" in (*security.name, *security.table)
    (grant,) = (each for each in made if each.kind == "grant")
    assert (grant.name, grant.body) == (("", ""), "")


def test_a_script_that_only_psql_can_read_is_read_as_far_as_that(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("CREATE VIEW v AS SELECT 1;\nSELECT 'never ended\n")
    (made,) = read_scripts((tmp_path / "1.sql",), "app")
    assert (made.kind, made.name) == ("view", ("app", "v"))


def test_a_policy_that_is_dropped_in_the_end_is_made_no_more(tmp_path: Path) -> None:
    drop = "DROP POLICY IF EXISTS {} ON orders;\n"
    make = "CREATE POLICY {} ON orders USING (true);\n"
    text = drop.format("p") + make.format("p") + make.format('"of staff"') + drop.format('"of staff"')
    (tmp_path / "1.sql").write_text(text)
    made = read_scripts((tmp_path / "1.sql",), "public")
    assert [(each.kind, each.name, each.table) for each in made] == [
        ("policy", ("public", "p"), ("public", "orders")),
        ("no policy", ("public", "of staff"), ("public", "orders")),
    ]
