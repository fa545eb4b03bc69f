"""What could not be examined is told with its reason, and stands in nobody's way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from postmigration.checks.contents.batches import Question, Refusal
from postmigration.checks.health import broken, damage, order_test, planner_statistics
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.check.conftest import Change, load

UNORDERED = "UPDATE pg_index SET indoption = '1' WHERE indexrelid = 'sales.client_code_key'::regclass"
SCHEMAS = ("sales", "tools", "Staff", "hall")
COUNTER = itertools.count()

Open = Callable[..., Snapshot]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens snapshots, and closes them."""
    made: list[Snapshot] = []

    def run(conninfo: str, **parts: str) -> Snapshot:
        limits = Limits(lock_timeout=100)
        made.append(Snapshot(Database(make_conninfo(conninfo, **parts), option="--db-url", limits=limits)))
        return made[-1]

    yield run
    for snapshot in made:
        snapshot.close()
        snapshot.database.close()


def test_what_is_large_is_read_when_that_is_wanted(
    changed: Change, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage, "_DEEP_PAGES", 0)
    after = opened(changed(UNORDERED)[1])
    quick, deep = (damage.examine(after, None, SCHEMAS, deep=deep) for deep in (False, True))
    assert not quick.findings
    assert "sales.client_code_key of client" in next(note for note in quick.notes if "with --deep only" in note)
    assert len(deep.findings) == 1


@pytest.mark.full
def test_an_index_that_is_too_young_is_not_judged(changed: Change, opened: Open) -> None:
    conninfo = changed("CREATE TABLE hall.guest (n integer, name text); INSERT INTO hall.guest VALUES (1, 'a')")[1]
    with psycopg.connect(conninfo) as other, psycopg.connect(conninfo, autocommit=True) as builder:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("INSERT INTO sales.shirt SELECT count(*) + 100 FROM hall.guest")
        # The index holds the new name alone, where the other transaction still sees the old one.
        builder.execute("UPDATE hall.guest SET name = 'b'")
        builder.execute("CREATE INDEX guest_name ON hall.guest (name)")
        found = damage.examine(opened(conninfo), None, SCHEMAS)
    assert not found.findings
    assert [words for words in found.unjudged if "index hall.guest_name" in words and "too young" in words], found


def test_a_table_that_is_locked_ends_no_other(changed: Change, opened: Open) -> None:
    conninfo = changed(UNORDERED)[1]
    with psycopg.connect(conninfo) as other:
        other.execute("LOCK TABLE sales.invoice IN ACCESS EXCLUSIVE MODE")
        after = opened(conninfo)
        found = damage.examine(after, None, SCHEMAS)
        known = planner_statistics.examine(after, None, SCHEMAS)
        run = broken.examine(after, None, SCHEMAS)
    assert ["client_code_key" in finding.statement for finding in found.findings] == [True]
    for one in (found, known):
        assert [words for words in one.unjudged if words.startswith("sales.invoice: another session")], one
    assert not run.findings
    assert "view sales.open_invoice: " in " ".join(run.notes)


@pytest.mark.full
def test_what_a_role_may_not_read_is_told(world: embedded.Server, changed: Change, opened: Open) -> None:
    role = f"health_nobody_{next(COUNTER)}"
    conninfo = changed(UNORDERED)[1]
    load(world, "postgres", f"CREATE ROLE {role} LOGIN PASSWORD 'x';")
    try:
        after = opened(conninfo, user=role, password="x")
        found = damage.examine(after, None, SCHEMAS)
        known = planner_statistics.examine(after, None, SCHEMAS)
        run = broken.examine(after, None, SCHEMAS)
    finally:
        load(world, "postgres", f"DROP ROLE {role};")
    assert not [*found.findings, *known.findings, *run.findings]
    assert "GRANT SELECT ON sales.client " in " ".join(found.unjudged)
    assert "GRANT USAGE ON its schema" in " ".join(run.notes)


@pytest.mark.full
def test_a_function_is_not_broken_where_the_role_that_judges_finds_nothing(
    world: embedded.Server, changed: Change, opened: Open
) -> None:
    role = f"health_nobody_{next(COUNTER)}"
    conninfo = changed(
        "CREATE FUNCTION public.first() RETURNS bigint LANGUAGE sql SET search_path = hall "
        "AS 'SELECT count(*) FROM seat'"
    )[1]
    load(world, "postgres", f"CREATE ROLE {role} LOGIN PASSWORD 'x';")
    try:
        found = broken.examine(opened(conninfo, user=role, password="x"), None, ("public",))
    finally:
        load(world, "postgres", f"DROP ROLE {role};")
    assert not found.findings
    assert "function first(): GRANT USAGE ON SCHEMA hall to the role that judges" in " ".join(found.notes)


@pytest.mark.full
def test_what_the_server_cannot_read_is_damaged(changed: Change, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"XX001": "invalid page in block 5", "57014": "it took longer than allowed"}
    after = opened(changed()[1])
    for state, reason in answers.items():
        monkeypatch.setattr(order_test, "ask", partial(_refuse, Refusal(reason, state)))
        found = damage.examine(after, None, ("hall",))
        damaged = [finding.statement for finding in found.findings]
        unjudged = [words for words in found.unjudged if "amcheck" not in words]
        title = "index hall.seat_n_key of seat: "
        if state == "XX001":
            assert (damaged, unjudged) == ([f"{title}it, or its table, cannot be read: {reason}"], [])
        else:
            assert (damaged, unjudged) == ([], [f"{title}{reason}"])


def _refuse(why: Refusal, _: Snapshot, questions: Sequence[Question], *__: object) -> list[tuple[Any, Refusal]]:
    return [(question.about, why) for question in questions]
