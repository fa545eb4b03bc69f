"""Databases that the real Alembic and the real Django have migrated: to the end, on from there, and broken off."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg.conninfo import conninfo_to_dict

from postmigration.postgres import embedded
from selftest.check.judging import Verdict, judge
from selftest.servers import Servers

CHECK = "test_ledgers_of_migration_tools_are_in_order"
MODULES = ("test_history", "test_rows")
COUNTER = itertools.count()
ENVIRONMENT = """
from alembic import context
context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
"""
REVISION = """
from alembic import op
revision, down_revision = {name!r}, {after!r}
{more}
def upgrade():
    {upgrade}
def downgrade():
    pass
"""
# The first statement stays, whatever becomes of the rest.
BROKEN = """
    with op.get_context().autocommit_block():
        op.execute("CREATE TABLE half (id integer PRIMARY KEY)")
        op.execute("SELECT 1 / 0")
"""
SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "HOST": {host!r}, "PORT": {port!r},
                          "NAME": {dbname!r}, "USER": {user!r}}}}}
"""
MIGRATION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    atomic = False
    dependencies = {dependencies}
    operations = {operations}
"""
FIRST = (
    '[migrations.CreateModel("Order", [("id", models.AutoField(primary_key=True)), ("total", models.IntegerField())])]'
)
SECOND = '[migrations.RunSQL("CREATE INDEX shop_total ON shop_order (total)"), migrations.RunSQL("{}")]'

New = Callable[..., str]


@pytest.fixture
def new(servers: Servers) -> Iterator[New]:
    """Creates a database, perhaps as a copy of another one."""
    server: embedded.Server = servers[18]
    made = []

    def create(template: str = "template0") -> str:
        made.append(f"tools_{next(COUNTER)}")
        server.create(made[-1], template=template)
        return made[-1]

    yield create
    for name in made:
        server.drop(name)


class Alembic:
    """A project of Alembic in a directory."""

    def __init__(self, directory: Path, server: embedded.Server) -> None:
        self.server = server
        self.directory = directory
        (directory / "versions").mkdir()
        (directory / "env.py").write_text(ENVIRONMENT)
        self.revise("first", None, 'op.execute("CREATE TABLE orders (id integer PRIMARY KEY)")')
        self.revise("second", "first", 'op.execute("ALTER TABLE orders ADD total integer")')

    def revise(self, name: str, after: str | tuple[str, ...] | None, upgrade: str, more: str = "") -> None:
        text = REVISION.format(name=name, after=after, upgrade=upgrade, more=more)
        (self.directory / "versions" / f"{name}.py").write_text(text)

    def upgrade(self, database: str, revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(self.directory))
        config.set_main_option("path_separator", "os")
        engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: self.connect(database), poolclass=sa.NullPool
        )
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def connect(self, database: str) -> object:
        connection = self.server.connect(database)
        connection.autocommit = False
        return connection


@pytest.fixture
def alembic(tmp_path: Path, servers: Servers) -> Alembic:
    return Alembic(tmp_path, servers[18])


def test_alembic_moves_its_head(alembic: Alembic, new: New) -> None:
    before = new()
    alembic.upgrade(before, "first")
    after = new(before)
    alembic.upgrade(after, "second")
    verdict = judged(alembic.server, before, after)
    assert "alembic_version (Alembic): its head was first, is second" in verdict.words("told")
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")


def test_alembic_has_files_that_the_ledger_does_not_know(alembic: Alembic, new: New) -> None:
    database = new()
    alembic.upgrade(database, "first")
    assert held_against(alembic, database) == ["alembic_version (Alembic): 1 migration is pending: second (run {})"]
    alembic.upgrade(database, "second")
    assert not held_against(alembic, database)


@pytest.mark.full
def test_alembic_has_branches_that_need_and_end_others(alembic: Alembic, new: New) -> None:
    database = new()
    alembic.revise("other", None, "pass", "branch_labels = 'side'")
    alembic.revise("third", "second", "pass", "depends_on = 'side'")
    alembic.upgrade(database, "third")
    assert not held_against(alembic, database)
    alembic.revise("more", "other", "pass")
    assert held_against(alembic, database) == ["alembic_version (Alembic): 1 migration is pending: more (run {})"]
    alembic.revise("end", ("third", "more"), "pass")
    alembic.upgrade(database, "heads")
    assert not held_against(alembic, database)
    (alembic.directory / "versions" / "end.py").unlink()
    assert [words.partition(" in ")[0] for words in held_against(alembic, database)] == [
        "alembic_version (Alembic): end is"
    ]


@pytest.mark.full
def test_alembic_broken_off_in_its_first_migration_leaves_an_empty_ledger(alembic: Alembic, new: New) -> None:
    alembic.revise("first", None, BROKEN)
    after, before = new(), new()
    with pytest.raises(sa.exc.DataError, match="division by zero"):
        alembic.upgrade(after, "head")
    alone = judge("", alembic.server.conninfo(after), only=MODULES)
    assert [words for words in alone.words("warning") if "alembic_version (Alembic): it is empty" in words]
    alembic.revise("first", None, 'op.execute("CREATE TABLE orders (id integer PRIMARY KEY)")')
    alembic.upgrade(before, "head")
    verdict = judged(alembic.server, before, after)
    assert [words for words in verdict.words("blocker") if "it is empty, and its head was second" in words]


@pytest.mark.full
def test_alembic_broken_off_later_stays_where_it_was(alembic: Alembic, new: New) -> None:
    before = new()
    alembic.upgrade(before, "second")
    alembic.revise("third", "second", BROKEN)
    after = new(before)
    with pytest.raises(sa.exc.DataError, match="division by zero"):
        alembic.upgrade(after, "head")
    verdict = judged(alembic.server, before, after)
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")
    assert "new, and compared with nothing: half" in verdict.words("told")


class Django:
    """A project of Django in a directory."""

    def __init__(self, directory: Path, server: embedded.Server) -> None:
        self.server, self.directory = server, directory
        (directory / "shop" / "migrations").mkdir(parents=True)
        for package in ("shop", "shop/migrations"):
            (directory / package / "__init__.py").write_text("")
        self.revise("0001_initial", [], FIRST)
        self.revise("0002_index", [("shop", "0001_initial")], SECOND.format("SELECT 1"))

    def revise(self, name: str, dependencies: list[tuple[str, str]], operations: str) -> None:
        text = MIGRATION.format(dependencies=dependencies, operations=operations)
        (self.directory / "shop" / "migrations" / f"{name}.py").write_text(text)

    def migrate(self, database: str, to: str = "") -> str:
        """Migrates, and gives what Django said of an error."""
        (self.directory / "settings.py").write_text(SETTINGS.format(**conninfo_to_dict(self.server.conninfo(database))))
        return self.call("migrate", "shop", *to.split()).stderr

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Has Django run a command in the project."""
        # Files are revised within a second, which is as far as Python tells a compiled file's age.
        called = [sys.executable, "-B", "-m", "django", *command, "--settings=settings", "--pythonpath=."]
        return subprocess.run(called, cwd=self.directory, capture_output=True, text=True, check=False)


@pytest.mark.full
def test_django_is_told_of_when_it_moved_on_and_found_when_it_broke_off(
    tmp_path: Path, servers: Servers, new: New
) -> None:
    django = Django(tmp_path, servers[18])
    before, whole = new(), new()
    assert not django.migrate(before, "0001")
    moved, broken = new(before), new(before)
    assert not django.migrate(moved)
    assert not django.migrate(whole)
    verdict = judged(django.server, before, moved)
    assert "it moved on by 1 migration from shop.0001_initial to shop.0002_index" in " ".join(verdict.words("told"))
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")
    django.revise("0002_index", [("shop", "0001_initial")], SECOND.format("SELECT 1 / 0"))
    assert "division by zero" in django.migrate(broken)
    verdict = judged(django.server, whole, broken)
    assert verdict.red() == {CHECK}
    assert "django_migrations (Django): it is behind the state before: shop.0002_index is not in it" in (
        " ".join(verdict.words("blocker"))
    )


@pytest.mark.full
def test_django_has_files_that_the_ledger_does_not_know(tmp_path: Path, servers: Servers, new: New) -> None:
    django, database = Django(tmp_path, servers[18]), new()
    assert not django.migrate(database, "0001")
    assert held_against(django, database) == [
        "django_migrations (Django): 1 migration is pending: shop.0002_index (run {})"
    ]
    assert not django.migrate(database)
    assert not held_against(django, database)
    assert "Created new squashed migration" in django.call("squashmigrations", "shop", "0002", "--noinput").stdout
    squashed = next(path for path in (tmp_path / "shop" / "migrations").glob("*squashed*.py"))
    assert not held_against(django, database)
    fresh = new()
    assert not django.migrate(fresh)
    assert not held_against(django, fresh)
    assert not django.migrate(database)
    for name in ("0001_initial.py", "0002_index.py"):
        (squashed.parent / name).unlink()
    assert not held_against(django, database)
    squashed.unlink()
    django.revise("0001_initial", [], FIRST)
    assert [words.partition(" in ")[0] for words in held_against(django, database)] == [
        "django_migrations (Django): shop.0002_index, shop.0001_squashed_0002_index are"
    ]


def held_against(tool: Alembic | Django, database: str) -> list[str]:
    """What is said of a database beside the files of its tool, without what is to be run."""
    verdict = judge("", tool.server.conninfo(database), f"--migration-files={tool.directory}", only=["test_history"])
    commands = ("alembic upgrade heads", "manage.py migrate")
    said = verdict.words("blocker") + verdict.words("warning")
    return [re.sub("|".join(commands), "{}", words) for words in said]


def judged(server: embedded.Server, before: str, after: str) -> Verdict:
    return judge(server.conninfo(before), server.conninfo(after), only=MODULES)
