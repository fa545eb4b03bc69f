"""What belongs to an extension, and what somebody has added to it since."""

from collections.abc import Iterator

import pytest

from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D, MEMBER_E, is_member
from selftest.servers import Servers
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE FUNCTION public.by_superuser() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION public.by_member() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE public.declared ();
    ALTER FUNCTION public.by_member() OWNER TO unit_adder;
    ALTER TABLE public.declared OWNER TO unit_adder;
    ALTER EXTENSION plpgsql ADD FUNCTION public.by_superuser();
    ALTER EXTENSION plpgsql ADD FUNCTION public.by_member();
    ALTER EXTENSION plpgsql ADD TABLE public.declared;
    UPDATE pg_extension SET extconfig = ARRAY['public.declared'::regclass::oid] WHERE extname = 'plpgsql';
"""


@pytest.fixture(scope="module")
def adder(servers: Servers) -> Iterator[None]:
    """A role that is no superuser."""
    with servers[18].connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_adder")
        yield
        connection.execute("DROP ROLE unit_adder")


@pytest.fixture(scope="module")
def snapshot(adder: None, open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def find(snapshot: Snapshot, member: str, row: str) -> set[str]:
    return {
        found[0]
        for found in snapshot.rows(
            f"""
            SELECT coalesce(p.proname, c.relname)::text FROM pg_depend {row}
            LEFT JOIN pg_proc p ON {row}.classid = 'pg_proc'::regclass AND p.oid = {row}.objid
            LEFT JOIN pg_class c ON {row}.classid = 'pg_class'::regclass AND c.oid = {row}.objid
            WHERE {member} AND coalesce(p.pronamespace, c.relnamespace) = 'public'::regnamespace
            """
        )
    }


@pytest.mark.parametrize(("member", "row"), [(MEMBER_D, "d"), (MEMBER_E, "e"), (is_member("y"), "y")])
def test_what_a_superuser_owns_or_the_extension_declares_is_its_own(snapshot: Snapshot, member: str, row: str) -> None:
    assert find(snapshot, member, row) == {"by_superuser", "declared"}
