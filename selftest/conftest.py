"""Servers with the reference world before and after the migration, and ways to judge a database as a user would."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from postmigration.model.verdict import Result
from postmigration.postgres import embedded
from selftest.judging import Judges
from selftest.processes import begin as begin
from selftest.processes import keep_bytecode, take_interrupts, work_in_memory
from selftest.processes import place as place
from selftest.servers import VERSIONS, Servers
from selftest.tiers import TIERS, assign_tiers, name_group, tier_of

ROOT = Path(__file__).parent.parent
COUNTER = itertools.count()
# `--hypothesis-profile=nightly` tries thousands where a few, always the same, must do otherwise.
settings.register_profile("nightly", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tier", choices=TIERS, default="default", help="run also the cases marked full, or nightly too")


def pytest_configure(config: pytest.Config) -> None:
    """Prepares what is the same for all processes that selftests start."""
    work_in_memory()
    keep_bytecode()
    take_interrupts()
    # The records of what is judged here are none of the plan of this repository.
    records = tempfile.mkdtemp(prefix="t-")
    config.add_cleanup(functools.partial(shutil.rmtree, records))
    os.environ.setdefault("POSTMIGRATION_RECORD_DIR", records)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Gives each case its tier, before `-m` looks at it, and leaves out those of tiers that were not asked for."""
    assign_tiers(items)
    left_out = [item for item in items if TIERS.index(tier_of(item)) > TIERS.index(config.getoption("--tier"))]
    items[:] = [item for item in items if TIERS.index(tier_of(item)) <= TIERS.index(config.getoption("--tier"))]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Has one process run a group, and spares what was collected from the garbage collections of inner sessions."""
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            name_group(item)
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Judged:
    """What a user gets from a run: the exit status, what was printed, and each check's result."""

    status: int
    output: str
    results: tuple[Result, ...]

    @property
    def last_line(self) -> str:
        return self.output.strip().splitlines()[-1]

    def red(self) -> set[str]:
        """The plan checks that failed, by number, and the others, by the name of their function."""
        return {result.check for result in self.results if result.outcome == "failed"}

    def outcome(self, name: str) -> str:
        return next(result.outcome for result in self.results if result.check == name)

    def evidence(self, name: str) -> str:
        """All that the evidence of one check says, as one text."""
        return " ".join(result.evidence.words for result in self.results if result.check == name)


class Recorder:
    """Takes the results of an inner session."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        facts = getattr(report, "postmigration", None)
        if facts is not None:
            self.results.append(Result.from_dict(facts))


def run_pytest(arguments: list[str], recorder: Recorder) -> int:
    """Runs a session within this one, and spares what it leaves from the garbage collections of the next one."""
    try:
        return int(pytest.main(arguments, plugins=[recorder]))
    finally:
        gc.collect()
        gc.freeze()


_SCRATCH_SETTINGS = f"""
[tool.postmigration]
migration = "selftest.scratch:MIGRATION"
checks = "tests"
built_in = false
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["{ROOT}"]
"""

_SCRATCH_HEAD = """
import asyncio, os, psycopg, pytest
from postmigration import Target
plan = pytest.mark.plan(1, group="Scratch", title="A check")

@pytest.fixture(autouse=True)
def row(request):
    if "target" in request.fixturenames:
        request.getfixturevalue("target").evidence.examined += 1
"""


class Scratch:
    """A directory with a project, and a way to judge with it in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.html = directory / "reports" / "validation.html"
        self._capsys = capsys
        self._judged: Path | None = None
        (directory / "tests").mkdir()
        (directory / "pyproject.toml").write_text(_SCRATCH_SETTINGS)
        (directory / "conftest.py").write_text('pytest_plugins = ["postmigration.gate.pytest_plugin"]\n')

    def write(self, source: str, file: str) -> Path:
        """Adds a file of checks, of which one is marked with `@plan`."""
        path = self.directory / "tests" / file
        path.write_text(_SCRATCH_HEAD + source)
        return path

    def judge(self, source: str, *options: str, file: str = "") -> Judged:
        """Judges with the checks of this source, in a file of this name, which the next source replaces."""
        if self._judged is not None:
            self._judged.unlink(missing_ok=True)
        self._judged = self.write(source, file or f"test_scratch_{next(COUNTER)}.py")
        return self.run(str(self._judged), "-p", "no:cacheprovider", *options)

    def run(self, *options: str) -> Judged:
        """Judges with all checks that were added."""
        for path in (self.directory / "tests").glob("test_*.py"):
            sys.modules.pop(path.stem, None)
        recorder = Recorder()
        before = Path.cwd()
        os.chdir(self.directory)
        try:
            status = run_pytest([*options], recorder)
        finally:
            os.chdir(before)
        written = self._capsys.readouterr()
        return Judged(int(status), written.out + written.err, tuple(recorder.results))


Judge = Callable[..., Judged]
Copy = Callable[[str], str]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """One server of each version, started when it is asked for."""
    servers = Servers()
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"pg{version}")
def server(request: pytest.FixtureRequest, servers: Servers) -> embedded.Server:
    """A server with the databases `legacy` and `migrated`, of each version that is there."""
    return servers.world(request.param)


@pytest.fixture(scope="session")
def judges() -> Iterator[Judges]:
    """A process that judges databases without what a whole run needs besides."""
    judges = Judges()
    try:
        yield judges
    finally:
        judges.stop()


@pytest.fixture
def copy(server: embedded.Server) -> Iterator[Copy]:
    """Makes a copy of `legacy` or `migrated` and returns its name."""
    made = []

    def make(template: str) -> str:
        name = f"{template}_{next(COUNTER)}"
        server.create(name, template=template)
        made.append(name)
        return name

    yield make
    for name in made:
        server.drop(name)


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Runs the checks in this process, with options as a user gives them."""
    monkeypatch.chdir(ROOT)

    def run(*options: str) -> Judged:
        recorder = Recorder()
        reports = (f"--html={tmp_path / 'validation.html'}", f"--junit-xml={tmp_path / 'validation.xml'}")
        status = run_pytest(["tests", "-p", "no:cacheprovider", *reports, *options], recorder)
        written = capsys.readouterr()
        return Judged(int(status), written.out + written.err, tuple(recorder.results))

    return run


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs pytest as a process of its own, as a pipeline does."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        reports = (f"--html={tmp_path / 'validation.html'}", f"--junit-xml={tmp_path / 'validation.xml'}")
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "POSTMIGRATION_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *reports, *arguments],
            cwd=ROOT,
            env={**clean, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def scratch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scratch:
    """A project for checks of the selftest's own."""
    return Scratch(tmp_path, capsys)
