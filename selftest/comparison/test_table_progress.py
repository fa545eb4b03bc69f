"""How far the tables of a comparison are: what a file has of them counts as long as they are what they were."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postmigration.diff.resuming.bound import bind
from postmigration.diff.resuming.checkpoint import Checkpoint, Range
from postmigration.diff.resuming.key_ranges import ALL, KeyRange
from postmigration.diff.resuming.table_progress import Table, find_tables
from postmigration.diff.scan import pages
from postmigration.diff.scope import relations
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Database, Snapshot

Fresh = Callable[..., str]

ROWS = """
    CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item SELECT i, 'x' FROM generate_series(1, 100) i;
    CREATE TABLE pair (a int, b text, PRIMARY KEY (a, b)); INSERT INTO pair VALUES (1, 'x');
    CREATE UNLOGGED TABLE cache (id int PRIMARY KEY);
"""
AT = "2026-11-30 12:00:00+00:00"


@pytest.fixture
def sides(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Snapshot, Snapshot]]:
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    with ExitStack() as cleanup:
        opened = []
        for option in ("BEFORE", "AFTER"):
            database = Database(fresh(18, ROWS, "CREATE TABLE one ()" * (option == "AFTER")), option=option)
            cleanup.callback(database.close)
            opened.append(Snapshot(database))
            cleanup.callback(opened[-1].close)
        yield opened[0], opened[1]


def find(sides: tuple[Snapshot, Snapshot], checkpoint: Checkpoint) -> dict[str, Table]:
    names = [relation for relation in relations(sides[0]).values() if not relation.excluded]
    return {table.name: table for table in find_tables(*sides, names, checkpoint)}


def test_what_is_left_of_each_table(sides: tuple[Snapshot, Snapshot], tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "file", bind(*sides, ()), datetime.datetime.now(datetime.UTC), {})
    tables = find(sides, checkpoint)
    assert {name: (table.gaps, table.key_types, table.column is None) for name, table in tables.items()} == {
        "item": ([ALL], ["bigint"], False),
        # Its key holds a text, of which nothing is kept.
        "pair": ([ALL], [], False),
        "cache": ([ALL], ["bigint"], True),
    }
    counts = {"missing": 0, "extra": 0, "changed": 1}
    for name, end in (("item", "30"), ("pair", None), ("cache", None)):
        done = Range(first=None, end=end, rows=(9, 9), counts=counts, since=AT, until=AT, keys=(("7",),))  # type: ignore[arg-type]
        checkpoint.tables[name].add(done)
    tables = find(sides, checkpoint)
    assert {name: (table.gaps, table.found_before, table.inherited, table.anew) for name, table in tables.items()} == {
        "item": ([KeyRange("30")], 1, (("7",),), False),
        "pair": ([], 1, (("7",),), False),
        "cache": ([ALL], 0, (), True),
    }
    checkpoint.tables["item"].definition = "another"
    with pytest.raises(CannotJudge, match=r"^--checkpoint=\S+: table item was defined anew since \(its columns, types"):
        find(sides, checkpoint)
    checkpoint.tables["elsewhere"] = checkpoint.tables.pop("item")
    with pytest.raises(CannotJudge, match=r"^--checkpoint=\S+: table elsewhere is gone since: remove the file"):
        find(sides, checkpoint)
