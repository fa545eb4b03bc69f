"""The example projects say GO of what they migrate, and NO-GO of what went wrong."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.testing import Server, run_script
from selftest.conftest import ROOT

EXAMPLES = ROOT / "examples"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PG", "POSTM"))}

# The rows of before where the project's tool brings tables alone.
ROWS = {
    "library": """
        INSERT INTO person
        SELECT g, 'Name ' || g, 'm' || g || '@example.org', CASE WHEN g % 3 > 0 THEN 'Street ' || g END,
               CASE WHEN g % 3 > 0 THEN 'Town' END FROM generate_series(1, 60) g;
        INSERT INTO loan SELECT g, g % 60 + 1, 'Book ' || g, g % 2 FROM generate_series(1, 200) g;
    """,
    "desk": """
        INSERT INTO desk_ticket (title, status, assignee)
        SELECT 'Question ' || g, g % 3, CASE WHEN g % 4 > 0 THEN 'Agent ' || g % 5 ELSE '' END
        FROM generate_series(1, 100) g;
    """,
}
# What went wrong, and who must say so.
DAMAGE = {
    "webshop": {
        "": "",
        'UPDATE "Order" SET "totalCents" = "totalCents" + 1 WHERE "orderId" = 7': "builtin/test_rows.py",
        'UPDATE "Invoice" SET "invoiceNo" = \'R-1\' WHERE "orderId" = 9': "builtin/test_rows.py",
        'UPDATE "Invoice" SET "invoiceNo" = \'9\' WHERE "orderId" = 9': "test_invoice_numbers_are_in_order",
        'UPDATE "Customer" SET "eMail" = lower("eMail") || \' \' WHERE "customerId" = 3': "builtin/test_rows.py",
        'ALTER TABLE "Customer" DROP CONSTRAINT "Customer_eMail_key"': "builtin/test_objects.py",
    },
    "library": {
        "": "",
        "DELETE FROM address WHERE member = 'M4'": "builtin/test_rows.py",
        "UPDATE loan SET member = 'M1' WHERE id = 7": "builtin/test_rows.py",
        "UPDATE loan SET returned = true WHERE id = 2": "builtin/test_rows.py",
        "ALTER TABLE loan DROP COLUMN book": "builtin/test_rows.py",
        "UPDATE alembic_version SET version_num = 'a1'": "builtin/test_history.py",
    },
    "desk": {
        "": "",
        "UPDATE desk_ticket SET agent_id = 1 WHERE id = 2": "test_tickets_have_their_agents",
        "UPDATE desk_ticket SET state = 'closed' WHERE id = 3": "builtin/test_rows.py",
        "INSERT INTO desk_agent (name) VALUES ('Nobody')": "builtin/test_rows.py",
        "DELETE FROM desk_ticket WHERE id = 100": "builtin/test_rows.py",
        "DELETE FROM django_migrations WHERE name = '0002_agents'": "builtin/test_history.py",
    },
}

Make = Callable[[str], tuple[str, str]]


def call(project: str, *command: str, **more: str) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=EXAMPLES / project,
        env={**ENVIRONMENT, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def migrate(project: str, connection: psycopg.Connection, url: str, step: str) -> None:
    """Brings a database to the state before, or from there to the one after."""
    if project == "webshop":
        run_script(connection, EXAMPLES / project / {"before": "before.sql", "after": "migration.sql"}[step])
    elif project == "library":
        place = conninfo_to_dict(url)
        password = f":{place['password']}" if "password" in place else ""
        where = f"{place['dbname']}?host={place['host']}&port={place['port']}"
        url = f"postgresql+psycopg://{place['user']}{password}@/{where}"
        call(project, "-m", "alembic", "-x", f"url={url}", "upgrade", {"before": "a1", "after": "head"}[step])
    else:
        steps = {"before": ["desk", "0001"], "after": []}
        call(project, "manage.py", "migrate", *steps[step], DATABASE_URL=url)
    if step == "before":
        connection.execute(ROWS.get(project, "SELECT").encode())


@pytest.fixture(scope="module")
def made(server: Server) -> Iterator[Make]:
    """Databases of a project before and after its migration, made once, and a copy for each damage."""
    names: list[str] = []

    def create(name: str, template: str = "") -> str:
        names.append(name)
        server.create(name, **({"template": template} if template else {}))
        return name

    def make(project: str) -> tuple[str, str]:
        before, after = f"{project}_before_{os.getpid()}", f"{project}_after_{os.getpid()}"
        if before not in names:
            for name, template, step in ((before, "", "before"), (after, before, "after")):
                create(name, template)
                with server.connect(name) as connection:
                    migrate(project, connection, server.conninfo(name), step)
        return before, create(f"{project}_{len(names)}_{os.getpid()}", after)

    yield make
    for name in names:
        server.drop(name)


def list_damage() -> list[object]:
    found: list[object] = []
    for project, damage in DAMAGE.items():
        for number, statement in enumerate(damage):
            tier = pytest.mark.full if number in {0, 1, len(damage) - 1} else pytest.mark.nightly
            found.append(pytest.param(project, statement, marks=tier, id=f"{project}{number}"))
    return found


@pytest.mark.xdist_group("examples")
@pytest.mark.parametrize(("project", "damage"), list_damage())
def test_what_examples_migrate_is_judged(server: Server, made: Make, tmp_path: Path, project: str, damage: str) -> None:
    before, after = made(project)
    with server.connect(after) as connection:
        connection.execute(damage.encode() or b"SELECT")
    options: Sequence[str] = (
        f"--db-url={server.conninfo(after)}",
        f"--baseline={server.conninfo(before)}",
        f"--html={tmp_path / 'page.html'}",
        f"--junit-xml={tmp_path / 'page.xml'}",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=EXAMPLES / project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1].startswith("NO-GO: " if damage else "GO: "), done
    assert done.returncode == (1 if damage else 0)
    assert DAMAGE[project][damage] in done.stdout


@pytest.mark.full
def test_a_deployment_is_played_from_nothing_to_the_way_back(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "webshop" / "deploy.py"), str(tmp_path / "shop")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    words = ("NOT READY: because 7 of 7", "GO: 2 of 2", "READY TO PROCEED", "NO-GO: 1 finding", "NO-GO: 1 check")
    places = [done.stdout.index(f": {word}") for word in words]
    assert places == sorted(places)
    assert "equal" in done.stdout.splitlines()[-2]
    assert (tmp_path / "shop" / "reports" / "deployment.html").is_file()
