"""A fingerprint stands for a database: what it finds, what it refuses, and what it must not hold."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from fixtures import MIGRATION
from postmigration.diff import row_diff
from selftest.comparison.cases import Case
from selftest.comparison.conftest import Done, Servers
from selftest.comparison.stored import STORED
from selftest.comparison.structures import STRUCTURES
from selftest.comparison.values import VALUES
from selftest.comparison.written import WRITTEN
from selftest.tiers import few

Fresh = Callable[..., str]
Run = Callable[..., Done]

PEOPLE = """
    CREATE TABLE people (id int PRIMARY KEY, email text, born date);
    INSERT INTO people SELECT i, 'person' || i || '@example.com', '2000-01-01' FROM generate_series(1, 5000) i;
    CREATE TABLE stock (item text, n int);
    INSERT INTO stock VALUES ('bolt', 1), ('bolt', 1), ('nut', NULL);
    CREATE TABLE empty (id int);
"""


def taken(run: Run, conninfo: str, *options: str) -> str:
    done = run("fingerprint", f"--db-url={conninfo}", "-o", "before.fingerprint", *options)
    assert (done.status, done.err) == (0, "")
    return "--baseline=before.fingerprint"


@pytest.mark.full
@pytest.mark.parametrize(("before", "after", "options"), few([(18, 16, []), (15, 15, []), (16, 15, ["--portable"])]))
def test_a_fingerprint_finds_what_two_databases_differ_in(
    fresh: Fresh, run: Run, before: int, after: int, options: list[str]
) -> None:
    cases: list[Case] = [
        case
        for case in (*VALUES, *STRUCTURES, *STORED, *WRITTEN)
        if {before, after} <= case.on[0] and after in case.on[1] and not case.problems
    ]
    conninfos = [
        fresh(version, *(statement for case in cases for statement in case.statements(side)))
        for side, version in enumerate((before, after))
    ]
    more = ("--json", "--show-values", "--evidence-rows=100")
    done = run("compare", taken(run, conninfos[0], *options), f"--db-url={conninfos[1]}", *more)
    assert done.status == 1
    found = done.tables()
    retyped = [name for name, table in found.items() if "was hashed as" in table.get("error", "")]
    assert len(retyped) < 10
    assert not options or not retyped
    for case in cases:
        if case.name in retyped:
            continue
        table = found[case.name]
        assert table["equal"] == (not case.found), case.name
        kinds = {kind: table[kind] for kind in ("missing", "extra", "changed") if table[kind]}
        assert bool(kinds) == bool(case.found), case.name
        assert sum(kinds.values()) <= len(case.found), case.name
        # A row that is still there is among those whose keys are told.
        told = [tuple(key.values()) for key in table["candidates"]]
        assert all(key in told for kind, key, _ in case.found if kind != "missing"), case.name


def test_a_difference_is_narrowed_to_few_rows(fresh: Fresh, run: Run) -> None:
    before = fresh(18, PEOPLE, "ANALYZE")
    after = fresh(18, PEOPLE, "UPDATE people SET born = born + 1 WHERE id = 4321", "DELETE FROM stock WHERE n IS NULL")
    baseline = taken(run, before)
    assert "5,003 rows" in run("fingerprint", f"--db-url={before}", "-o", "other").out
    done = run("compare", baseline, f"--db-url={after}", "--json")
    people, stock = (done.tables()[name] for name in ("people", "stock"))
    assert [people[kind] for kind in ("missing", "extra", "changed")] == [0, 0, 1]
    assert {"id": "4321"} in people["candidates"]
    assert len(people["candidates"]) < 100
    assert (stock["missing"], stock["rows_baseline"], stock["rows_target"]) == (1, 3, 2)
    assert done.tables()["empty"]["equal"] is True
    text = run("compare", baseline, f"--db-url={after}")
    assert "people: different: 1 changed" in text.out
    assert "some of these rows differ" in text.out
    assert "4321" in text.out.split()
    assert "example.com" not in text.out
    few = run("compare", baseline, f"--db-url={after}", "--json", "--evidence-rows=0")
    assert (few.status, few.tables()["people"]["candidates"]) == (1, [])


def test_tables_and_columns_that_came_later_differ_and_are_named(fresh: Fresh, run: Run) -> None:
    more = "CREATE TABLE more AS SELECT 1 AS a; ALTER TABLE people ADD phone text"
    baseline = taken(run, fresh(18, PEOPLE))
    found = run("compare", baseline, f"--db-url={fresh(18, PEOPLE, more)}", "--json")
    assert found.status == 1
    assert found.tables()["more"]["problems"] == ["the table is extra"]
    assert found.tables()["people"]["problems"] == ["column phone is extra"]
    assert found.tables()["people"]["changed"] == 0
    assert run("compare", baseline, f"--db-url={fresh(18, PEOPLE, more)}", "--table=stock").status == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DROP TABLE stock", "the database has no table stock, of which it holds 3 rows"),
        ("ALTER TABLE stock DROP n", "the table stock of the database has no column n, of which it holds the hashes"),
        ("ALTER TABLE stock RENAME item TO name", "the table stock of the database has no column item"),
    ],
)
def test_a_database_that_lacks_something_is_refused(fresh: Fresh, run: Run, change: str, says: str) -> None:
    done = run("compare", taken(run, fresh(18, PEOPLE)), f"--db-url={fresh(18, PEOPLE, change)}")
    assert (done.status, done.out) == (4, "")
    assert done.err.startswith(f"ERROR: the fingerprint of --baseline does not fit: {says}")
    assert done.err.count("\n") == 1


def test_a_column_of_another_type_cannot_be_compared(fresh: Fresh, run: Run) -> None:
    after = fresh(18, PEOPLE, "ALTER TABLE people ALTER id TYPE bigint, ALTER born TYPE text")
    done = run("compare", taken(run, fresh(18, PEOPLE)), f"--db-url={after}")
    assert done.status == 4
    assert "stock: equal: 3 rows" in done.out
    of_another, error = done.err.splitlines()
    assert error == "ERROR: people could not be compared: people.id was hashed as integer and is bigint now"
    assert "on another server or another database than --db-url, taken 2" in of_another


def test_a_table_that_cannot_be_read_is_named(fresh: Fresh, run: Run) -> None:
    baseline = taken(run, fresh(18, PEOPLE))
    more = """
        DO $$BEGIN CREATE ROLE few LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$;
        GRANT SELECT ON people, stock, empty TO few; CREATE TABLE more (a int); REVOKE ALL ON empty FROM few
    """
    after = psycopg.conninfo.make_conninfo(fresh(18, PEOPLE, more), user="few")
    done = run("compare", baseline, f"--db-url={after}")
    assert done.status == 4
    assert done.out.splitlines() == ["people: equal: 5,000 rows", "stock: equal: 3 rows"]
    assert [line.split(":")[1] for line in done.err.splitlines() if line.startswith("ERROR")] == [
        " empty could not be compared",
        " more could not be compared",
    ]


@pytest.mark.full
def test_a_server_that_hashes_otherwise_is_refused_unless_it_is_portable(
    fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    latin = fresh(18, PEOPLE, how="TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    after = f"--db-url={fresh(15, PEOPLE)}"
    done = run("compare", taken(run, latin), after)
    assert (done.status, done.out) == (4, "")
    assert "hashes otherwise than this one: take it with --portable" in done.err
    assert run("compare", taken(run, latin, "--portable"), after).status == 0
    assert run("compare", taken(run, latin), f"--db-url={latin}").status == 0


def damaged(path: Path) -> list[tuple[str, bytes, str]]:
    whole = path.read_bytes()
    head, *tables, last = whole.splitlines(keepends=True)
    people = json.loads(tables[1])
    people["rows"] += 1
    edited = b"".join([head, tables[0], json.dumps(people).encode() + b"\n", *tables[2:], last])
    other = head.replace(b'fingerprint":4', b'fingerprint":7')
    signed = b"".join([other, *tables])
    return [
        ("cut in the middle", whole[: len(whole) // 2], "is damaged or was changed"),
        ("without its last line", b"".join([head, *tables]), "is damaged or was changed"),
        ("without its last byte but one", whole[:-3], "is damaged or was changed"),
        ("without a table", b"".join([head, *tables[1:], last]), "is damaged or was changed"),
        ("with a table twice", b"".join([head, tables[0], *tables, last]), "is damaged or was changed"),
        ("only the first line", head, "is damaged or was changed"),
        ("only the beginning", whole[:40], "is damaged or was changed"),
        ("a number changed", edited, "is damaged or was changed"),
        ("a bit turned", whole[:500] + bytes([whole[500] ^ 1]) + whole[501:], "is damaged or was changed"),
        ("more at its end", whole + b"{}\n", "is damaged or was changed"),
        ("bytes that are no text", whole[:300] + b"\xff\xfe" + whole[300:], "is damaged or was changed"),
        (
            "another format",
            signed + json.dumps({"sha256": hashlib.sha256(signed).hexdigest()}).encode() + b"\n",
            "has format 7, and this version reads 1 to 4: take it again",
        ),
    ]


@pytest.mark.full
def test_a_damaged_file_is_refused(fresh: Fresh, run: Run) -> None:
    database = fresh(18, PEOPLE)
    baseline = taken(run, database)
    path = Path("before.fingerprint").resolve()
    assert run("compare", baseline, f"--db-url={database}").status == 0
    for what, content, says in damaged(path):
        path.write_bytes(content)
        done = run("compare", baseline, f"--db-url={database}")
        assert (done.status, done.out) == (4, ""), what
        assert done.err.startswith("ERROR: the fingerprint "), what
        assert says in done.err, what
        assert done.err.count("\n") == 1, what
    path.write_bytes(b"")
    done = run("compare", baseline, f"--db-url={database}")
    assert (done.status, done.out, done.err.count("\n")) == (4, "", 1)


def test_two_fingerprints_are_not_one_baseline(fresh: Fresh, run: Run) -> None:
    database = fresh(18, PEOPLE)
    baseline = taken(run, database)
    done = run("compare", baseline, baseline, f"--db-url={database}")
    assert (done.status, done.out) == (4, "")
    assert "is given 2 times with a fingerprint: name the fingerprint alone" in done.err


def test_the_file_holds_no_content_of_a_row(servers: Servers, run: Run) -> None:
    server = servers.world(18)
    for options in ([], ["--portable"]):
        taken(run, server.conninfo("legacy"), *options)
        text = Path("before.fingerprint").read_text()
        with server.connect("legacy") as connection:
            columns = connection.execute(
                """
                SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
                USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
                AND data_type IN ('text', 'character varying', 'uuid', 'jsonb', 'inet', 'numeric')
                """
            ).fetchall()
            held = {
                value
                for table, column in columns
                for (value,) in connection.execute(f'SELECT DISTINCT "{column}"::text FROM "{table}"'.encode())
                if value is not None and len(value) > 6
            }
        assert len(held) > 500
        assert any("@" in value for value in held)
        # What a table or a column is called, and what the schema itself says, is no row's content.
        schema = "".join(script.read_text() for script in MIGRATION.legacy_scripts)
        names = [schema, *(name for pair in columns for name in pair)]
        assert [value for value in held if value in text and not any(value in name for name in names)] == []


def test_hashing_falls_back_as_the_comparison_of_databases_does(
    fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two servers that disagree on known values are compared by SHA-256, without a word.
    before, after = fresh(18, PEOPLE), fresh(18, PEOPLE, "UPDATE people SET born = NULL WHERE id = 7")
    natively = run("compare", f"--baseline={before}", f"--db-url={after}", "--json")
    monkeypatch.setattr(row_diff, "calibration", lambda snapshot: snapshot)
    portably = run("compare", f"--baseline={before}", f"--db-url={after}", "--json")
    assert natively.tables()["people"]["changed"] == 1
    assert portably == natively
