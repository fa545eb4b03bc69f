"""On a hosted platform its own tables may differ, and the application's rows in them are not lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from postmigration.postgres import embedded
from selftest.check.judging import Verdict, judge
from selftest.servers import Servers
from selftest.tiers import few

PLATFORM = """
CREATE SCHEMA auth; CREATE SCHEMA storage;
CREATE TABLE auth.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text, version int);
CREATE TABLE auth.identities (id uuid PRIMARY KEY, user_id uuid);
CREATE TABLE auth.sessions (id int PRIMARY KEY);
CREATE TABLE storage.buckets (id text PRIMARY KEY);
CREATE TABLE storage.objects (id uuid PRIMARY KEY, name text);
CREATE TABLE public.orders (id int PRIMARY KEY);
INSERT INTO auth.users (email) SELECT 'somebody' FROM generate_series(1, 5);
INSERT INTO auth.sessions SELECT generate_series(1, 9);
INSERT INTO storage.buckets VALUES ('pictures'), ('invoices');
INSERT INTO public.orders VALUES (1);
"""
COUNTER = itertools.count()

Changed = Callable[..., Verdict]


@pytest.fixture
def changed(servers: Servers) -> Iterator[Changed]:
    """Judges a copy of a hosted database in which statements were run, against what it was."""
    server: embedded.Server = servers[18]
    before = f"hosted_check_{next(COUNTER)}"
    after = f"{before}_after"
    server.create(before)
    with server.connect(before) as connection:
        connection.execute(PLATFORM.encode())
    server.create(after, template=before)

    def change(statements: str) -> Verdict:
        with server.connect(after) as connection:
            connection.execute(statements.encode())
        return judge(server.conninfo(before), server.conninfo(after))

    yield change
    server.drop(after)
    server.drop(before)


@pytest.mark.parametrize(
    ("statements", "said"),
    few(
        [
            (
                "DELETE FROM auth.users WHERE id = (SELECT min(id::text)::uuid FROM auth.users)",
                "auth.users: 1 row of 5 ",
            ),
            ("DELETE FROM storage.buckets WHERE id = 'pictures'", "storage.buckets: 1 row of 2 "),
            ("DROP TABLE auth.users", "auth.users: the table is gone, and held 5 rows"),
        ]
    ),
)
def test_rows_of_the_application_are_missed(changed: Changed, statements: str, said: str) -> None:
    verdict = changed(statements)
    assert [words for words in verdict.words("blocker") if words.startswith(said)], verdict.words("blocker")


@pytest.mark.parametrize(
    ("statements", "told"),
    few(
        [
            ("DELETE FROM auth.sessions; ALTER TABLE auth.users DROP version, ADD phone text", ""),
            ("UPDATE auth.users SET email = NULL", "auth.users: values of 5 rows are other ones"),
            ("INSERT INTO storage.buckets VALUES ('new')", "storage.buckets: 1 new row"),
        ]
    ),
)
def test_what_the_platform_does_is_no_fault(changed: Changed, statements: str, told: str) -> None:
    verdict = changed(statements)
    assert verdict.words("blocker") == []
    assert not told or told in verdict.words("told")


def test_nobody_elses_tables_are_compared(changed: Changed) -> None:
    verdict = changed("DELETE FROM public.orders")
    assert {words.split(":")[0] for words in verdict.words("blocker")} == {"orders"}
