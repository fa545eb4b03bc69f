"""The comparison finds every difference and no other, against a plain model of what a difference is."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fixtures import MIGRATION
from postmigration import embedded
from postmigration.baseline import expectation, lost_columns
from postmigration.catalog import table
from postmigration.database import Database, Snapshot
from postmigration.parity import Row, differences, in_key_order
from selftest.conftest import Copy, Judge

KEYS = st.one_of(st.none(), st.text(alphabet="ab\u00e9\U0001f600 ", max_size=2))
ROWS = st.lists(st.tuples(KEYS, st.sampled_from(["", None, "x", "x "])), max_size=8)


def ordered(rows: list[tuple[str | None, str | None]]) -> list[Row]:
    return sorted(rows, key=lambda row: (row[0] is not None, (row[0] or "").encode()))


@given(ROWS, ROWS)
def test_missing_and_extra_rows_are_counted_by_key(
    want: list[tuple[str | None, str | None]], have: list[tuple[str | None, str | None]]
) -> None:
    found = list(differences(ordered(want), ordered(have), key=1, same=lambda w, h: tuple(w) == tuple(h)))
    wanted, held = Counter(row[0] for row in want), Counter(row[0] for row in have)
    assert Counter(d.key[0] for d in found if d.kind == "missing") == wanted - held
    assert Counter(d.key[0] for d in found if d.kind == "extra") == held - wanted


@given(ROWS)
def test_a_row_set_does_not_differ_from_itself(rows: list[tuple[str | None, str | None]]) -> None:
    assert not list(differences(ordered(rows), ordered(rows), key=1, same=lambda w, h: tuple(w) == tuple(h)))


@given(st.dictionaries(st.text(max_size=3), st.sampled_from(["", None, "x", "x ", "X"]), min_size=1), st.data())
def test_one_changed_value_is_found_with_its_key(rows: dict[str, str | None], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(rows)))
    value = data.draw(st.sampled_from(["", None, "x", "x ", "X"]).filter(lambda value: value != rows[key]))
    want, have = ordered(list(rows.items())), ordered(list({**rows, key: value}.items()))
    (found,) = differences(want, have, key=1, same=lambda w, h: tuple(w) == tuple(h))
    assert (found.kind, found.key) == ("changed", (key,))


def test_the_server_orders_and_writes_values_as_the_comparison_expects(server: embedded.Server) -> None:
    database = Database(server.conninfo("legacy"), option="--db-url")
    snapshot = Snapshot(database)
    try:
        values = "VALUES ('é'), ('z'), (''), ('a '), ('a'), (NULL), ('B'), ('😀')"
        rows = list(snapshot.stream(in_key_order(f"SELECT * FROM ({values}) v(k)", ["k"], key=1)))
        assert [row[0] for row in rows] == [None, "", "B", "a", "a ", "z", "é", "😀"]
        odd = """
            SELECT 1 AS k, 'ab'::char(4) AS c, '-0'::float8 AS f, 42.00 AS n,
                   '2025-03-30 02:30:00.000001+00'::timestamptz AS t
        """
        (row,) = snapshot.stream(in_key_order(odd, ["k", "c", "f", "n", "t"], key=1))
        assert tuple(row) == ("1", "ab  ", "-0", "42.00", "2025-03-30 02:30:00.000001+00")
    finally:
        snapshot.close()
        database.close()


def test_lost_and_altered_columns_are_named(server: embedded.Server, copy: Copy) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("ALTER TABLE documents DROP COLUMN link_type, ALTER file_size TYPE numeric")
    before, after = (Snapshot(Database(server.conninfo(n), option="--db-url")) for n in ("legacy", name))
    try:
        problems = lost_columns(table(before, "documents"), table(after, "documents"))
        assert problems == [
            "column documents.file_size was bigint and is numeric",
            "column documents.link_type is gone",
        ]
    finally:
        for snapshot in (before, after):
            snapshot.close()
            snapshot.database.close()


def test_a_table_without_a_key_is_compared_by_all_its_columns(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name, rows in ((before, "(1, 'a'), (1, 'a'), (2, NULL)"), (after, "(1, 'a'), (2, ''), (2, NULL)")):
        with server.connect(name) as connection:
            connection.execute(f"CREATE TABLE stock (n int, t text); INSERT INTO stock VALUES {rows}")
    judged = judge(f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}")
    assert judged.red() == {"every_row_of_other_tables_is_as_it_was"}
    evidence = judged.evidence("every_row_of_other_tables_is_as_it_was")
    assert "missing" in evidence
    assert "extra" in evidence


def test_intended_changes_are_the_only_ones_that_are_expected(server: embedded.Server) -> None:
    snapshot = Snapshot(Database(server.conninfo("legacy"), option="--db-url"))
    try:
        expected = expectation(MIGRATION, table(snapshot, "documents"))
        assert "CASE WHEN true THEN 'updated_at' END" in expected.want
        assert expected.columns[0] == "id"
        assert expected.key == 1
    finally:
        snapshot.close()
        snapshot.database.close()
