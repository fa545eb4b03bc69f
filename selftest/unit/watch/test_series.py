import datetime
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.watch.series import Header, Sample, append, open_series, read_series

NOON = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)
HEADER = Header("db:5432/shop", ("7", "5"))
FIRST = Sample(at=NOON, values={"locks": {"": {"waiting": 1.0}}}, words={"locks": ["who"]}, seconds=0.5)
LAST = Sample(at=NOON + datetime.timedelta(minutes=1), lost="gone")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two samples, the later one first."""
    path = tmp_path / "new" / "shop.series"
    series = open_series(path, HEADER, "--series")
    assert series.samples == []
    append(path, series, LAST)
    append(path, series, FIRST)
    assert series.samples == [LAST, FIRST]
    return path


def test_samples_are_read_as_they_were_written_the_oldest_first(path: Path) -> None:
    series = read_series(path, "--series")
    assert (series.header, series.samples) == (HEADER, [FIRST, LAST])


def test_a_series_goes_on_where_a_line_was_not_written_whole(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"kind":"samp')
    series = open_series(path, HEADER, "--series")
    append(path, series, FIRST)
    assert len(read_series(path, "--series").samples) == 3


@pytest.mark.parametrize(
    ("identity", "same"), [(("7", "5"), True), ((None, "5"), True), (("8", "5"), False), (("7", "6"), False)]
)
def test_a_file_is_of_one_database(path: Path, identity: tuple[str | None, str], same: bool) -> None:
    other = Header("db:5432/other", identity)
    if same:
        assert len(open_series(path, other, "--series").samples) == 2
        return
    with pytest.raises(
        CannotJudge, match=r"holds samples of db:5432/shop, which is another database than db:5432/other"
    ):
        open_series(path, other, "--series")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no samples: want a file that postmigration watch has written"),
        ("hello\n", "line 1: not written by postmigration watch"),
        ('{"kind":"series"', "holds no samples"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    with pytest.raises(CannotJudge, match=words):
        read_series(path, "--before")


def test_a_file_that_is_not_there_and_one_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"--before=.* cannot be read: No such file or directory"):
        read_series(tmp_path / "nowhere", "--before")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match=r"--series=.* cannot be written: "):
        open_series(tmp_path / "file" / "shop.series", HEADER, "--series")
