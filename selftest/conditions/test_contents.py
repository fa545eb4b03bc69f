"""Whatever else stands in the database changes no verdict, also beside a baseline that has it too."""

from pathlib import Path

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge
from selftest.tiers import few

_ODD = (
    'quote " in it',
    "it's",
    " blank ",
    "Ünïcödé ☃ 漢字",
    "a" * 63,
    "select",
    "user",
    "100% :name %(x)s %s",
    "back\\slash",
    "semi;colon--",
    "<b onclick=alert(1)>",
    "{{ 7 * 7 }}",
    "ctid\t",
    "$1",
    "[/red]",
)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _odd_tables() -> str:
    columns = ", ".join(f"{_quoted(name)} text" for name in _ODD)
    tables = (
        f"CREATE TABLE {_quoted(name)} ({_quoted(name)} int PRIMARY KEY, val text); "
        f"INSERT INTO {_quoted(name)} VALUES (1, 'x');"
        for name in _ODD
    )
    views = (f"CREATE VIEW {_quoted('v ' + name[:40])} AS TABLE {_quoted(name)};" for name in _ODD)
    return f"CREATE TABLE odd ({columns}); INSERT INTO odd DEFAULT VALUES; {' '.join(tables)} {' '.join(views)}"


BESIDE = {
    "odd names of tables and columns": _odd_tables(),
    "a table without columns": "CREATE TABLE without_columns (); INSERT INTO without_columns DEFAULT VALUES",
    "a table of 1,600 columns": f"""
        CREATE TABLE wide ({", ".join(f"c{i} bool" for i in range(1_600))});
        INSERT INTO wide (c0) SELECT i % 2 = 0 FROM generate_series(1, 50) i
    """,
    "a wide table with a key": f"""
        CREATE TABLE wide (id int PRIMARY KEY, {", ".join(f"c{i} bool DEFAULT true" for i in range(1_500))});
        INSERT INTO wide SELECT i FROM generate_series(1, 50) i
    """,
    "names of policies that are markup, and long": f"""
        CREATE TABLE guarded (id int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE POLICY "<script>{"x" * 54}" ON guarded USING (id = 1 AND '{"x" * 50_000}' <> '')
    """,
    "functions that shadow nothing that is used": """
        CREATE FUNCTION round(double precision, integer) RETURNS numeric LANGUAGE sql IMMUTABLE
        AS $$ SELECT round($1::numeric, $2) $$
    """,
    "generated, identity, domain and array columns": """
        CREATE DOMAIN positive AS int CHECK (value > 0);
        CREATE TABLE kinds (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a positive, b positive[], c int
            GENERATED ALWAYS AS (a * 2) STORED, d json, e xml, f point, g tsvector, h int4range, i bit varying);
        INSERT INTO kinds (a, b, d, f, g, h, i) VALUES (1, '{1}', '{"a": 1}', '(1,2)', 'a b', '[1,5)', B'101')
    """,
    "partitions, inheritance and a view that fails": """
        CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
        CREATE TABLE part_d PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1), (2);
        CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1);
        CREATE VIEW fails AS SELECT 1 / (random() * 0)::int AS x
    """,
}


@pytest.mark.full
@pytest.mark.parametrize("beside", few(BESIDE, full=(4,)))
def test_what_stands_beside_changes_nothing(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path, beside: str
) -> None:
    target, baseline = copy("migrated"), copy("legacy")
    for name in (target, baseline):
        with server.connect(name) as connection:
            connection.execute(BESIDE[beside].encode())
    judged = judge(f"--db-url={server.conninfo(target)}", f"--baseline={server.conninfo(baseline)}")
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")
    assert "Traceback" not in judged.output
    page = (tmp_path / "validation.html").read_text()
    assert "<script>x" not in page
    assert "<b onclick" not in page
