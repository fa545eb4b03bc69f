"""Somebody else's server on which copies live: theirs stays as it was, and ours is dropped."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres.scratch.borrowed import Borrowed
from selftest.servers import Servers, url


@pytest.fixture(scope="module")
def borrowed(servers: Servers) -> Iterator[Borrowed]:
    server = Borrowed(url(servers[18].conninfo("postgres")))
    yield server
    server.stop()


@pytest.fixture
def creator(servers: Servers) -> Iterator[Borrowed]:
    """The same as a role that may create databases and nothing else."""
    with servers[18].connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_creator LOGIN CREATEDB")
        server = Borrowed(url(servers[18].conninfo("postgres", "unit_creator")))
        yield server
        server.stop()
        connection.execute("DROP ROLE unit_creator")


def names(servers: Servers, mark: str) -> list[str]:
    with servers[18].connect("postgres") as connection:
        query = "SELECT datname FROM pg_database WHERE starts_with(datname::text, %s) ORDER BY 1"
        return [name for (name,) in connection.execute(query, [mark])]


def test_databases_are_made_under_our_mark_and_dropped(borrowed: Borrowed, servers: Servers) -> None:
    borrowed.create("one")
    with borrowed.connect("one") as connection:
        connection.execute("CREATE TABLE t ()")
        assert connection.info.dbname == f"{borrowed.mark}one"
    borrowed.create("two", template="one")
    with borrowed.connect("two") as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 't'").fetchone() == (1,)
    borrowed.drop("one")
    assert names(servers, borrowed.mark) == [f"{borrowed.mark}two"]
    borrowed.drop("two")


def test_copies_belong_to_an_owner_who_is_no_superuser(borrowed: Borrowed) -> None:
    borrowed.create_owned("copy", borrowed.owner)
    with borrowed.connect("copy", borrowed.owner) as connection:
        asked = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(asked).fetchone() == (False, True)
        assert connection.info.user == borrowed.owner
    borrowed.drop("copy")


def test_it_is_named_by_its_version_and_place(borrowed: Borrowed) -> None:
    assert borrowed.version == 18
    assert borrowed.label.startswith("PostgreSQL 18 at [/")
    assert (borrowed.binaries / "pg_dump").exists()


def test_a_superuser_may_do_all(borrowed: Borrowed) -> None:
    borrowed.require_superuser()
    assert borrowed.find_forbidden(["hstore"]) == []


def test_who_is_no_superuser_owns_the_copies_and_all_is_dropped(creator: Borrowed, servers: Servers) -> None:
    assert creator.owner == creator.superuser == "unit_creator"
    creator.create_owned("copy", creator.owner)
    with creator.connect("copy", creator.owner) as connection:
        assert connection.info.user == "unit_creator"
    with pytest.raises(CannotJudge, match="lets role unit_creator in, which is no superuser"):
        creator.require_superuser()
    # plpgsql may be created by whoever may create in the database.
    assert creator.find_forbidden(["plpgsql", "absent"]) == []
    assert names(servers, creator.mark) == [f"{creator.mark}copy"]
    creator.stop()
    assert names(servers, creator.mark) == []


def test_a_database_that_is_judged_does_not_live_there(borrowed: Borrowed, servers: Servers) -> None:
    with pytest.raises(CannotJudge, match="--scratch names the server of --baseline: copies live on another one"):
        borrowed.refuse_sharing("--baseline", servers[18].conninfo("postgres"))
    # Whoever opens it says what is wrong with it.
    borrowed.refuse_sharing("--baseline", "host=/nowhere")


def test_a_server_that_cannot_be_used_is_refused(servers: Servers) -> None:
    with pytest.raises(CannotJudge, match="cannot connect to the server of --scratch: "):
        Borrowed("postgresql://me:secret@127.0.0.1:1/x")
    with servers[18].connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_reader LOGIN")
        try:
            with pytest.raises(CannotJudge, match="lets role unit_reader in, which may not create databases"):
                Borrowed(url(servers[18].conninfo("postgres", "unit_reader")))
        finally:
            connection.execute("DROP ROLE unit_reader")


def test_an_error_of_another_role_is_not_explained(borrowed: Borrowed) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        borrowed.connect("absent")
