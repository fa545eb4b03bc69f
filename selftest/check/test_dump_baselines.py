"""A dump as the baseline: what it holds is compared, and what it was made without is no difference."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.postgres import embedded
from selftest.check.conftest import Change
from selftest.check.judging import judge
from selftest.check.test_objects import MODULES
from selftest.dumps import dump
from selftest.tiers import few

OPENED = "GRANT INSERT ON sales.tariff TO anon; REVOKE SELECT ON sales.tariff FROM anon"


@pytest.mark.full
@pytest.mark.parametrize("made", few(["", "--no-acl", "--no-owner", "--schema=sales"]))
def test_what_a_dump_was_made_without_is_no_difference(
    made: str, world: embedded.Server, changed: Change, tmp_path: Path
) -> None:
    # Of one schema alone it has no function that stands in another one.
    after = changed(
        "CREATE TABLE tools.open (id integer); GRANT SELECT ON tools.open TO anon" * (made[:8] == "--schema")
    )[1]
    file = dump(world, "objects", tmp_path / "before.dump", "-Fc", *filter(None, [made]))
    verdict = judge(str(file), after, only=MODULES)
    assert not verdict.red(), verdict.words("blocker")
    assert "test_owners_are_as_before" in verdict.unjudged


@pytest.mark.full
@pytest.mark.parametrize("made", few(["--no-owner", "--no-acl"]))
def test_privileges_are_compared_with_a_dump_that_holds_some(
    made: str, world: embedded.Server, changed: Change, tmp_path: Path
) -> None:
    after = changed(OPENED)[1]
    file = dump(world, "objects", tmp_path / "before.dump", "-Fc", made)
    verdict = judge(str(file), after, only=MODULES)
    if made == "--no-acl":
        assert "made without them" in verdict.unjudged["test_privileges_are_as_before"]
        assert not verdict.red()
    else:
        assert verdict.red() == {"test_privileges_are_as_before"}
        assert "anon no longer has SELECT on table sales.tariff" in verdict.words("blocker")


@pytest.mark.full
def test_what_the_database_has_lost_since_a_dump_blocks(
    world: embedded.Server, changed: Change, tmp_path: Path
) -> None:
    lost = ("DROP INDEX sales.invoice_client_idx", "DROP POLICY own ON sales.client", "DROP VIEW sales.own_client")
    after = changed(*lost)[1]
    verdict = judge(str(dump(world, "objects", tmp_path / "before.dump", "-Fc")), after, only=MODULES)
    assert {word.split(" is gone")[0] for word in verdict.words("blocker")} == {
        "index sales.invoice_client_idx",
        "policy own on sales.client",
        "view sales.own_client",
    }


@pytest.mark.full
def test_large_objects_which_are_not_restored_are_no_difference(
    world: embedded.Server, changed: Change, tmp_path: Path
) -> None:
    made = """
        CREATE TABLE sales.scan (content oid);
        INSERT INTO sales.scan SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 3);
    """
    before, after = changed(made), changed(made)
    name = str(conninfo_to_dict(before[1])["dbname"])
    file = dump(world, name, tmp_path / "before.dump", "-Fc")
    verdict = judge(str(file), after[1], only=("test_contents",))
    assert not verdict.yellow(), verdict.words("warning")
    reason = "the large objects of a dump are not restored"
    assert verdict.unjudged["test_large_objects_are_those_of_before"] == reason
    with psycopg.connect(after[1]) as connection:
        connection.execute("SELECT lo_unlink(content) FROM sales.scan LIMIT 1")
    assert judge(str(file), after[1], only=("test_contents",)).words("blocker") == [
        "sales.scan.content: 1 value of 3 points at no large object"
    ]
