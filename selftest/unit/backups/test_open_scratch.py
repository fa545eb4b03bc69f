"""Where copies live: a server that is started or named, and is none of a database that is judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postmigration.backups.open_scratch import open_base_backup, open_scratch, refuse_shared, verify_where_it_fits
from postmigration.model.errors import CannotJudge
from postmigration.postgres.scratch.borrowed import Borrowed
from selftest.servers import Servers, url


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def address(servers: Servers) -> str:
    """The server of the selftests, as a user names one."""
    return url(servers[18].conninfo("postgres"))


def test_a_server_that_is_judged_holds_no_copies(servers: Servers, address: str) -> None:
    judged = {"--db-url": servers[18].conninfo("postgres")}
    with pytest.raises(CannotJudge, match="--scratch names the server of --db-url: copies live on another one"):
        refuse_shared(address, judged)
    # Whoever opens a database says that it cannot be reached.
    refuse_shared(address, {"--db-url": "host=/nowhere"})
    # What is no address is started, and is nobody else's.
    refuse_shared("system", judged)
    refuse_shared(None, judged)


def test_a_server_that_is_named_is_borrowed(address: str, dumped: Path, cleanup: ExitStack) -> None:
    scratch = open_scratch(address, cleanup, files=[dumped])
    assert isinstance(scratch.server, Borrowed)
    assert scratch.server.version == 18


def test_a_file_that_is_not_there_is_told_before_a_server_is_started(tmp_path: Path, cleanup: ExitStack) -> None:
    with pytest.raises(CannotJudge, match=r"absent does not exist"):
        open_scratch("postgresql://nobody@127.0.0.1:1/", cleanup, files=[tmp_path / "absent"])


def test_only_a_base_backup_is_started_as_one(dumped: Path, tmp_path: Path, cleanup: ExitStack) -> None:
    assert open_base_backup(str(dumped), cleanup) is None
    assert open_base_backup(str(tmp_path), cleanup) is None
    broken = tmp_path / "base"
    broken.mkdir()
    (broken / "PG_VERSION").write_text("14\n")
    with pytest.raises(CannotJudge, match="base is a base backup of PostgreSQL 14: want 15 or newer"):
        open_base_backup(str(broken), cleanup)


def test_a_backup_is_proven_where_it_fits(servers: Servers, address: str, dumped: Path, cleanup: ExitStack) -> None:
    found = verify_where_it_fits([dumped], None, address, cleanup, judged={}, schema="public", migration=None)
    assert (found.version, found.rows, found.problems) == (18, 2, ())
    assert [table.name for table in found.tables] == ["public.item"]
