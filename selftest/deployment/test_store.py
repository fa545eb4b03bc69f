"""A record is read as it was written, or refused with its reason."""

import datetime
import functools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.records import store
from postmigration.deployment.records.record import SCHEMA_VERSION, Record
from postmigration.deployment.records.store import KEY, read_key, read_records, seal, write_record
from postmigration.model.errors import CannotJudge
from selftest.deployment.records import GO, NOON, STAGING, check, make

SECRET = b"a key of some length"
read = functools.partial(read_records, now=NOON + datetime.timedelta(days=1))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write_record(GO, tmp_path / "reports" / "records")
    assert path.name == "gate-20261128T120000Z.json"
    found = read([path.parent])
    assert found == ([(path, seal(GO))], [])
    assert list(path.parent.iterdir()) == [path]


def test_a_file_says_when_in_utc(tmp_path: Path) -> None:
    east = NOON.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
    path = write_record(make(started=east), tmp_path)
    assert path.name == "gate-20261128T120000Z.json"
    assert [stored.path for stored in read([tmp_path]).stored] == [path]


@pytest.mark.parametrize("links", [True, False])
def test_no_record_takes_the_place_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    names = [write_record(make(sentence=f"number {number}"), tmp_path).name for number in range(3)]
    assert names == [f"gate-20261128T120000Z{ending}.json" for ending in ("", "-2", "-3")]
    assert sorted(stored.record.sentence[-1] for stored in read([tmp_path]).stored) == ["0", "1", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_the_same_record_from_two_jobs_counts_once_and_records_come_in_their_order(tmp_path: Path) -> None:
    for directory in ("one", "two"):
        write_record(make(30), tmp_path / directory)
    write_record(make(10, command="check"), tmp_path / "two")
    found = read([tmp_path / "one", tmp_path / "two"]).stored
    assert [(stored.path.parent.name, stored.record.command) for stored in found] == [("two", "check"), ("one", "gate")]


def test_a_record_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    for wrong in ({"report": "/etc/passwd"}, {"started": NOON.replace(tzinfo=None)}, {"report_sha256": "0"}):
        with pytest.raises(ValueError, match=r"Expected `(str|datetime)`"):
            write_record(make(**wrong), tmp_path)
    assert not list(tmp_path.iterdir())


def change(**fields: Any) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def put(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def nest(path: Path) -> None:
    path.write_text(path.read_text().replace('"facts": {', '"facts": {"deep": ' + "[" * 100_000 + "]" * 100_000 + ","))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


FORGED = "was changed after it was written: its checksum does not fit what it says"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (change(word="GO!"), FORGED),
        (change(status=1), FORGED),
        (change(ended="2026-11-29T12:05:00Z"), FORGED),
        (change(checks=[]), FORGED),
        (change(checksum=""), FORGED),
        (change(checksum="0" * 64), FORGED),
        (change(checksum="0" * 64 + "\n"), "is no record: Expected `str` matching regex"),
        (change(schema_version=SCHEMA_VERSION + 1), "has schema version 2, and this postmigration reads 1"),
        (change(command="rm -rf"), "is no record: Invalid enum value 'rm -rf'"),
        (change(command="__reduce__", module="os"), "is no record: "),
        (change(status="0"), "is no record: Expected `int`, got `str`"),
        (change(more=1), "is no record: Object contains unknown field `more`"),
        (change(started="2026-11-28T12:00:00"), "is no record: Expected `datetime` with a timezone component"),
        (change(report="../a\nb"), "is no record: Expected `str` matching regex"),
        (change(report="//host/page"), "is no record: Expected `str` matching regex"),
        (nest, "is no record: "),
        (put(b""), "is no record: Input data was truncated"),
        (put(b"{}"), "is no record: Object missing required field `schema_version`"),
        (put(b"[]"), "is no record: Expected `object`, got `array`"),
        (put(b'{"schema_version": 1, "word": "\xff"}'), "is no record: "),
        (put(b"\x80\x04cos\nsystem\n."), "is no record: JSON is malformed"),
        (replace_by_pipe, "is no file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "is no record: Input data was truncated"),
        (lambda path: path.unlink() or path.mkdir(), "is no file"),
        (lambda path: path.unlink() or path.symlink_to("nowhere"), "is no file"),
    ],
)
def test_what_is_no_record_is_refused_and_hides_no_other(
    tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    first, last = (write_record(make(minutes), tmp_path) for minutes in (0, 20))
    bad = write_record(make(10), tmp_path)
    spoil(bad)
    found = read([tmp_path])
    assert [stored.path for stored in found.stored] == [first, last]
    (refusal,) = found.refusals
    assert refusal.path == bad
    assert refusal.reason.startswith(reason)
    assert "\n" not in refusal.reason


def test_what_is_too_large_is_refused_without_being_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_record(GO, tmp_path)
    size = path.stat().st_size
    monkeypatch.setattr(store, "LARGEST", size)
    assert not read([tmp_path]).refusals
    monkeypatch.setattr(store, "LARGEST", size - 1)
    (refusal,) = read([tmp_path]).refusals
    assert refusal.reason == f"is too large for a record: more than {size - 1:,} bytes"


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    write_record(GO, tmp_path)
    found = read([tmp_path / "other", tmp_path])
    assert len(found.stored) == 1
    assert found.refusals == [
        (tmp_path / "other", "there is no such directory: no command has left a record there yet")
    ]


def test_a_key_tells_who_computed_the_checksum_anew(tmp_path: Path) -> None:
    signed = write_record(GO, tmp_path / "signed", SECRET)
    plain = write_record(GO, tmp_path / "plain")
    forged = write_record(make(word="GO", sentence="29 of 29"), tmp_path / "forged", b"another key, of the same make")
    assert [stored.path for stored in read([signed.parent], SECRET).stored] == [signed]
    # Without the key the checksum is all that there is.
    assert len(read([signed.parent, plain.parent, forged.parent]).stored) == 2
    found = read([plain.parent, forged.parent], SECRET)
    assert not found.stored
    assert [refusal.reason for refusal in found.refusals] == [
        f"is not signed: it was written without {KEY}",
        f"has another signature: it was not written with this {KEY}",
    ]


def test_a_key_is_a_secret_or_not_there() -> None:
    assert read_key({}) == b""
    assert read_key({KEY: "sixteen letters."}) == b"sixteen letters."
    for wrong, word in (("", "empty"), (" ", "empty"), ("fifteen letters", "too short")):
        with pytest.raises(CannotJudge, match=re.escape(f"{KEY} is {word}: want 16 characters or more")):
            read_key({KEY: wrong})


def test_a_record_whose_clock_was_wrong_is_refused(tmp_path: Path) -> None:
    started = "2026-11-28 12:06:30.5+00"
    wrong = {
        "early": make(ended=NOON - datetime.timedelta(seconds=1)),
        "future": make(24 * 60),
        "server": make(database=replace(STAGING, started=started)),
        "baseline": make(database=None, baseline=replace(STAGING, started=started)),
    }
    for name, record in wrong.items():
        write_record(record, tmp_path / name)
    reasons = {refusal.path.parent.name: refusal.reason for refusal in read(map(tmp_path.joinpath, wrong)).refusals}
    assert reasons == {
        "early": "ended 2026-11-28 11:59:59 UTC, before it started 2026-11-28 12:00:00 UTC: its clock ran back",
        "future": "ended 2026-11-29 12:05:00 UTC, and it is 2026-11-29 12:00:00 UTC: the clock here or there is wrong",
        "server": "ended 2026-11-28 12:05:00 UTC, and the server of its database was started 2026-11-28 12:06:30 UTC: "
        "the clock of one of them is wrong, or ran back",
        "baseline": "ended 2026-11-28 12:05:00 UTC, and the server of its state before was started 2026-11-28 12:06:30 "
        "UTC: the clock of one of them is wrong, or ran back",
    }


def test_clocks_may_differ_by_a_minute(tmp_path: Path) -> None:
    right = [
        make(24 * 60 - 4),
        make(1, database=replace(STAGING, started="2026-11-28 12:07:00+00")),
        make(2, database=replace(STAGING, started="28.11.2027")),
        make(3, database=replace(STAGING, started="2027-11-28")),
    ]
    for record in right:
        write_record(record, tmp_path)
    assert not read([tmp_path]).refusals


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"checks": (check(1), check(2, outcome="failed"))},
            "says GO, and that tests/test_plan.py::test_2 failed: it contradicts itself",
        ),
        (
            {"checks": (check(1, outcome="broken"),)},
            "says GO, and that tests/test_plan.py::test_1 was broken: it contra",
        ),
        ({"word": "NO-GO"}, "says NO-GO, and has the exit status 0: it contradicts itself"),
        ({"checks": ()}, "says GO, and names no check that passed: it contradicts itself"),
        ({"checks": (check(1, outcome="not judged"),), "command": "check"}, "says GO, and names no check that passed"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    write_record(make(**fields), tmp_path)
    (refusal,) = read([tmp_path]).refusals
    assert refusal.reason.startswith(reason)


def test_what_says_that_nothing_is_right_may_name_no_check(tmp_path: Path) -> None:
    write_record(make(word="ERROR", status=4, checks=()), tmp_path)
    write_record(make(word="PARTIAL", checks=(check(1), check(2, outcome="left out"))), tmp_path)
    # As of -k with --allow-partial.
    write_record(make(5, word="PARTIAL", checks=(check(1, outcome="not judged"),)), tmp_path)
    write_record(make(word="GO (demonstration)"), tmp_path)
    write_record(make(command="fingerprint", word="WRITTEN", checks=()), tmp_path)
    assert not read([tmp_path]).refusals


@pytest.mark.parametrize("name", ["gate-1.json.bak", ".gate-20261128T121000Z.json", "old/gate-2.json", "gate-1.JSON"])
def test_a_record_that_was_put_aside_is_told(tmp_path: Path, name: str) -> None:
    write_record(GO, tmp_path)
    aside = tmp_path / name
    aside.parent.mkdir(exist_ok=True)
    write_record(make(10, word="NO-GO", status=1), tmp_path).rename(aside)
    found = read([tmp_path])
    assert len(found.stored) == 1
    reason = (
        "looks like a record that was put aside, and is not read: keep it elsewhere, or name its directory (--records)"
    )
    assert found.refusals == [(aside, reason)]
    # Where its directory is named as well, nothing is put aside.
    if aside.suffix == ".json" and aside.name[0] != ".":
        assert not read([tmp_path, aside.parent]).refusals
    (tmp_path / "notes.txt").write_text("what was seen")
    assert len(read([tmp_path]).refusals) == 1


def test_a_record_that_was_archived_counts_once_a_later_one_was_made(tmp_path: Path) -> None:
    write_record(make(10, word="NO-GO", status=1), tmp_path / "first try")
    write_record(make(5, environment="production"), tmp_path / "first try")
    write_record(make(30), tmp_path)
    found = read([tmp_path])
    assert [stored.record.word for stored in found.stored] == ["NO-GO", "GO"]
    # Of production there is no later one.
    assert [refusal.path.name for refusal in found.refusals] == ["gate-20261128T120500Z.json"]
    # It was judged at the same time.
    write_record(make(28, word="NO-GO", status=1), tmp_path / "second try")
    assert len(read([tmp_path]).refusals) == 2


def drift(minutes: float, hours: float, **fields: Any) -> Record:
    """A record of a database whose clock was so many hours ahead."""
    there = NOON + datetime.timedelta(minutes=minutes, hours=hours)
    return make(minutes, facts={"clock": "it is later there", "clock of the database": there.isoformat()}, **fields)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_record_of_which_clocks_differed_is_superseded_by_a_later_one(tmp_path: Path, hours: float) -> None:
    bad = write_record(drift(0, hours, word="NO-GO", status=1), tmp_path)
    write_record(drift(1, hours), tmp_path)
    refused = read([tmp_path]).refusals
    reason = "was made while clocks differed: it is later there: set them, and run it again"
    assert (refused[0].path, refused[0].reason) == (bad, reason)
    assert len(refused) == 2
    # It is later by both clocks.
    write_record(make(60, environment="production"), tmp_path)
    write_record(make(4 if hours < 0 else 124), tmp_path)
    assert len(read([tmp_path]).refusals) == 2
    write_record(make(10 if hours < 0 else 130), tmp_path)
    found = read([tmp_path])
    assert not found.refusals
    # What it found wrong is not forgotten, and it proves nothing.
    words = [stored.record.word for stored in found.stored if stored.record.environment == "staging"]
    assert words == ["NO-GO", "GO", "GO"]


def test_times_beyond_all_calendars_are_no_traceback(tmp_path: Path) -> None:
    last = datetime.datetime(9999, 12, 31, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=-23)))
    write_record(make(ended=last), tmp_path)
    (refusal,) = read([tmp_path]).refusals
    assert refusal.reason.startswith("is no record: ")
