"""What cannot be judged is refused with exit status 4 and one line that says why, without a password in it."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from postmigration.postgres import embedded, identity
from postmigration.postgres.dsn import conninfo
from selftest.conftest import Copy, Judge
from selftest.servers import url

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

SECRET = "hunter2"


@pytest.fixture
def refusal(judge: Judge, tmp_path: Path) -> Callable[..., str]:
    """Runs the checks with options that cannot be judged and returns the one line that says why."""

    def run(*options: str) -> str:
        judged = judge(*options)
        assert judged.status == 4, judged.output
        assert "Traceback" not in judged.output
        assert "INTERNALERROR" not in judged.output
        written = judged.output + "".join(path.read_text() for path in tmp_path.rglob("validation.*"))
        assert SECRET not in written
        (line,) = (line for line in judged.output.splitlines() if line.startswith("ERROR: "))
        return line

    return run


Refusal = Callable[..., str]


@pytest.mark.parametrize("options", [["--db-url="], ["--db-url= "], ["--baseline="], ["--db-url=", "--baseline="]])
def test_an_empty_url_never_means_the_demonstration_world(
    server: embedded.Server, refusal: Refusal, options: list[str]
) -> None:
    assert "is empty" in refusal(*options) or options == ["--baseline="]


def test_an_empty_baseline_is_not_no_baseline(server: embedded.Server, refusal: Refusal) -> None:
    assert "--baseline is empty" in refusal(f"--db-url={server.conninfo('migrated')}", "--baseline=")


@pytest.mark.parametrize("name", ["POSTMIGRATION_DB_URL", "POSTMIGRATION_BASELINE", "POSTMIGRATION_AUTHENTICATOR_URL"])
def test_a_variable_that_is_set_to_nothing_is_empty_too(
    server: embedded.Server, refusal: Refusal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    options = [f"--db-url={server.conninfo('migrated')}"] if name != "POSTMIGRATION_DB_URL" else []
    assert "is empty" in refusal(*options)


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://user:{SECRET}@host/database",
        f"{SECRET}",
        f"user:{SECRET}@host/database",
        f"postgresql:/user:{SECRET}@host/database",
        f"postgresql://user:a@{SECRET}@host/database",
        f"postgresql://user:12/{SECRET}@host/database",
        f"postgresql://user:{SECRET}/b@host/database",
        f"postgresql://user:a@b/{SECRET}@host/database",
        f"postgresql://user:1/2?{SECRET}@host/database",
        f"postgresql://user:%{SECRET}@host/database",
        f"postgresql://user@host/database?{SECRET}=1",
        f"postgresql://user@host/database?password=a&{SECRET}",
        f"host=somewhere password=a {SECRET}",
        f"host=somewhere password='{SECRET}",
        f"host=somewhere port={SECRET}",
    ],
)
@pytest.mark.parametrize("option", ["--db-url", "--baseline"])
def test_what_is_no_postgresql_url_is_not_repeated(
    server: embedded.Server, refusal: Refusal, option: str, text: str
) -> None:
    options = [] if option == "--db-url" else [f"--db-url={server.conninfo('migrated')}"]
    line = refusal(*options, f"{option}={text}")
    assert f"{option} is not a PostgreSQL URL" in line or f"{option} cannot be read as a PostgreSQL URL" in line
    assert "want postgresql://" in line


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("postgresql://u:p@h/d", "p"),
        ("postgres://u:p@h/d", "p"),
        ("postgresql+psycopg://u:p@h/d", "p"),
        ("host=h user=u dbname=d password=p", "p"),
        ("host=h user=u dbname=d password=a://b@c", "a://b@c"),
        ("postgresql://u:p%40%2F@h/d", "p@/"),
        ("postgresql://u:a#b?c:d@h/d", "a#b?c:d"),
        ("postgresql://u@h/d?password=a@b", "a@b"),
    ],
)
def test_all_forms_of_a_url_are_understood(server: embedded.Server, text: str, password: str) -> None:
    parts = conninfo_to_dict(conninfo(text, "--db-url"))
    assert (parts["user"], parts["host"], parts["dbname"], parts["password"]) == ("u", "h", "d", password)


@pytest.mark.full
def test_a_url_judges_like_a_connection_string(server: embedded.Server, judge: Judge) -> None:
    assert judge(f"--db-url={url(server.conninfo('migrated'))}").status == 0


@pytest.mark.parametrize("option", ["--db-url", "--baseline"])
@pytest.mark.parametrize("kind", ["host", "port", "database", "bad sslmode", "legal port"])
def test_a_database_that_cannot_be_reached(
    server: embedded.Server, refusal: Refusal, option: str, kind: str, tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
        text, cause = {
            "host": (f"postgresql://u:{SECRET}@no-such-host.invalid/d", "no-such-host.invalid"),
            "port": (f"postgresql://u:{SECRET}@127.0.0.1:{closed}/d", "refused"),
            "database": (make_conninfo(server.conninfo("nowhere"), password=SECRET), '"nowhere" does not exist'),
            "bad sslmode": (f"postgresql://u:{SECRET}@127.0.0.1/d?sslmode=nonsense", "sslmode"),
            "legal port": (f"postgresql://u:{SECRET}@127.0.0.1:99999/d", "port"),
        }[kind]
        options = [] if option == "--db-url" else [f"--db-url={server.conninfo('migrated')}"]
        line = refusal(*options, f"{option}={text}")
    assert f"cannot connect to the database of {option}" in line
    assert cause in line


def test_a_server_that_is_too_old(server: embedded.Server, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MINIMUM_VERSION", 99)
    line = refusal(f"--db-url={server.conninfo('migrated')}")
    assert "the server of --db-url is PostgreSQL" in line
    assert "too old, 99 or newer is needed" in line


def test_a_state_before_may_be_older_than_what_is_judged(
    server: embedded.Server, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert identity.MINIMUM_OF_BASELINES < identity.MINIMUM_VERSION
    monkeypatch.setattr(identity, "MINIMUM_OF_BASELINES", 98)
    line = refusal(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    assert "the server of --baseline is PostgreSQL" in line
    assert "too old, 98 or newer is needed" in line


def test_another_applications_database(server: embedded.Server, refusal: Refusal) -> None:
    line = refusal(f"--db-url={server.conninfo('postgres')}")
    assert "does not look like the application's: no table organizations in schema public" in line
    line = refusal(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('postgres')}")
    assert "the database of --baseline does not look like the application's" in line
    assert "compared by postmigration compare BEFORE AFTER" in line


def test_a_database_that_merely_has_a_table_of_that_name(server: embedded.Server, copy: Copy, refusal: Refusal) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("DROP TABLE activity_log, reviews, documents, projects, workflow_stages CASCADE")
    line = refusal(f"--db-url={server.conninfo(name)}")
    assert "no table workflow_stages in schema public, nor 4 others of the 8" in line


@pytest.mark.parametrize("schema", ["nowhere", "", 'a"b', "Public"])
def test_a_schema_that_is_not_there(server: embedded.Server, refusal: Refusal, schema: str) -> None:
    line = refusal(f"--db-url={server.conninfo('migrated')}", f"--schema={schema}")
    assert f"has no schema {schema}" in line


@pytest.mark.parametrize("option", ["--db-url", "--baseline"])
def test_a_role_that_may_not_read_a_table(server: embedded.Server, copy: Copy, refusal: Refusal, option: str) -> None:
    name = copy("migrated" if option == "--db-url" else "legacy")
    with server.connect(name) as connection:
        connection.execute('DROP ROLE IF EXISTS "Weak role"')
        connection.execute('CREATE ROLE "Weak role" LOGIN BYPASSRLS')
        connection.execute('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "Weak role"')
        connection.execute('REVOKE SELECT ON contacts FROM "Weak role"')
    options = [] if option == "--db-url" else [f"--db-url={server.conninfo('migrated')}"]
    line = refusal(*options, f"{option}={make_conninfo(server.conninfo(name), user='Weak role')}")
    assert 'GRANT SELECT ON public.contacts TO "Weak role"' in line


def test_a_role_that_row_level_security_filters(server: embedded.Server, copy: Copy, refusal: Refusal) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("DROP ROLE IF EXISTS filtered")
        connection.execute("CREATE ROLE filtered LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO filtered")
    line = refusal(f"--db-url={make_conninfo(server.conninfo(name), user='filtered')}")
    assert "row-level security filters what role filtered sees" in line
    assert "ALTER ROLE filtered BYPASSRLS" in line


def test_a_database_is_not_its_own_baseline(server: embedded.Server, refusal: Refusal) -> None:
    migrated = server.conninfo("migrated")
    for same in (migrated, url(migrated), make_conninfo(migrated, application_name="another")):
        assert "names the same running database" in refusal(f"--db-url={migrated}", f"--baseline={same}")


@pytest.mark.full
def test_a_copy_is_accepted_as_baseline(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo(copy('legacy'))}")
    assert judged.status == 0


def test_a_baseline_needs_a_target(server: embedded.Server, refusal: Refusal) -> None:
    assert "without --db-url" in refusal(f"--baseline={server.conninfo('legacy')}")


@pytest.mark.parametrize("option", ["--html", "--junit-xml"])
@pytest.mark.parametrize("place", ["file/report", "directory"])
def test_a_report_that_cannot_be_written(
    server: embedded.Server, refusal: Refusal, tmp_path: Path, option: str, place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    line = refusal(f"--db-url={server.conninfo('migrated')}", f"{option}={tmp_path / place}")
    assert "cannot be written to" in line or "must be a filename" in line
    assert option.replace("-xml", "") in line


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--cutover=yesterday", "--cutover=yesterday is no timestamp"),
        ("--cutover=", "is no timestamp"),
        ("--cutover=2999-01-01", "is in the future"),
        ("--budget=17", "--budget=17: want the number of a plan check"),
        ("--budget=17=fast", "want the number of a plan check"),
        ("--budget=17=nan", "want the number of a plan check"),
        ("--budget=17=inf", "want the number of a plan check"),
        ("--budget=17=-1", "want the number of a plan check"),
        ("--budget=30=100", "want the number of a plan check"),
        ("--world-size=0", "--world-size=0: want 1 or more"),
        ("--lock-timeout=0", "want seconds, 1 to"),
        ("--statement-timeout=99999999999", "want seconds, 1 to"),
        ("tests/test_nothing.py", "not found"),
        ("--no-such-option", "unrecognized arguments"),
        ("--evidence-rows=many", "invalid int value"),
    ],
)
def test_an_option_that_makes_no_sense(server: embedded.Server, judge: Judge, option: str, words: str) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", option)
    assert judged.status == 4
    assert words in judged.output.lower() or words in judged.output
    assert "Traceback" not in judged.output
    assert not any(line.startswith(("GO", "INTERNALERROR")) for line in judged.output.splitlines())


@pytest.mark.parametrize("weakened", [[], ["--allow-partial", "--allow-empty"]])
def test_a_run_that_collects_nothing_is_not_go(server: embedded.Server, judge: Judge, weakened: list[str]) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", "-k", "nothing_matches", *weakened)
    assert judged.status == 4
    assert judged.last_line.startswith("PARTIAL: nothing was judged")


def test_selftests_are_not_run_against_a_live_database(
    server: embedded.Server, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = command("selftest", f"--db-url=postgresql://u:{SECRET}@h/d")
    assert done.returncode == 4
    assert "--db-url and --baseline are for the checks in tests/" in done.stderr
    assert SECRET not in done.stdout + done.stderr
