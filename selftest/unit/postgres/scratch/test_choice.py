"""On which server copies live: the one that was asked for, or the one that has what they need."""

from __future__ import annotations

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres.scratch.borrowed import Borrowed
from postmigration.postgres.scratch.choice import (
    Needs,
    find_missing,
    is_address,
    refuse_older,
    refuse_unknown,
    start_scratch,
)
from selftest.servers import Servers, url


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (None, False),
        ("embedded", False),
        ("system", False),
        ("system:15", False),
        ("postgresql://db/x", True),
        ("host=db", True),
    ],
)
def test_an_address_is_what_is_no_word_of_ours(asked: str | None, address: bool) -> None:
    assert is_address(asked) is address
    if asked is None or not asked.startswith("system"):
        refuse_unknown(asked)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("", "--scratch is empty: want embedded, system, system:15"),
        ("sytem", "--scratch=sytem: want embedded, system, system:15"),
        ("system:7", "--scratch=system:7: no PostgreSQL"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: str, words: str) -> None:
    with pytest.raises(CannotJudge, match=words):
        refuse_unknown(asked)
    with pytest.raises(CannotJudge, match=words):
        start_scratch(asked, Needs())


def test_a_server_must_not_be_older_than_what_it_holds(servers: Servers) -> None:
    refuse_older(servers[18], Needs(18))
    with pytest.raises(
        CannotJudge, match=r"a.sql is of a database on PostgreSQL 19, newer than the embedded PostgreSQL 18"
    ):
        refuse_older(servers[18], Needs(19, name="a.sql"))


def test_what_a_server_lacks_is_told(servers: Servers) -> None:
    assert find_missing(servers[18], Needs()) == []
    assert find_missing(servers[18], Needs(extensions=frozenset({"plpgsql"}))) == []
    # The embedded server is built without contrib and without ICU.
    lacking = find_missing(servers[18], Needs(extensions=frozenset({"postgis", "hstore"}), icu=True))
    assert lacking == ["the extensions hstore, postgis", "the collations of ICU"]


def test_a_server_that_is_named_is_borrowed_and_what_it_lacks_is_told(servers: Servers) -> None:
    address = url(servers[18].conninfo("postgres"))
    scratch = start_scratch(address, Needs(extensions=frozenset({"hstore"}), name="a.sql"))
    try:
        assert isinstance(scratch.server, Borrowed)
        assert scratch.lacking == (
            f"a.sql needs the extension hstore, which {scratch.server.label} has not: name another server (--scratch)"
        )
    finally:
        scratch.server.stop()
    with pytest.raises(CannotJudge, match="it is of a database on PostgreSQL 99"):
        start_scratch(address, Needs(99))


@pytest.mark.full
def test_where_nothing_is_asked_for_the_embedded_server_is_taken() -> None:
    scratch = start_scratch(None, Needs(16), version=16)
    try:
        assert (scratch.server.version, scratch.lacking, scratch.because) == (16, "", "")
    finally:
        scratch.server.stop()
