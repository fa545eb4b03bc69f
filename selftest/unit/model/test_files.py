"""Files are replaced whole, and all of them or none."""

from pathlib import Path

import pytest

from postmigration.model.files import partial, replace_all, replace_private, seal, unseal


def test_a_file_is_written_beside_the_one_that_it_replaces(tmp_path: Path) -> None:
    assert partial(tmp_path / "report.json") == tmp_path / ".report.json.partial"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert partial(tmp_path / "link") == tmp_path / ".elsewhere.partial"
    # What is no file is written to and not replaced.
    assert partial(Path("/dev/null")) == Path("/dev/null")


def test_all_files_are_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    replace_all({tmp_path / "a": "nëw", tmp_path / "b": "more", Path("/dev/null"): "gone"})
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {"a": "nëw", "b": "more"}


def test_none_is_replaced_where_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    missing = tmp_path / "absent" / "b"
    with pytest.raises(FileNotFoundError, match="No such file or directory") as caught:
        replace_all({tmp_path / "a": "new", missing: "more"})
    assert caught.value.filename == str(missing)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_private_file_is_read_by_nobody_else(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "a", tmp_path / "b"
    elsewhere.write_text("kept")
    # What a killed run has left, or somebody else has put there.
    partial(file).symlink_to(elsewhere)
    told = list[tuple[int, bool]]()
    for content in (b"old", b"newer"):
        replace_private(file, content, lambda new: told.append((new.st_ino, file.exists())))
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o600)
        # Before it took its place.
        assert told.pop() == (file.stat().st_ino, content == b"newer")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "newer", "b": "kept"}
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        replace_private(tmp_path / "absent" / "file", b"")


def test_a_sealed_file_shows_that_it_is_whole() -> None:
    sealed = seal([b"{}", b"more"])
    assert unseal(sealed) == ([b"{}", b"more"], True)
    for damaged in (sealed.replace(b"more", b"less"), sealed[:-3], sealed.replace(b"{}\n", b""), b"", b"\xff", b"[]\n"):
        assert not unseal(damaged)[1]
