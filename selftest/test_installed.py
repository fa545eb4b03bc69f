"""The package works where nothing but its wheel is installed, and is silent in everybody else's pytest."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from selftest.conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

OTHERS = ("pytest-alembic", "pytest-django", "pytest-postgresql")
PROJECT = {
    "pyproject.toml": '[tool.postmigration]\nmigration = "shop:MIGRATION"\nchecks = "checks"\n',
    "shop.py": """
from postmigration import Migration
MIGRATION = Migration(name="the shop", plan_checks=1, tables=["orders"], legacy_tables=["orders"])
""",
    "checks/test_orders.py": '''
import pytest
from postmigration import Target

@pytest.mark.plan(1, group="Orders", title="No order is free")
def test_no_order_is_free(target: Target) -> None:
    """No order costs nothing."""
    target.expect_none("SELECT id FROM orders WHERE total = 0", statement="orders that cost nothing",
                       examined="SELECT count(*) FROM orders")
''',
    "app/test_app.py": "def test_app():\n    assert True\n",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that holds the wheel and plugins of others."""
    directory = tmp_path_factory.mktemp("installed")
    environment = directory / "environment"
    for command in (
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(directory), str(ROOT)],
        [sys.executable, "-m", "venv", str(environment)],
    ):
        subprocess.run(command, check=True)
    (wheel,) = directory.glob("*.whl")
    subprocess.run([environment / "bin" / "pip", "install", "-q", str(wheel), *OTHERS], check=True)
    return environment / "bin"


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    def call(*command: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = command
        return subprocess.run(
            [installed / program, *arguments],
            cwd=tmp_path,
            env={"PATH": str(installed), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.full
def test_it_works_installed_and_leaves_others_alone(run: Run, tmp_path: Path) -> None:
    server = embedded.Server(18)
    try:
        server.create("shop")
        with server.connect("shop") as connection:
            connection.execute("CREATE TABLE orders (id int PRIMARY KEY, total int); INSERT INTO orders VALUES (1, 5)")
        server.create("copy", template="shop")
        before, after = server.conninfo("shop"), server.conninfo("copy")

        checked = run("postmigration", "check", before, after)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"reports"}

        (tmp_path / "test_alone.py").write_text(PROJECT["app/test_app.py"])
        alone = run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
        assert (alone.returncode, "1 passed" in alone.stdout) == (0, True), alone.stdout + alone.stderr
        refused = run("pytest", f"--db-url={after}")
        assert (refused.returncode, "postmigration check judges" in refused.stderr) == (4, True)
        (tmp_path / "test_alone.py").unlink()

        for name, text in PROJECT.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        judged = run("pytest", "checks", f"--db-url={after}")
        assert judged.stdout.splitlines()[-1].startswith("GO: 1 of 1 plan checks passed, "), judged
        own = run("pytest", "-q", "app", "-p", "no:cacheprovider")
        assert (own.returncode, "1 passed" in own.stdout) == (0, True), own.stdout + own.stderr
    finally:
        server.stop()
