"""The command `postmigration compare`: its verdict, its words, and what it prints for a program to read."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from selftest.comparison.conftest import Done
from selftest.servers import PASSWORD

Fresh = Callable[..., str]
Run = Callable[..., Done]

PEOPLE = """
    CREATE TABLE people (id int PRIMARY KEY, email text, born date, active boolean);
    INSERT INTO people SELECT i, 'person' || i || '@example.com', '2000-01-01', i % 2 = 0 FROM generate_series(1, 50) i;
    CREATE TABLE stock (item text, n int);
    INSERT INTO stock VALUES ('bolt', 1), ('bolt', 1), ('nut', NULL);
"""
CHANGES = """
    UPDATE people SET email = NULL WHERE id = 7;
    UPDATE people SET email = '', active = NOT active WHERE id = 8;
    DELETE FROM people WHERE id IN (20, 21);
    INSERT INTO people VALUES (99, 'new@example.com');
    INSERT INTO stock VALUES ('bolt', 1);
"""


def sides(before: str, after: str) -> tuple[str, str]:
    return f"--baseline={before}", f"--db-url={after}"


def test_equal_databases_are_equal(fresh: Fresh, run: Run) -> None:
    done = run("compare", *sides(fresh(18, PEOPLE), fresh(16, PEOPLE)))
    assert done == Done(0, "people: equal: 50 rows\nstock: equal: 3 rows\n", "")


def test_what_differs_is_told_to_a_reader(fresh: Fresh, run: Run) -> None:
    done = run("compare", *sides(fresh(18, PEOPLE), fresh(18, PEOPLE, CHANGES)))
    assert (done.status, done.err) == (1, "")
    assert "people: different: 2 missing, 1 extra, 2 changed\n    50 rows, now 49\n" in done.out
    assert "stock: different: 1 extra\n    3 rows, now 4\n" in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["7", "changed", "email", "‹masked,", "19", "characters›", "NULL"] in lines
    assert ["8", "changed", "active", "t", "f"] in lines
    assert ["20", "missing", "–", "–"] in lines
    assert "example.com" not in done.out
    shown = run("compare", *sides(fresh(18, PEOPLE), fresh(18, PEOPLE, CHANGES)), "--show-values")
    assert ["8", "changed", "email", "person8@example.com", "''"] in [line.split() for line in shown.out.splitlines()]


def test_what_differs_is_told_to_a_program(fresh: Fresh, run: Run) -> None:
    both = sides(fresh(18, PEOPLE), fresh(18, PEOPLE, CHANGES))
    done = run("compare", *both, "--json", "--show-values")
    assert (done.status, done.err) == (1, "")
    assert done.tables()["people"] == {
        "table": "people",
        "equal": False,
        "rows_baseline": 50,
        "rows_target": 49,
        "missing": 2,
        "extra": 1,
        "changed": 2,
        "in_flight": 0,
        "key": ["id"],
        "problems": [],
        "notes": [],
        "candidates": [],
        "differences": [
            {"kind": "missing", "key": {"id": "20"}},
            {"kind": "missing", "key": {"id": "21"}},
            {
                "kind": "changed",
                "key": {"id": "7"},
                "columns": {"email": {"want": "person7@example.com", "have": None}},
            },
            {
                "kind": "changed",
                "key": {"id": "8"},
                "columns": {
                    "email": {"want": "person8@example.com", "have": ""},
                    "active": {"want": "t", "have": "f"},
                },
            },
            {"kind": "extra", "key": {"id": "99"}},
        ],
    }
    stock = done.tables()["stock"]
    assert (stock["key"], stock["extra"]) == (["item", "n"], 1)
    assert stock["differences"] == [{"kind": "extra", "key": {"item": "bolt", "n": "1"}}]
    masked = run("compare", *both, "--json")
    assert masked.status == 1
    assert "example.com" not in masked.out
    assert "bolt" not in masked.out
    assert masked.tables()["people"]["differences"][3]["columns"]["active"] == {"want": "t", "have": "f"}


@pytest.mark.full
def test_some_tables_a_schema_and_several_at_once_give_the_same(fresh: Fresh, run: Run) -> None:
    schema = "CREATE SCHEMA other; SET search_path = other;"
    before, after = fresh(18, PEOPLE, schema, PEOPLE), fresh(18, PEOPLE, schema, PEOPLE, CHANGES)
    both = sides(before, after)
    assert run("compare", *both).status == 0
    one, three = (run("compare", *both, "--schema=other", "--json", f"--jobs={jobs}") for jobs in (1, 3))
    assert (one.status, three.status) == (1, 1)
    assert one.tables() == three.tables()
    assert one.tables().keys() == {"people", "stock"}
    named = run("compare", *both, "--schema=other", "--json", "--table=stock")
    assert named.tables() == {"stock": one.tables()["stock"]}
    named = run("compare", *both, "--schema=other", "--json", "--table=stock", "--table=people", "--table=stock")
    assert named.tables() == one.tables()
    assert len(named.out.splitlines()) == 2


def test_a_table_and_a_column_that_one_side_lacks_differ(fresh: Fresh, run: Run) -> None:
    before = fresh(18, PEOPLE, "CREATE TABLE gone AS SELECT generate_series(1, 5)", "CREATE TABLE gone_empty (a int)")
    after = fresh(18, PEOPLE, "CREATE TABLE new AS SELECT 1", "ALTER TABLE stock DROP n, ADD unit text")
    found = run("compare", *sides(before, after), "--json")
    assert found.status == 1
    counts = {name: (t["equal"], t["missing"], t["extra"], t["problems"]) for name, t in found.tables().items()}
    assert counts == {
        "people": (True, 0, 0, []),
        "gone": (False, 5, 0, ["the table is missing"]),
        "gone_empty": (False, 0, 0, ["the table is missing"]),
        "new": (False, 0, 1, ["the table is extra"]),
        "stock": (False, 0, 0, ["column n is missing", "column unit is extra"]),
    }
    text = run("compare", *sides(before, after))
    assert "gone: different: 5 missing\n    5 rows, now 0\n    the table is missing\n" in text.out


def test_what_is_not_compared_is_listed_with_the_reason(fresh: Fresh, run: Run) -> None:
    more = """
        CREATE VIEW a_view AS TABLE people;
        CREATE MATERIALIZED VIEW a_kept_view AS TABLE people;
        CREATE TABLE parts (id int) PARTITION BY LIST (id);
        CREATE TABLE part PARTITION OF parts DEFAULT;
        CREATE TABLE nothing ();
        CREATE EXTENSION file_fdw;
        CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
        CREATE FOREIGN TABLE a_file (a text) SERVER files OPTIONS (filename '/dev/null');
    """
    done = run("compare", *sides(fresh(15, PEOPLE, more), fresh(15, PEOPLE, more)))
    assert done.status == 0
    assert sorted(done.out.splitlines()) == ["parts: equal: 0 rows", "people: equal: 50 rows", "stock: equal: 3 rows"]
    assert done.err.splitlines() == [
        "not compared: a_file: a foreign table: its rows stand in another database",
        "not compared: a_kept_view: a materialized view: what it holds is made anew from tables",
        "not compared: a_view: a view: it holds no rows of its own",
        "not compared: nothing: it has no columns",
        "not compared: part: a partition: compared as part of parts",
    ]
    named = run("compare", *sides(fresh(15, PEOPLE, more), fresh(15, PEOPLE, more)), "--table=a_view")
    assert named == Done(4, "", "ERROR: --table=a_view cannot be compared: a view: it holds no rows of its own\n")


def test_what_is_a_table_on_one_side_only_differs(fresh: Fresh, run: Run) -> None:
    view, table = "CREATE VIEW of AS SELECT 1 AS a", "CREATE TABLE of (a int)"
    for pair, word in (((view, table), "extra"), ((table, view), "missing")):
        done = run("compare", *sides(fresh(18, pair[0]), fresh(18, pair[1])))
        assert (done.status, done.err) == (1, "")
        assert f"the table is {word}" in done.out


@pytest.mark.full
def test_a_partition_of_a_table_elsewhere_is_compared_by_itself(fresh: Fresh, run: Run) -> None:
    one = "CREATE SCHEMA o; CREATE TABLE o.w (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF o.w DEFAULT;"
    rows = "INSERT INTO part VALUES (1), (2)"
    done = run("compare", *sides(fresh(18, one, rows), fresh(16, one, rows)))
    assert done.out == "part: equal: 2 rows\n"
    done = run("compare", *sides(fresh(18, one, rows), fresh(16, one)))
    assert (done.status, done.err) == (1, "")


MANY = "CREATE TABLE many (id int PRIMARY KEY, a text); INSERT INTO many SELECT i, 'a' FROM generate_series(1, 20000) i"


@pytest.mark.full
def test_a_table_of_which_every_row_differs_is_counted(fresh: Fresh, run: Run) -> None:
    both = sides(
        fresh(18, MANY), fresh(18, MANY, "UPDATE many SET a = 'b'", "UPDATE many SET id = -id WHERE id % 4 = 0")
    )
    found = run("compare", *both, "--json", "--evidence-rows=7").tables()["many"]
    assert [found[kind] for kind in ("rows_baseline", "rows_target", "missing", "extra", "changed")] == [
        *(20000, 20000, 5000, 5000, 15000)
    ]
    assert len(found["differences"]) == 7
    assert {difference["kind"] for difference in found["differences"]} == {"missing", "extra", "changed"}
    none = run("compare", *both, "--json", "--evidence-rows=0").tables()["many"]
    assert (none["differences"], none["changed"]) == ([], 15000)


@pytest.mark.full
def test_equal_rows_without_a_key_are_counted(fresh: Fresh, run: Run) -> None:
    rows = "CREATE TABLE rows (a text, b int); INSERT INTO rows SELECT 'x', NULL FROM generate_series(1, 100000)"
    few = "DELETE FROM rows WHERE ctid NOT IN (SELECT ctid FROM rows LIMIT 2)"
    for order, kind in ((1, "missing"), (-1, "extra")):
        before, after = [fresh(18, rows), fresh(18, rows, few)][::order]
        found = run("compare", *sides(before, after), "--json").tables()["rows"]
        assert {k: found[k] for k in ("missing", "extra", "changed")} == {
            **{"missing": 0, "extra": 0, "changed": 0},
            kind: 99998,
        }
        assert len(found["differences"]) == 5


def test_odd_names_are_printed_as_they_are(fresh: Fresh, run: Run) -> None:
    table = (
        """CREATE TABLE "[/red]" ("[bold]" int PRIMARY KEY, "a\x1b[31m" text); INSERT INTO "[/red]" VALUES (1, 'x')"""
    )
    both = sides(fresh(18, table), fresh(18, table, """UPDATE "[/red]" SET "a\x1b[31m" = '[/]'"""))
    done = run("compare", *both, "--show-values")
    assert done.status == 1
    assert "[/red]: different: 1 changed" in done.out
    assert "[bold]" in done.out
    assert "\x1b" not in done.out
    assert json.loads(run("compare", *both, "--json").out)["table"] == "[/red]"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare"], "--baseline is missing"),
        (["compare", "--baseline={before}"], "--db-url is missing"),
        (["compare", "--baseline={before}", "--db-url={before}"], "name the same running database"),
        (["compare", "--baseline={before}", "--db-url={after}", "--table=peopel"], "--table=peopel cannot be compared"),
        (["compare", "--baseline={before}", "--db-url={after}", "--schema=empty"], "schema empty has no table"),
        (["compare", "--baseline={before}", "--db-url={after}", "--schema=nowhere"], "schema nowhere has no table"),
        (["compare", "--baseline={before}", "--db-url={after}", "--jobs=0"], "--jobs=0: want 1 to 64"),
        (["compare", "--baseline={before}", "--db-url={after}", "--jobs=x"], "invalid int value: 'x'"),
        (["compare", "--baseline={before}", "--db-url={after}", "--evidence-rows=-1"], "--evidence-rows=-1: want 0"),
        (["compare", "--baseline={before}", "--db-url={after}", "--statement-timeout=0"], "--statement-timeout"),
        (["compare", "--baseline={before}", "--db-url={after}", "--fast"], "unrecognized arguments: --fast"),
        (["compare", "--baseline={before}", "--db-url=mysql://h/d"], "--db-url is not a PostgreSQL URL but mysql://"),
        (["compare", "--baseline={before}", "--db-url=port=1 dbname=x"], "cannot connect to the database of --db-url"),
        (["compare", "--baseline=port=1 dbname=x", "--db-url={after}"], "cannot connect to the database of --baseline"),
        (["compare", "--baseline=no.dump", "--db-url={after}"], "--baseline: no such file: no.dump"),
        (["compare", "--baseline={before}", "--baseline={after}", "--db-url={after}"], "one of these is a URL"),
        (["compare", "--baseline=", "--db-url={after}"], "--baseline is empty"),
        (["compar"], "invalid choice: 'compar'"),
        ([], "the following arguments are required: COMMAND"),
        (["fingerprint", "--db-url={before}"], "the following arguments are required: -o/--output"),
        (["fingerprint", "--db-url={before}", "-o", "no/where"], "cannot be written to no/where: No such file"),
        (["fingerprint", "-o", "x"], "--db-url is missing"),
        (["fingerprint", "--db-url={before}", "--schema=empty", "-o", "x"], "schema empty has no table"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_what_cannot_be_judged_is_said_in_one_line(fresh: Fresh, run: Run, arguments: list[str], says: str) -> None:
    empty = "CREATE SCHEMA empty"
    names = {"before": fresh(18, PEOPLE, empty), "after": fresh(18, PEOPLE, empty)}
    done = run(*(argument.format(**names) for argument in arguments))
    assert (done.status, done.out) == (4, "")
    assert done.err.startswith("ERROR: ")
    assert done.err.count("\n") == 1
    assert says in done.err
    assert PASSWORD not in done.err


@pytest.mark.parametrize("version", [15, 18])
def test_a_table_that_cannot_be_read_is_named(fresh: Fresh, run: Run, version: int) -> None:
    role = f"reader_{version}"
    more = f"""
        CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
        CREATE TABLE secret (id int); CREATE TABLE filtered (id int); GRANT SELECT ON filtered TO {role};
        ALTER TABLE filtered ENABLE ROW LEVEL SECURITY; CREATE TABLE more AS SELECT 1;
    """
    before, after = (
        fresh(16, PEOPLE, "CREATE TABLE secret (id int); CREATE TABLE filtered (id int)"),
        fresh(version, PEOPLE, more),
    )
    read = make_conninfo(after, user=role, password=PASSWORD)
    done = run("compare", *sides(before, read))
    assert done.status == 4
    assert done.out.splitlines() == ["people: equal: 50 rows", "stock: equal: 3 rows"]
    errors = sorted(line for line in done.err.splitlines())
    assert [error.split(":")[1].strip() for error in errors] == [
        f"{name} could not be compared" for name in ("filtered", "more", "secret")
    ]
    assert 'query would be affected by row-level security policy for table "filtered"' in errors[0]
    assert "permission denied for table secret: grant the role what is missing" in errors[2]
    found = run("compare", *sides(before, read), "--json").tables()
    assert found["secret"]["equal"] is None
    assert found["secret"]["error"].startswith("permission denied")
    taken = run("fingerprint", f"--db-url={read}", "-o", "x")
    assert taken.status == 4
    assert taken.err.startswith("ERROR: ")
    assert "filtered" in taken.err
    assert not Path("x").exists()


def test_its_version_is_that_of_the_installation(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        run("--version")
    assert capsys.readouterr().out == f"postmigration {version('postmigration')}\n"


def test_two_databases_are_compared_in_the_order_of_diff(
    fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = fresh(18, PEOPLE), fresh(16, PEOPLE, CHANGES)
    secret = make_conninfo(before, password=PASSWORD)
    # What is named in the call counts, whatever the environment says.
    monkeypatch.setenv("POSTMIGRATION_BASELINE", after)
    for arguments in ((secret, after), (secret, "--table=people", after), ("--table=people", secret, after)):
        done = run("compare", *arguments)
        assert done.status == 1
        assert "people: different: 2 missing, 1 extra, 2 changed\n" in done.out
        first, second = (text.rpartition("/")[2] for text in done.sides.split(", after: "))
        assert (first, second) == (database_of(before), database_of(after))
        assert PASSWORD not in done.sides
    assert run("compare", *sides(before, after)).sides == run("compare", before, after).sides


def test_the_last_line_says_what_was_not_compared(fresh: Fresh, run: Run) -> None:
    pair = fresh(18, PEOPLE), fresh(18, PEOPLE, 'CREATE SCHEMA "Left out"; CREATE TABLE "Left out".t (id int)')
    done = run("compare", *pair)
    assert done.status == 0
    assert done.scope.startswith("public and nothing else; other schemas were left out: Left out; postmigration check")


def database_of(address: str) -> str:
    return str(conninfo_to_dict(address)["dbname"])


def test_a_file_is_named_as_what_was_before(fresh: Fresh, run: Run) -> None:
    after = fresh(18, PEOPLE)
    assert run("fingerprint", f"--db-url={after}", "-o", "before.fingerprint").status == 0
    done = run("compare", "before.fingerprint", after)
    assert done.status == 0
    assert done.sides.startswith("before: fingerprint ")
    assert "AFTER is a file" in run("compare", after, "before.fingerprint").err
    assert "BEFORE: no such file: no.dump" in run("compare", "no.dump", after).err
    assert "cannot connect to the database of AFTER" in run("compare", after, "port=1 dbname=x").err
