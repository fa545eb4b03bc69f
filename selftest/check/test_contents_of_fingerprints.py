"""With a fingerprint as the state before, what was lost is found by numbers and hashes."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from postmigration.checks.contents import large_objects, sequences
from postmigration.checks.contents.examination import Examination
from postmigration.checks.rows import fingerprint_rows
from postmigration.checks.rows.complete_fingerprint import complete_fingerprint
from postmigration.diff import fingerprint_file
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.errors import NeedsBaseline
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.check.contents import Fault, read_faults
from selftest.check.test_contents import SCHEMAS, World
from selftest.fingerprints import take_whole
from selftest.tiers import few


@pytest.fixture(scope="module")
def world(server: embedded.Server) -> Iterator[World]:
    world = World(server)
    yield world
    world.close()


@pytest.fixture(scope="module")
def fingerprint(world: World, tmp_path_factory: pytest.TempPathFactory) -> Fingerprint:
    return take(world, "contents_before", tmp_path_factory.mktemp("fingerprint") / "file")


def take(world: World, name: str, file: Path) -> Fingerprint:
    """The fingerprint of a database, as its file gives it back."""
    side = Snapshot(Database(world.server.conninfo(name), option="--db-url", schema="shop"))
    try:
        fingerprint_file.write(complete_fingerprint(side, take_whole(side)), file)
    finally:
        side.close()
        side.database.close()
    return fingerprint_file.read(file)


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        ("SELECT 1", ""),
        ("DELETE FROM shop.purchase WHERE id = 7", "purchase: rows differ from the fingerprint"),
        ("UPDATE shop.client SET note = NULL WHERE note = ''", "client: rows differ from the fingerprint"),
        ("DELETE FROM shop.secret WHERE id < 3", "row-level security is on"),
        ("TRUNCATE shop.basket", "basket: it is empty, and held 8 rows"),
        ("DROP TABLE shop.texted", "texted: the table is lost, with 10 rows"),
        ("ALTER TABLE shop.client DROP note", "client.note: the column is lost, and the table held 40 rows"),
        (
            "ALTER TABLE shop.down RENAME TO d; CREATE VIEW shop.down AS SELECT * FROM shop.d",
            "down: it was a table with 10 rows, and is none",
        ),
        ("DROP SCHEMA shop CASCADE; CREATE SCHEMA shop", "tables are lost, with"),
    ],
)
def test_what_is_lost_is_found(world: World, fingerprint: Fingerprint, planted: str, says: str) -> None:
    name = world.copy(planted)
    after = world.open(name)
    found = fingerprint_rows.examine(after, fingerprint)
    after.close()
    world.server.drop(name)
    said = " ".join(finding.statement for finding in found.findings)
    assert (says in said) if says else not said, said
    assert not found.unjudged


def test_a_type_that_writes_the_same_value_otherwise_is_no_difference(world: World, tmp_path: Path) -> None:
    before = world.copy(
        "CREATE TABLE shop.price (id int PRIMARY KEY, net numeric(10,2)); INSERT INTO shop.price VALUES (1, 2)"
    )
    after = world.copy(
        "CREATE TABLE shop.price (id int PRIMARY KEY, net numeric(10,4)); INSERT INTO shop.price VALUES (1, 2)"
    )
    fingerprint = take(world, before, tmp_path / "file")
    side = world.open(after)
    found = fingerprint_rows.examine(side, fingerprint)
    side.close()
    side.database.close()
    for name in (before, after):
        world.server.drop(name)
    assert not found.findings
    words = "price: net was numeric(10,2) and is numeric(10,4), which may write a value otherwise"
    assert [told.startswith(words) for told in found.unjudged] == [True]


JUDGES: dict[str, Callable[[Snapshot, Snapshot | Fingerprint | None, Sequence[str]], Examination]] = {
    "sequences_give_free_values": sequences.examine,
    "large_objects_are_those_of_before": large_objects.examine,
}
FAULTS = [fault for fault in read_faults() if JUDGES.keys() & (fault.red | fault.warns)]


def said(found: Examination) -> list[tuple[str, str]]:
    """What was found, and how grave it is; a fingerprint tells how many at the least."""
    return sorted((finding.statement.replace("at least ", ""), finding.severity) for finding in found.findings)


# Who may do what with large objects, which no fingerprint holds.
PRIVILEGES = re.compile("large objects: (.* (no longer|now) has |.* another owner)")


@pytest.mark.parametrize("fault", few(FAULTS, 4), ids=lambda fault: fault.name)
def test_sequences_and_large_objects_are_judged_as_with_the_database_of_before(
    world: World, tmp_path: Path, fault: Fault
) -> None:
    before, after = world.copy(*fault.before), world.copy(*fault.before, *fault.plant)
    fingerprint = take(world, before, tmp_path / "before.fingerprint")
    sides = [world.open(name) for name in (before, after)]
    try:
        for check, judge in JUDGES.items():
            found, live = (judge(sides[1], state, SCHEMAS) for state in (fingerprint, sides[0]))
            held = [one for one in said(live) if not PRIVILEGES.match(one[0])]
            assert said(found) == held, check
            told = [note for note in found.notes if "holds no owners and privileges" in note]
            assert len(told) == (check == "large_objects_are_those_of_before" and not found.inapplicable)
            others = [note for note in found.notes if note not in told]
            assert (others, found.unjudged, found.inapplicable) == (live.notes, live.unjudged, live.inapplicable)
            assert bool(said(live)) == (check in fault.red | fault.warns)
    finally:
        for side in sides:
            side.close()
            side.database.close()
        for name in (before, after):
            world.server.drop(name)


SOUND = (
    "SELECT 1",
    "SELECT setval('shop.invoice_number', nextval('shop.invoice_number') + 10)",
    "ALTER SEQUENCE shop.invoice_number RENAME TO numbers",
    "VACUUM FULL pg_largeobject",
)


@pytest.mark.parametrize("done", few(SOUND, 1))
def test_sound_sequences_and_large_objects_are_not_accused(world: World, fingerprint: Fingerprint, done: str) -> None:
    name = world.copy(*([] if done.startswith("VACUUM") else [done]))
    if done.startswith("VACUUM"):
        with world.server.connect(name) as connection:
            connection.autocommit = True
            connection.execute(done.encode())
    after = world.open(name)
    found = [judge(after, fingerprint, SCHEMAS) for judge in JUDGES.values()]
    after.close()
    world.server.drop(name)
    assert not [finding for one in found for finding in one.findings]
    assert not [words for one in found for words in (*one.unjudged, one.inapplicable) if words]


def test_the_same_bytes_under_other_numbers_are_told(world: World, fingerprint: Fingerprint) -> None:
    moved = """
        DO $$ DECLARE n oid; BEGIN
            FOR n IN SELECT oid FROM pg_largeobject_metadata ORDER BY oid LOOP
                PERFORM lo_from_bytea((n::bigint + 777)::oid, lo_get(n));
                PERFORM lo_unlink(n);
            END LOOP;
            UPDATE shop.scan SET content = (content::bigint + 777)::oid, other = (other::bigint + 777)::oid;
        END $$
    """
    name = world.copy(moved)
    after = world.open(name)
    found = large_objects.examine(after, fingerprint, SCHEMAS)
    after.close()
    world.server.drop(name)
    assert said(found) == [("large objects: the same bytes have other numbers than before", "warning")]


def test_what_a_fingerprint_does_not_hold_is_said(world: World, fingerprint: Fingerprint) -> None:
    assert fingerprint.sequences is not None
    assert fingerprint.large_objects is not None
    rest = tuple(one for one in fingerprint.sequences.sequences if one.name != "invoice_number")
    older = replace(fingerprint, sequences=None, large_objects=None)
    lacking = replace(
        fingerprint,
        sequences=replace(fingerprint.sequences, sequences=rest),
        large_objects=replace(fingerprint.large_objects, contents=None),
    )
    name = world.copy("SELECT setval('shop.invoice_number', 1, false)", "SELECT lo_put(900003, 0, 'y')")
    bare = world.copy("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    after, without = world.open(name), world.open(bare)
    try:
        for judge in JUDGES.values():
            found = judge(after, older, SCHEMAS)
            assert not found.findings
            assert "an older version took it; judged without a state before" in found.notes[0]
            assert judge(after, fingerprint, SCHEMAS).findings
        with pytest.raises(NeedsBaseline, match="the fingerprint holds no large objects"):
            large_objects.examine(without, older, SCHEMAS)
        numbers = sequences.examine(after, lacking, SCHEMAS)
        assert "sequence shop.invoice_number: the fingerprint does not hold where it stood" in numbers.unjudged[0]
        objects = large_objects.examine(after, lacking, SCHEMAS)
        assert not objects.findings
        assert objects.unjudged == ["the bytes of large objects: only a superuser may read them"]
    finally:
        for side, copy in ((after, name), (without, bare)):
            side.close()
            side.database.close()
            world.server.drop(copy)
