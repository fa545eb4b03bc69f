"""Two row sets, as a check compares them: whatever their columns are called and their collations hold for the same."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from postmigration.diff import row_diff
from postmigration.diff.hashing import Method, hashing
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import RowSet
from postmigration.postgres.connection import Database, Snapshot
from selftest.comparison.cases import FOLDED
from selftest.comparison.conftest import SIDES, Servers
from selftest.tiers import few

Compare = Callable[[int, RowSet, RowSet], Comparison]


@pytest.fixture(params=["native", "portable"])
def compare(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Compare]:
    """Compares a row set with another one of the same server."""
    method: Method = request.param
    with ExitStack() as cleanup, pytest.MonkeyPatch.context() as patch:
        if method == "portable":
            patch.setattr(row_diff, "calibration", lambda snapshot: snapshot)

        def compared(version: int, want: RowSet, have: RowSet) -> Comparison:
            snapshots = []
            for side in SIDES:
                database = Database(servers[version].conninfo(side), option=side)
                cleanup.callback(database.close)
                snapshots.append(Snapshot(database))
                cleanup.callback(snapshots[-1].close)
            sides = Sides(snapshots[0], snapshots[1], want, have)
            assert sides.hashing.method == method
            return sides.compare(keep=9)

        yield compared


def rows(values: str, *columns: str, key: int = 1, **more: str) -> RowSet:
    named = ", ".join(f'"{column}"' for column in columns)
    marks = {name: condition for name, condition in more.items() if name != "new"}
    return RowSet(f"SELECT * FROM (VALUES {values}) v({named})", columns, key, marks, more.get("new", "false"))


@pytest.mark.parametrize("name", ["since", "growth", "postmigration_key", "postmigration_settled", "new"])
def test_a_column_may_be_called_like_a_mark(compare: Compare, name: str) -> None:
    want = rows("(1, 1, 1), (2, 1, 1), (3, 1, 1)", "id", name, "marked")
    have = rows("(1, 1, 1), (2, 2, 0), (3, 2, 1), (4, 2, 2)", "id", name, "marked", since="marked=0", growth="marked=2")
    found = compare(18, want, have)
    assert [(d.kind, d.key, d.columns()) for d in found.differences] == [("changed", ("3",), [1])]
    assert (found.counts["changed"], found.wrong, found.grown, found.marked) == (1, 1, 1, {"since": 1})


def test_rows_of_one_key_that_a_collation_folds_are_told_apart(compare: Compare, servers: Servers) -> None:
    for side in SIDES:
        with servers[15].connect(side) as connection:
            connection.execute(FOLDED)
    folded = "(SELECT * FROM (VALUES {}) v(id, t)) u(id, t)"
    sets = [
        RowSet(f"SELECT id, t COLLATE public.folded AS t FROM {folded.format(values)}", ("id", "t"), 1)
        for values in ("(1, 'a'), (1, 'A'), (2, 'b')", "(1, 'a'), (1, 'a'), (2, 'b')")
    ]
    found = compare(15, sets[0], sets[1])
    assert [(d.kind, d.want, d.have) for d in found.differences] == [("changed", ("1", "A"), ("1", "a"))]
    assert found.wrong == 1


@pytest.mark.parametrize("method", few(["native", "portable"]))
@pytest.mark.parametrize(
    "value",
    few(
        [
            "i::smallint",
            "i",
            "i::bigint << 20",
            "i::numeric / 100",
            "i / 7.0",
            "i::float8 / 7",
            "md5(i::text)",
            "md5(i::text)::uuid",
            "decode(md5(i::text), 'hex')",
            "date '1900-01-01' + i",
            "to_jsonb(i)",
            "timestamp '2000-01-01' + i * interval '4294.967295 s'",
            "timestamptz '2000-01-01Z' + i * interval '4294.967295 s'",
            "time '00:00' + abs(i) * interval '0.4 s' + (i < 0)::int * interval '0.000001 s'",
        ],
        3,
    ),
)
def test_rows_that_differ_have_hashes_that_differ(servers: Servers, value: str, method: Method) -> None:
    # Of 64 bits: two in a hundred thousand would share 32 of them.
    rows = 65_000 if "smallint" in value or method == "portable" else 200_000
    sql = f"SELECT i AS id, {value} AS v, 'x' AS more FROM generate_series(-{rows // 2}, {rows // 2} - 1) i"
    database = Database(servers[18].conninfo(SIDES[0]), option="--db-url")
    snapshot = Snapshot(database)
    try:
        types = snapshot.types(sql)
        how = hashing(types, types, method)
        for columns in (["v"], ["v", "more"], ["more", "v"]):
            for hashed in (how.key(columns), how.row(columns)):
                assert snapshot.scalar(f"SELECT count(DISTINCT {hashed}) FROM ({sql}) q") == rows
    finally:
        snapshot.close()
        database.close()
