"""A hostile database gets nothing out of the role that judges it: no program, no file, no row, and no other verdict."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge
from selftest.servers import PASSWORD
from selftest.test_role import MakeRole, make_role

__all__ = ["make_role"]
# Who owns all of the application, and is no superuser. What ran with the rights of a superuser who owns a function
# would be its doing, whoever judges.
OWNER = """
    CREATE ROLE {0} LOGIN PASSWORD {1};
    GRANT ALL ON SCHEMA public TO {0};
    GRANT USAGE ON SCHEMA auth TO {0};
    DO $$ DECLARE command text; BEGIN
        FOR command IN
            SELECT format('TABLE %s', c.oid::regclass) FROM pg_class c
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            UNION ALL
            SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
        LOOP EXECUTE format('ALTER %s OWNER TO %I', command, {2}); END LOOP;
    END $$
"""


@pytest.fixture
def booty() -> Iterator[Path]:
    """A directory in which everybody may write, so that what the server writes is seen."""
    directory = Path(tempfile.mkdtemp(prefix="postmigration-booty-"))
    directory.chmod(0o777)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def hostile(server: embedded.Server, copy: Copy, booty: Path) -> Iterator[str]:
    """A migrated database whose owner strikes at whoever judges it."""
    name = copy("migrated")
    owner = f"owner_{name}"
    with server.connect(name) as connection:
        connection.execute(sql.SQL(OWNER).format(sql.Identifier(owner), PASSWORD, owner))
        text = (ROOT / "selftest" / "hostile.sql").read_text()
        connection.execute(f"SET ROLE {owner}".encode())
        victims = "'postmigration', 'careless'"
        connection.execute(text.replace("{file}", str(booty / "b")).replace("{victims}", victims).encode())
        connection.execute("RESET ROLE")
        for event in ("ddl_command_start", *(["login"] if server.version >= 17 else [])):
            connection.execute(
                f"CREATE EVENT TRIGGER on_{event} ON {event} EXECUTE FUNCTION strike_on_event()".encode()
            )
    yield name
    with server.connect(name) as connection:
        connection.execute(
            f"DROP EVENT TRIGGER on_ddl_command_start; DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}".encode()
        )


@pytest.mark.full
def test_nothing_of_a_hostile_database_reaches_beyond_it(
    server: embedded.Server, hostile: str, booty: Path, judge: Judge, make_role: MakeRole
) -> None:
    url = make_role(hostile)
    judged = judge(f"--db-url={url}", f"--baseline={make_conninfo(url, dbname='legacy')}")
    # Nor does the role lack anything to judge all of it.
    assert {result.outcome for result in judged.results} <= {"passed", "not applicable"}, judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")
    assert judged.status == 0, judged.output
    assert "as role postmigration" in judged.output
    assert "weakened by" not in judged.output
    assert list(booty.iterdir()) == []
    with server.connect(hostile) as connection:
        assert connection.execute("SELECT count(*) FROM loot").fetchone() == (0,)
        assert connection.execute("SELECT to_regclass('public.pwned')").fetchone() == (None,)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'postmigration'").fetchone() == (
            False,
        )


def test_a_superuser_who_judges_it_runs_its_programs_and_is_told_so(
    server: embedded.Server, hostile: str, booty: Path, judge: Judge
) -> None:
    # What the test above sees nothing of is really tried.
    with server.connect(hostile) as connection:
        connection.execute(f"CREATE ROLE careless LOGIN SUPERUSER PASSWORD '{PASSWORD}'".encode())
    judged = judge(
        f"--db-url={make_conninfo(server.conninfo(hostile), user='careless')}", "--read-only", "-k", "integrity"
    )
    with server.connect(hostile) as connection:
        connection.execute("DROP OWNED BY careless; DROP ROLE careless")
    assert {path.name for path in booty.iterdir()} >= {"b.program", "b.copy", "b.read"}
    assert "judged as the superuser careless: policies, triggers and views" in judged.output


# The planner works out an expression of an index for whoever asks, and what it set would hold for what is asked next.
BEND = """
    CREATE FUNCTION public.bend(place text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF session_user = 'postmigration' THEN
            PERFORM set_config('row_security', 'on', false), set_config('role', 'authenticated', false);
        END IF;
        RETURN place;
    END
    $$;
    CREATE INDEX bent ON public.contacts ((public.bend('x')), id);
"""


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_what_an_index_sets_while_a_query_is_planned_hides_no_damage(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    name = copy("migrated")
    url = make_role(name)
    with server.connect(name) as connection:
        connection.execute((ROOT / "fixtures" / "faults" / "6__left_behind.sql").read_bytes())
        connection.execute(BEND.encode())
    judged = judge(f"--db-url={url}", "--read-only", "--allow-partial", "-k", "test_integrity")
    assert "6" in judged.red(), judged.output
    assert judged.status == 1


# A trigger of the first statement has the second one run as whoever judges, whom no policy filters.
RESET = """
    CREATE FUNCTION public.reset_role() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF session_user = 'postmigration' AND current_user = 'authenticated' THEN
            RESET ROLE;
        END IF;
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER reset_role BEFORE UPDATE ON public.project_contact_points EXECUTE FUNCTION public.reset_role();
    DROP POLICY project_contact_points_create ON public.project_contact_points;
"""


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_what_is_not_done_as_the_people_themselves_is_no_success(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    name = copy("migrated")
    url = make_role(name)
    with server.connect(name) as connection:
        connection.execute(RESET.encode())
    judged = judge(f"--db-url={url}", "--allow-partial", "-k", "test_staff_can_do_their_work and add_contact_point")
    assert judged.red() == {"staff_can_do_their_work"}, judged.output
    assert "goes on as postmigration, and not as authenticated" in judged.evidence("staff_can_do_their_work")
