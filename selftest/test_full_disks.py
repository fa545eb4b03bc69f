"""What a command writes is whole or not there, and what cannot be written is said."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postmigration import CannotJudge
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_file import write
from postmigration.postgres import embedded
from postmigration.rehearsal import page
from postmigration.rehearsal.steps import Rehearsal
from selftest.conftest import ROOT


@contextmanager
def little_room() -> Iterator[None]:
    """No file may grow beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_fingerprint_is_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    fingerprint = Fingerprint("now", "database", "18.0", "identity", "public", "native", "", "", {})
    with little_room(), pytest.raises(CannotJudge, match=f"cannot be written to {file}: File too large"):
        write(fingerprint, file)
    assert list(tmp_path.iterdir()) == []


def test_what_a_rehearsal_found_is_said_where_its_page_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "rehearsal.html"
    page.write_unfinished(file)
    found = Rehearsal("scripts", {}, [])
    with little_room(), pytest.raises(CannotJudge, match=r"\(File too large\); what was found: "):
        page.write(found, file, tmp_path / "suite.html")
    assert "did not finish" in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is needed")
def test_what_a_command_cannot_print_is_not_proven(server: embedded.Server) -> None:
    urls = (f"--baseline={server.conninfo('legacy')}", f"--db-url={server.conninfo('legacy_copy')}")
    server.create("legacy_copy", template="legacy")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "postmigration", "compare", *urls],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
    server.drop("legacy_copy")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == "ERROR: what was found cannot be written: No space left on device"
    assert "Traceback" not in done.stderr
