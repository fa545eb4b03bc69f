"""What the texts of policies, functions, triggers and views tell: whom they believe, and what they run."""

import pytest

from postmigration.access.routine_bodies import Bodies, Text, read_bodies
from selftest.unit.access.conftest import ROLES, STAFF
from selftest.unit.conftest import OpenSnapshot

SCRIPT = f"""
    {ROLES}
    GRANT USAGE ON SCHEMA public TO authenticated;
    CREATE TABLE note (id int, by_whom text);
    CREATE FUNCTION said() RETURNS text LANGUAGE sql AS $$ SELECT 'user_metadata' -- in words $$;
    CREATE FUNCTION may_see() RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN RETURN public.said() IS NOT NULL AND current_setting('request.jwt.claim.sub') = '{STAFF.id}'; END $$;
    CREATE POLICY own ON note USING (may_see());
    CREATE FUNCTION by_login() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.by_whom := session_user; RETURN NEW; END $$;
    CREATE FUNCTION by_tool() RETURNS boolean LANGUAGE sql AS $$
        SELECT current_setting('application_name') = 'PostgREST' $$;
    CREATE FUNCTION notes_tool() RETURNS text LANGUAGE sql AS $$ SELECT current_setting('application_name') $$;
    CREATE FUNCTION any_query(q text) RETURNS int SECURITY DEFINER LANGUAGE plpgsql AS $$
        BEGIN EXECUTE q; RETURN 1; END $$;
    CREATE FUNCTION lends(n int) RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT n';
    CREATE VIEW who AS SELECT session_user AS login;
    CREATE TRIGGER fill BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION by_login();
"""


@pytest.fixture(scope="module")
def bodies(open_snapshot: OpenSnapshot) -> Bodies:
    return read_bodies(open_snapshot(SCRIPT))


def test_policies_functions_triggers_and_views_are_read(bodies: Bodies) -> None:
    called = {text.called: text.policy for text in bodies.texts}
    assert {name for name, policy in called.items() if policy} == {
        "policy own of note",
        "function may_see()",
        "function said()",
    }
    assert called.keys() >= {"view who", "trigger fill on note", "function any_query(q text)"}
    assert "in words" not in next(text.text for text in bodies.texts if text.called == "function said()")


def test_functions_with_the_rights_of_their_owner_and_those_that_run_a_text(bodies: Bodies) -> None:
    assert bodies.open == ("any_query(q text)", "lends(n integer)")
    assert bodies.runs == ("any_query(q text)",)


def test_functions_of_policies_that_believe_users_or_name_somebody(bodies: Bodies) -> None:
    assert bodies.believes_users() == {
        "function said()": "function said(), which a policy calls, "
        "believes what users say of themselves (user_metadata)"
    }
    assert bodies.names_somebody() == {
        ("function may_see()", f"'{STAFF.id}'"): "function may_see() decides by an id that stands in it"
    }


def test_what_asks_for_the_login_or_decides_by_the_session(bodies: Bodies) -> None:
    assert set(bodies.asks_the_login()) == {"function by_login()", "view who"}
    # Who only notes the application's name down decides nothing by it.
    assert set(bodies.asks_the_session()) == {("function by_tool()", "application_name")}


def test_the_bare_text_has_nothing_that_stands_between_quotes() -> None:
    assert "session_user" not in Text("view x", "SELECT 'session_user' AS a").bare
    assert "session_user" in Text("view x", "SELECT session_user").bare
