"""What a migration declares of rows is judged by a fingerprint that was taken where it is declared."""

import re
from collections.abc import Callable, Iterator, Sequence

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.rows import fingerprint_rows
from postmigration.checks.rows.complete_fingerprint import complete_fingerprint
from postmigration.diff import fingerprint_file
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import Change, MayChange
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.declared.conftest import CHANGES
from selftest.declared.test_declared_rows import FAULTS
from selftest.fingerprints import take_whole
from selftest.tiers import few

Examine = Callable[..., Examination]

# What no hash tells: which rows were used for what is permitted.
PERMITTED = ("Draft", "Event")


@pytest.fixture(scope="module")
def fingerprint(
    server: embedded.Server, worlds: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Fingerprint:
    file = tmp_path_factory.mktemp("fingerprint") / "file"
    side = Snapshot(Database(server.conninfo("declared_before"), option="--db-url"))
    try:
        fingerprint_file.write(complete_fingerprint(side, take_whole(side), CHANGES), file)
    finally:
        side.close()
        side.database.close()
    return fingerprint_file.read(file)


@pytest.fixture
def examine(server: embedded.Server, worlds: Callable[[str], str], fingerprint: Fingerprint) -> Iterator[Examine]:
    opened: list[Snapshot] = []

    def run(statement: str = "", changes: Sequence[Change] = CHANGES) -> Examination:
        after = worlds(statement) if statement else "declared_after"
        opened.append(Snapshot(Database(server.conninfo(after), option="--db-url")))
        return fingerprint_rows.examine(opened[-1], fingerprint, ["public"], changes=changes)

    yield run
    for snapshot in opened:
        snapshot.close()
        snapshot.database.close()


def test_what_was_declared_and_happened_is_right(examine: Examine) -> None:
    found = examine()
    assert [finding.statement for finding in found.findings] == []
    assert sorted(words.partition(":")[0] for words in found.unjudged) == [*PERMITTED]
    assert [note for note in found.notes if "by the fingerprint" in note] == [
        "Guest: 40 rows by the fingerprint; declared: moved_rows Booking to Guest",
        "Payment: 150 rows by the fingerprint; declared: gone_column Payment.bookingId, repointed_reference "
        "Payment.bookingId through Stay, retyped Payment.isRefund, may_change Payment.reviewed",
        "Stay: 150 rows by the fingerprint; declared: moved_rows Booking to Stay",
        "Unit: 12 rows by the fingerprint; declared: renamed_table Room to Unit, renamed_column Room.no to number, "
        "derived_value Room.large",
        "Visit: 50 rows by the fingerprint; declared: moved_rows Booking to Visit",
    ]


@pytest.mark.parametrize(
    "statement", few([s for s in FAULTS if not any(f'"{name}"' in s for name in PERMITTED)], 0, 3, 7)
)
def test_what_differs_beside_is_found(examine: Examine, statement: str) -> None:
    found = examine(statement)
    said = [finding.statement for finding in found.findings]
    table = statement.split('"')[1]
    assert [re.split("[:.]", words)[0] for words in said] == [table], said


def test_values_of_a_type_whose_text_tells_less_are_not_judged(examine: Examine) -> None:
    found = examine('ALTER TABLE "Stay" ALTER "createdAt" TYPE date')
    assert not found.findings
    assert any("createdAt was hashed as timestamp with time zone, and is date" in words for words in found.unjudged)


def test_types_whose_texts_say_the_same_are_no_difference(examine: Examine) -> None:
    found = examine(
        'ALTER TABLE "Stay" ALTER cents TYPE numeric(12,4), ALTER "unitId" TYPE bigint, ALTER note TYPE varchar(90);'
        'ALTER TABLE "Payment" ALTER amount TYPE numeric(14,5)'
    )
    assert not found.findings
    assert sorted(words.partition(":")[0] for words in found.unjudged) == [*PERMITTED]


def test_other_changes_than_it_was_taken_for_are_not_judged(examine: Examine) -> None:
    found = examine(
        changes=[*CHANGES, MayChange(table="Booking", column="note"), MayChange(table="Room", column="beds")]
    )
    assert not found.findings
    assert any(words.startswith("Unit: the changes are declared otherwise") for words in found.unjudged)


@pytest.mark.parametrize(
    ("fault", "table", "column"),
    [
        ("", ("150", ""), ("150", "")),
        # Of rows that differ a fingerprint tells not in what: no column is drawn as if it fitted.
        ("UPDATE \"Stay\" SET note = NULL WHERE note = ''", ("", "rows differ"), ("", "")),
    ],
)
def test_what_a_fingerprint_tells_is_drawn(
    examine: Examine, fault: str, table: tuple[str, str], column: tuple[str, str]
) -> None:
    tables = {shown.title: shown for shown in examine(fault).overviews}
    (stay,) = [row for row in tables["Declared changes of tables"].rows if row[1] == "Stay"]
    (note,) = [row for row in tables["Booking to Stay: columns"].rows if row[1] == "note"]
    assert (stay[2:4], note[2:4]) == (table, column)
