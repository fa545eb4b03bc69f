from postmigration.checks.workload.senders import read_senders
from selftest.unit.uncommitted import Fill, add

ROLES = """
    CREATE SCHEMA sales;
    CREATE ROLE unit_app LOGIN; CREATE ROLE unit_other LOGIN; CREATE ROLE unit_judge;
    ALTER ROLE unit_app SET search_path = sales, public
"""


def test_a_role_looks_names_up_where_it_is_set_to_first(now: Fill) -> None:
    senders = read_senders(now(ROLES), ["unit_app", "unit_other", "postgres"], ["sales"])
    app, other, ours = (senders[name] for name in ("unit_app", "unit_other", "postgres"))
    assert (app.name, app.known, app.acting, app.unplanned) == ("unit_app", True, "unit_app", "")
    assert app.paths[0] == '"sales", "public"'
    assert other.paths[0] == '"$user", "public"'
    # Further places are guessed: those of others, and each schema of the application.
    assert '"sales", "public"' in other.paths
    assert ours.acting is None


def test_a_role_that_is_gone_is_judged_as_whoever_judges(now: Fill) -> None:
    gone = read_senders(now(ROLES), ["unit_gone"], ["sales"])["unit_gone"]
    assert (gone.known, gone.acting) == (False, None)
    assert gone.unplanned == "there is no role unit_gone, and they were parsed as whoever judges"
    assert not [path for path in gone.paths if "$user" in path]


def test_a_role_that_cannot_be_acted_as_is_not_planned_for(now: Fill) -> None:
    snapshot = now(ROLES)
    add(snapshot, "SET LOCAL ROLE unit_judge")
    app = read_senders(snapshot, ["unit_app"], [])["unit_app"]
    assert (app.known, app.acting) == (True, None)
    assert app.unplanned == "GRANT unit_app TO the role that judges, and they are judged as unit_app"


def test_code_of_others_is_not_run_with_the_rights_of_whoever_judges(now: Fill) -> None:
    code = (
        "CREATE FUNCTION sales.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION sales.f() OWNER TO unit_other"
    )
    app = read_senders(now(ROLES, code), ["unit_app"], [])["unit_app"]
    assert app.unplanned.startswith("planning may run code of others, who would have the rights of ")
