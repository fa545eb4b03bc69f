"""What a run leaves out of the project's checks makes it PARTIAL; the numbers of its plan are 1 to N."""

import json

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Judged, Scratch
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

FILES = {
    "test_plan.py": "@plan\ndef test_a(target): target.expect(True, 'a')\ndef test_b(target): target.expect(True, 'b')",
    "test_more.py": """
@pytest.mark.parametrize("i", range(3))
def test_c(target, i): target.expect(os.environ.get("BROKEN") != str(i), 'c')
class TestMore:
    def test_d(self, target): target.expect(True, 'd')
def test_e(backup): pass
""",
}


class Project:
    """A project of six checks in two files, and a seventh that needs a backup."""

    def __init__(self, scratch: Scratch, server: embedded.Server) -> None:
        self.directory = scratch.directory
        self._scratch = scratch
        self._database = f"--db-url={server.conninfo('migrated')}"
        for name, source in FILES.items():
            scratch.write(source, name)

    def judge(self, *options: str, cache: bool = False) -> Judged:
        return self._scratch.run(*([] if cache else ["-p", "no:cacheprovider"]), self._database, *options)


@pytest.fixture
def project(scratch: Scratch, server: embedded.Server) -> Project:
    return Project(scratch, server)


@pytest.mark.parametrize("options", few([[], ["-n2"], ["-o", "log_cli=true"], ["tests", "--ignore=elsewhere"]]))
def test_a_whole_run_is_go(project: Project, options: list[str]) -> None:
    judged = project.judge(*options)
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: 1 of 1 plan checks passed, 6 rows examined")
    assert "6 passed, 1 deselected" in judged.output or options == ["-n2"]


WAYS = {
    "a file ignored": (["--ignore=tests/test_more.py"], 4),
    "a pattern ignored": (["--ignore-glob=*more*"], 4),
    "words": (["-k", "not more"], 4),
    "words without cases": (["-k", "not c"], 3),
    "a marker": (["-m", "plan"], 5),
    "a case deselected": (["--deselect=tests/test_more.py::test_c[1]"], 1),
    "names of files": (["-o", "python_files=test_plan.py"], 4),
    "names of functions": (["-o", "python_functions=test_a"], 5),
    "names of classes": (["-o", "python_classes=None"], 1),
    "paths": (["-o", "testpaths=tests/test_plan.py"], 4),
    "a file": (["tests/test_plan.py"], 4),
    "a check": (["tests/test_plan.py::test_a"], 5),
    "workers": (["-n2", "--ignore=tests/test_more.py"], 4),
    "a settings file": (["-c", "other.ini"], 4),
}


@pytest.mark.parametrize(("options", "left_out"), few(WAYS.values(), 0, 5), ids=WAYS)
def test_whatever_is_left_out_is_partial(project: Project, options: list[str], left_out: int) -> None:
    (project.directory / "other.ini").write_text("[pytest]\npython_files = test_plan.py\ntestpaths = tests\n")
    expect_partial(project, options, left_out)


def expect_partial(project: Project, options: list[str], left_out: int) -> None:
    words = f"{left_out} of 6 checks left out"
    judged = project.judge(*options)
    assert judged.status == 4, judged.output
    judged = project.judge(*options, "--allow-partial")
    assert judged.status == 0
    assert judged.last_line.startswith("PARTIAL: ")
    assert f", {words}, " in judged.last_line
    reports = project.directory / "reports"
    told = json.loads((reports / "validation.json").read_text())
    assert told["checks_of_project"] == 6
    assert len(told["left_out"]) == left_out
    assert told["rows_examined"] == len(told["checks"]) == 6 - left_out
    assert words in (reports / "summary.md").read_text()
    assert words in (reports / "validation.html").read_text()
    assert f"{6 - left_out} rows by {6 - left_out} checks" in (reports / "validation.html").read_text()
    assert words in (reports / "validation.xml").read_text()


@pytest.mark.full
def test_options_of_the_environment_are_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--ignore=tests/test_more.py")
    expect_partial(project, [], 4)


def test_what_the_project_itself_removes_is_seen(project: Project) -> None:
    conftest = project.directory / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "def pytest_collection_modifyitems(items): items[:] = [i for i in items if 'more' not in i.nodeid]\n"
    )
    expect_partial(project, [], 4)


def test_only_what_failed_last_is_partial(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "1")
    assert project.judge(cache=True).status == 1
    monkeypatch.delenv("BROKEN")
    judged = project.judge("--lf", cache=True)
    assert judged.status == 4
    assert "5 of 6 checks left out" in judged.last_line


@pytest.mark.parametrize(
    "options", few([["-x"], ["--maxfail=1"], ["-k", "test_c"], ["-k", "test_c", "--allow-partial"]], 0, 3)
)
def test_a_failure_among_what_was_judged_stays_no_go(
    project: Project, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "0")
    judged = project.judge(*options)
    assert judged.status == 1
    stopped = "-k" not in options
    assert judged.last_line.startswith("NO-GO: 1 check beyond the plan failed: " if stopped else "PARTIAL: ")
    assert ("of 6 checks left, as " if stopped else "of 6 checks left out") in judged.last_line


PLAN = """
@pytest.mark.plan({}, group='g', title='t')
@pytest.mark.parametrize('i', range(2))
def test_{}(target, i): target.expect(True, 'x')
"""


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ([], "no check is number 1"),
        ([1, 1], "tests/test_x.py::test_0 and tests/test_x.py::test_1 are all number 1"),
        ([1, 2], "tests/test_x.py::test_1 is number 2"),
        ([1], ""),
    ],
)
@pytest.mark.parametrize("options", few([[], ["-n1"], ["-k", "test_0", "--allow-partial"]]), ids=" ".join)
def test_the_plan_has_each_number_once(
    scratch: Scratch, server: embedded.Server, numbers: list[int], reason: str, options: list[str]
) -> None:
    source = "\n".join(PLAN.format(number, i) for i, number in enumerate(numbers))
    scratch.write(source + "\ndef test_other(target): target.expect(True, 'x')", "test_x.py")
    judged = scratch.run("-p", "no:cacheprovider", f"--db-url={server.conninfo('migrated')}", *options)
    assert judged.status == (4 if reason else 0), judged.output
    if reason:
        assert f"ERROR: the plan has checks 1 to 1, each once: {reason}\n" in judged.output
        assert "Traceback" not in judged.output
        assert not judged.results


def test_facts_alone_are_not_go(scratch: Scratch, server: embedded.Server) -> None:
    source = "@plan\ndef test_x(target):\n    target.evidence.examined = 0\n    target.expect(True, 'x')"
    database = f"--db-url={server.conninfo('migrated')}"
    for more in ([], ["--allow-partial"]):
        judged = scratch.judge(source, database, *more)
        assert judged.status == 1
        assert judged.last_line.startswith(
            "NO-GO: 0 rows examined (GO needs one, or --allow-empty), 1 of 1 plan checks passed, "
        )
    judged = scratch.judge(source, database, "--allow-empty")
    assert (judged.status, judged.last_line[:4]) == (0, "GO: ")
