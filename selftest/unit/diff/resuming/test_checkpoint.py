"""The file of a comparison holds what is done; one that is anything else is refused, and never overwritten."""

import datetime
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from postmigration.diff.resuming import checkpoint
from postmigration.diff.resuming.bound import Bound, Side
from postmigration.diff.resuming.checkpoint import (
    Checkpoint,
    Progress,
    Range,
    describe_moments,
    open_checkpoint,
    sum_up,
)
from postmigration.model.errors import CannotJudge
from postmigration.model.files import seal

SIDE = Side("db.example:5432/shop", "7001", "16384", 3, 1_000)
BOUND = Bound("1.0", "public", (), SIDE, SIDE)
NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
MOMENT = "2026-11-30 12:00:0{}+00:00"


def reading(first: str | None, end: str | None, *, moment: int = 0, wrong: int = 0) -> Range:
    counts = {"missing": wrong, "extra": 0, "changed": 0}
    at, keys = MOMENT.format(moment), tuple((str(i),) for i in range(wrong))
    return Range(first=first, end=end, rows=(10, 10), counts=counts, since=at, until=at, keys=keys)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.checkpoint"
    begun = open_checkpoint(path, BOUND, NOW)
    begun.tables["t"] = Progress(definition="d", files="f")
    begun.add("t", reading(None, "7", wrong=2), SIDE, SIDE)
    begun.close()
    return path


def test_what_is_done_is_read_again(file: Path) -> None:
    found = open_checkpoint(file, BOUND, NOW + datetime.timedelta(days=6))
    assert found.tables == {"t": Progress(definition="d", files="f", ranges=[reading(None, "7", wrong=2)])}
    assert found.describe(2).endswith(
        "goes on with the comparison of 2026-11-30 12:00 UTC: 10 rows of 2 tables are compared, and not read again"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_comparison_that_has_ended_leaves_nothing(file: Path) -> None:
    found = open_checkpoint(file, BOUND, NOW)
    assert found.end(complete=False).endswith("holds what was compared: the same command goes on")
    assert found.end(complete=True) == (
        f"as of 2026-11-30 12:00:00 UTC: what was written later is not seen; {file} is removed: the next comparison "
        "begins anew"
    )
    found.close()
    assert not file.exists()
    assert open_checkpoint(file, BOUND, NOW).describe(1).startswith(f"{file}: the comparison begins; ")


def test_ranges_that_follow_each_other_are_one() -> None:
    progress = Progress(definition="", files="")
    for done in (reading("7", "9", moment=2), reading("20", None), reading(None, "7", moment=1, wrong=1)):
        progress.add(done)
    assert [(each.first, each.end, each.ranges) for each in progress.ranges] == [("20", None, 1), (None, "9", 2)]
    progress.add(reading("9", "20", wrong=2))
    (whole,) = progress.ranges
    assert (whole.first, whole.end, whole.rows, whole.counts["missing"]) == (None, None, (40, 40), 3)
    assert (whole.keys, whole.ranges) == ((("0",), ("0",), ("1",)), 4)
    assert describe_moments([whole]) == (
        "each of 4 ranges as of its own moment, from 2026-11-30 12:00:00 UTC to 2026-11-30 12:00:02 UTC"
    )
    assert sum_up([whole]) == whole


def _cut(content: bytes) -> bytes:
    return content[:-90]


def _leave_out(content: bytes) -> bytes:
    return b"\n".join(content.split(b"\n")[::2])


def _edit(content: bytes) -> bytes:
    return content.replace(b'"missing":2', b'"missing":0')


def _raise(content: bytes) -> bytes:
    head, *lines = content.splitlines()[:-1]
    return seal([head.replace(b'checkpoint":1', b'checkpoint":9'), *lines])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_cut, "the file is damaged or was changed"),
        (_leave_out, "the file is damaged or was changed"),
        (_edit, "the file is damaged or was changed"),
        (_raise, "the file is of another version of postmigration than "),
        (lambda _: b"", "that is no checkpoint, and is not overwritten: name a file of its own"),
        (lambda _: b"id,name\n1,x\n", "that is no checkpoint, and is not overwritten: name a file of its own"),
        (lambda _: b'{"postmigration fingerprint":4}\n', "that is no checkpoint, and is not overwritten"),
    ],
)
def test_another_file_is_refused_and_stays(file: Path, change: Callable[[bytes], bytes], says: str) -> None:
    file.write_bytes(content := change(file.read_bytes()))
    with pytest.raises(CannotJudge, match=f"^--checkpoint={file}: {says}"):
        open_checkpoint(file, BOUND, NOW)
    assert file.read_bytes() == content


def test_what_was_read_long_ago_does_not_count(file: Path) -> None:
    says = "the comparison was begun 2026-11-30 12:00 UTC, more than 7 days ago, and what it read may be other by now"
    with pytest.raises(CannotJudge, match=says):
        open_checkpoint(file, BOUND, NOW + datetime.timedelta(days=7, seconds=1))


def test_another_comparison_is_refused(file: Path) -> None:
    other = msgspec.structs.replace(BOUND, schema="shop")
    says = "the file is of another comparison: it was of schema public and is of shop: name another file, or remove"
    with pytest.raises(CannotJudge, match=says):
        open_checkpoint(file, other, NOW)


def test_a_directory_and_what_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match="that is no checkpoint, and is not overwritten"):
        open_checkpoint(tmp_path, BOUND, NOW)
    with pytest.raises(CannotJudge, match="the file cannot be written: No such file or directory"):
        open_checkpoint(tmp_path / "absent" / "file", BOUND, NOW)


def test_two_runs_do_not_write_one_file(file: Path) -> None:
    one, other = (open_checkpoint(file, BOUND, NOW) for _ in range(2))
    one.save()
    with pytest.raises(CannotJudge, match="somebody else has written the file meanwhile, perhaps another run"):
        other.save()


def test_what_is_written_in_its_place_under_the_same_number_is_noticed(file: Path) -> None:
    """A file system gives the number of a file that is gone to the next one: who writes twice may have it again."""
    found = open_checkpoint(file, BOUND, NOW)
    number, content = file.stat().st_ino, file.read_bytes()
    file.write_bytes(content)
    os.utime(file, ns=(0, 0))
    assert file.stat().st_ino == number
    with pytest.raises(CannotJudge, match="somebody else has written the file meanwhile, perhaps another run"):
        found.save()
    assert file.read_bytes() == content


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")])
def test_a_file_that_took_its_place_before_it_was_interrupted_is_its_own(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    found, sync = open_checkpoint(file, BOUND, NOW), os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise error
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        patch.setattr(checkpoint, "PATIENCE", 0)
        with pytest.raises(
            (KeyboardInterrupt, CannotJudge), match=r"^$|the file cannot be written: Input/output error"
        ):
            found.add("t", reading("7", "9"), SIDE, SIDE)
    found.close()
    (table,) = open_checkpoint(file, BOUND, NOW).tables.values()
    assert table.ranges[0].end == "9"


def test_a_file_that_did_not_take_its_place_is_written_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_checkpoint(file, BOUND, NOW)

    def fail(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", fail)
            with pytest.raises(CannotJudge, match="the file cannot be written: Permission denied"):
                found.save()
    found.save()
    assert open_checkpoint(file, BOUND, NOW).tables == found.tables


def test_it_is_not_written_all_the_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_checkpoint(file, BOUND, NOW)
    written = list[Checkpoint]()
    monkeypatch.setattr(checkpoint, "PATIENCE", 1e9)
    found.save()
    monkeypatch.setattr(checkpoint, "replace_private", lambda *_: written.append(found))
    found.add("t", reading("7", "8"), SIDE, SIDE)
    assert not written
    found.close()
    found.close()
    assert written == [found]
