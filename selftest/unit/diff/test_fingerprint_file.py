from dataclasses import replace
from pathlib import Path

import pytest

from postmigration.diff.fingerprint import WERE, Fingerprint, TableFingerprint
from postmigration.diff.fingerprint_contents import (
    LargeObjectsFingerprint,
    SequenceFingerprint,
    SequencesFingerprint,
    WorkloadFingerprint,
)
from postmigration.diff.fingerprint_file import is_fingerprint, read, write
from postmigration.model.errors import CannotJudge
from postmigration.postgres.schema_objects import ObjectName

STAY = TableFingerprint(
    "stay", {"id": ("integer", False)}, ("id",), {WERE: (("id", "integer", True),)}, 3, "infinity", 2, {0: (3, 7, 9)}
)
TABLE = ObjectName("table public.stay", "table", "public", "stay", "stay")
TAKEN = Fingerprint(
    *("2026-11-02 12:00:00+00", "shop", "18.0", "ab12", "public", "native", "7 8", "cd34"),
    tables={"stay": STAY},
    secret=2**30,
    objects={TABLE: {"persistence": "p"}},
    sequences=SequencesFingerprint((SequenceFingerprint("public", "stay_id_seq", 1, 4, {"behind": "blocker"}),)),
    large_objects=LargeObjectsFingerprint(0, 1, (), 0, {}),
    workload=WorkloadFingerprint(reason="it was not installed"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.fingerprint"
    write(TAKEN, path)
    return path


def test_a_fingerprint_is_read_as_it_was_written(path: Path) -> None:
    found = read(path)
    assert found == TAKEN
    assert found.objects is not None
    (name,) = found.objects
    assert (name.kind, name.schema, name.name) == ("table", "public", "stay")
    assert is_fingerprint(path)


@pytest.mark.parametrize("text", ["", "PGDMP", '{"postmigration workload":1}'])
def test_another_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "other").write_text(text)
    assert not is_fingerprint(tmp_path / "other")
    assert not is_fingerprint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ('"rows":3', '"rows":2', "is damaged or was changed: copy it again"),
        (
            '"postmigration fingerprint":4',
            '"postmigration fingerprint":9',
            r"has format 9, and this version reads 1 to 4",
        ),
        ('{"sha256"', '{"sha"', "is damaged or was changed"),
    ],
)
def test_a_damaged_fingerprint_is_refused(path: Path, was: str, becomes: str, words: str) -> None:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes))
    with pytest.raises(CannotJudge, match=words):
        read(path)


def test_a_fingerprint_that_lacks_a_line_is_refused(path: Path) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[2:]]))
    with pytest.raises(CannotJudge, match="is damaged or was changed"):
        read(path)
    write(replace(TAKEN, objects=None), path)
    with pytest.raises(CannotJudge, match="is damaged or was changed"):
        read(path)


def test_it_cannot_be_written_where_there_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"cannot be written to .*: No such file or directory"):
        write(TAKEN, tmp_path / "nowhere" / "shop")
