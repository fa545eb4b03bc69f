"""Views and functions are used as the least of the roles that may, and as a superuser only when nobody else may."""

import pytest
from psycopg import sql

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge, Judged
from selftest.test_role import MakeRole, make_role

__all__ = ["make_role"]
CHECK = "everything_still_runs"
ONLY = ("--allow-partial", "-k", CHECK)
# Something that is not there is named for one role alone.
FAILS_FOR = """
    CREATE FUNCTION public.fails_for_{0}() RETURNS int LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF current_user = '{0}' THEN
            PERFORM FROM public.nowhere;
        END IF;
        RETURN 1;
    END
    $$;
"""
FAILS = "CREATE FUNCTION public.fails() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN gone FROM nowhere; END';"
MINE = """
    CREATE FUNCTION public.{0}() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
    REVOKE ALL ON FUNCTION public.{0}() FROM PUBLIC;
"""


def noted(judged: Judged) -> str:
    (result,) = (result for result in judged.results if result.check == CHECK)
    return " ".join(result.evidence.notes)


def test_they_are_used_as_the_people_who_use_the_api(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name, before = copy("migrated"), copy("legacy")
    with server.connect(name) as connection:
        # What fails for a superuser alone fails for nobody who uses the application; nor does what others may call.
        connection.execute((FAILS_FOR.format("postgres") + FAILS_FOR.format("authenticated")).encode())
        connection.execute("CREATE VIEW counted WITH (security_invoker = on) AS SELECT count(*) FROM contacts")
    judged = judge(f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo(before)}", *ONLY)
    assert judged.red() == set(), judged.output
    assert "10 as authenticated, 1 as anon" in noted(judged)
    assert "superuser" not in noted(judged)


@pytest.mark.full
def test_who_else_may_use_them_is_told(server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole) -> None:
    name = copy("migrated")
    owner = sql.Identifier(f"owner_{name}")
    url = make_role(name)
    with server.connect(name) as connection:
        connection.execute("".join(MINE.format(f) for f in ("of_services", "of_its_owner", "of_nobody")).encode())
        connection.execute("GRANT EXECUTE ON FUNCTION of_services() TO service_role")
        connection.execute(sql.SQL("CREATE ROLE {0}; ALTER FUNCTION of_its_owner() OWNER TO {0}").format(owner))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(owner))
        found = [noted(judge(f"--db-url={target}", *ONLY)) for target in (server.conninfo(name), url)]
        connection.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(owner))
    assert all(f"1 as {role}" in found[0] for role in ("service_role", f"owner_{name}", "postgres")), found[0]
    assert "as the superuser postgres, since nobody else may: function of_nobody()" in found[0]
    assert "superuser" not in found[1]
    others = "function of_its_owner(), function of_nobody(), function of_services()"
    assert f"not used, since nobody that can be acted as may: {others}" in found[1]


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_what_failed_for_the_same_role_before_is_inherited(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name, before = copy("migrated"), copy("legacy")
    for database in (name, before):
        with server.connect(database) as connection:
            connection.execute((FAILS + FAILS_FOR.format("authenticated")).encode())
    with server.connect(name) as connection:
        # Before, others could call it, for whom it ran.
        connection.execute("REVOKE ALL ON FUNCTION fails_for_authenticated() FROM PUBLIC")
        connection.execute("GRANT EXECUTE ON FUNCTION fails_for_authenticated() TO authenticated")
    judged = judge(f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo(before)}", *ONLY)
    assert judged.red() == set(), judged.output
    assert "function fails() does not run as authenticated: " in noted(judged)
    assert "function fails_for_authenticated() does not run as authenticated: " in noted(judged)
    with server.connect(before) as connection:
        connection.execute("DROP FUNCTION fails()")
    judged = judge(f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo(before)}", *ONLY)
    assert judged.red() == {CHECK}
    assert "function fails() does not run as authenticated" in judged.evidence(CHECK)
