"""Whatever starts puts in the place of an older report that it did not finish, and whatever ends it says why."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selftest.conftest import ROOT
from selftest.tiers import few

FORMS = ("validation.html", "validation.xml", "validation.json", "summary.md")
# A line of a module that waits until it is told to go on, and says that it does.
WAIT = "import pathlib\npathlib.Path('waits').write_text('here')\npathlib.Path('go').read_text()\n"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose last run was green, and left evidence."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.postmigration]\nmigration = "own:MIGRATION"\nchecks = "tests"\n'
        '[tool.pytest.ini_options]\naddopts = ["-p", "postmigration.gate.starting"]\ntestpaths = ["tests"]\n'
        f'pythonpath = [".", "{ROOT}"]\n'
    )
    (tmp_path / "own.py").write_text("from selftest.scratch import MIGRATION as MIGRATION\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["postmigration.gate.pytest_plugin"]\n')
    for directory in ("tests", "others", "reports", "reports/evidence"):
        (tmp_path / directory).mkdir()
    (tmp_path / "tests" / "test_x.py").write_text("def test_x(target): ...\n")
    (tmp_path / "others" / "test_y.py").write_text("def test_y(): ...\n")
    for form in FORMS:
        (tmp_path / "reports" / form).write_text("GO")
    (tmp_path / "reports" / "evidence" / "check-05-1.csv").write_text("old")
    for pipe in ("waits", "go"):
        os.mkfifo(tmp_path / pipe)
    return tmp_path


@pytest.fixture
def begin(project: Path) -> Iterator[Start]:
    """Starts pytest in the project; whatever is left of it is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, until_it_waits: bool = False) -> subprocess.Popen[str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "POSTMIGRATION_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=project, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        if until_it_waits:
            assert (project / "waits").read_text() == "here"
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def said(project: Path) -> set[str]:
    """What the files say, but for the times; and that nothing else is there."""
    reports = project / "reports"
    left = {path.name for path in reports.iterdir()} - {"records"}
    assert left == set(FORMS)
    for record in (reports / "records").glob("*"):
        # A mark of a run that began has no word.
        word = json.loads(record.read_text()).get("word")
        assert word == ("ERROR" if record.suffix == ".json" else None), word
    texts = {form: (reports / form).read_text() for form in FORMS}
    for form in ("validation.html", "validation.xml", "summary.md"):
        assert "did not finish" in texts[form]
    assert json.loads(texts["validation.json"])["finished"] is False
    return set(texts.values())


@pytest.mark.parametrize(
    ("arguments", "why"),
    few(
        [
            (["--dburl=postgresql://u:geheim@h/d"], "--dburl"),
            (["--dburl", "postgresql://u:geheim@h/d"], "--dburl"),
            (["-n", "many"], "many"),
            (["--db-url=postgresql://127.0.0.1:1/nowhere"], "cannot connect to the database of --db-url"),
            (["--db-url="], "--db-url"),
            (["--world-size=0"], "--world-size=0"),
            (["--strict", "--allow-partial"], "contradict each other"),
        ]
    ),
)
def test_a_wrong_call_leaves_no_older_report_and_says_why(
    project: Path, begin: Start, arguments: list[str], why: str
) -> None:
    output, _ = begin(*arguments).communicate()
    texts = said(project)
    assert all(why in text for text in texts), texts
    assert not any("geheim" in text for text in texts)
    assert "Traceback" not in output


@pytest.mark.full
@pytest.mark.parametrize("file", few(["conftest.py", "tests/conftest.py"]))
def test_a_conftest_that_cannot_be_imported_leaves_no_older_report(project: Path, begin: Start, file: str) -> None:
    (project / file).write_text("import no_such_module\n")
    process = begin()
    process.communicate()
    assert process.returncode == 4
    assert all("ModuleNotFoundError before anything was judged" in text for text in said(project))


@pytest.mark.full
@pytest.mark.parametrize("file", few(["conftest.py", "own.py"]))
def test_a_run_that_is_killed_while_it_starts_leaves_no_older_report(project: Path, begin: Start, file: str) -> None:
    (project / file).write_text(WAIT)
    if file == "own.py":
        (project / "own.py").write_text(WAIT + "from selftest.scratch import MIGRATION\n")
    process = begin(until_it_waits=True)
    process.kill()
    process.communicate()
    (project / "reports" / ".validation.lock").unlink()
    said(project)


@pytest.mark.full
@pytest.mark.parametrize("ending", few([signal.SIGINT, signal.SIGTERM]))
@pytest.mark.parametrize("file", few(["conftest.py", "tests/conftest.py", "own.py"]))
def test_a_run_that_is_interrupted_while_it_starts_says_so(
    project: Path, begin: Start, file: str, ending: signal.Signals
) -> None:
    whole = (project / file).read_text() if (project / file).exists() else ""
    (project / file).write_text(f"try:\n{''.join(f'    {line}{chr(10)}' for line in WAIT.splitlines())}"
                                f"except Exception: pass\n{whole}")  # fmt: skip
    process = begin(until_it_waits=True)
    process.send_signal(ending)
    output, _ = process.communicate()
    assert (process.returncode, output.splitlines()[-1]) == (2, "INTERRUPTED: nothing was judged")
    assert "Traceback" not in output
    assert all("it was interrupted" in text for text in said(project))


FULL = """
import pytest, resource
@pytest.mark.plan(1, group="Scratch", title="A check")
def test_x(target):
    target.state(examined=1)
    target.expect({holds}, "it is wrong")
    {fill}
"""
LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))"


@pytest.fixture
def small(project: Path) -> Iterator[Path]:
    """The directory of the reports, as a file system that has room for few pages."""
    reports = project / "reports"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "none", reports], check=False)
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root alone, and not in every container")
    yield reports
    subprocess.run(["umount", reports], check=True)


def verdict_without_room(project: Path, process: subprocess.Popen[str], why: str, found: str) -> None:
    output, _ = process.communicate()
    assert process.returncode == 4, output
    last = output.splitlines()[-1]
    told = rf"ERROR: the report cannot be written to {project}/reports/\S+ \({why}\); what was found: {found}"
    assert re.match(told, last), last
    assert "Traceback" not in output
    assert all("what was found" in text for text in said(project))


@pytest.mark.full
@pytest.mark.parametrize(("holds", "found"), few([(False, "NO-GO: 1 of 1 plan checks failed: 1"), (True, "GO")]))
def test_a_report_that_cannot_be_written_keeps_the_verdict(
    project: Path, begin: Start, *, holds: bool, found: str
) -> None:
    (project / "tests" / "test_x.py").write_text(FULL.format(holds=holds, fill=LIMIT))
    verdict_without_room(project, begin("--world-size=20"), "File too large", found)


@pytest.mark.full
def test_a_full_file_system_keeps_the_verdict(project: Path, begin: Start, small: Path) -> None:
    (project / "tests" / "test_x.py").write_text(FULL.format(holds=False, fill=""))
    verdict_without_room(project, begin("--world-size=20"), "No space left on device", "NO-GO")


def test_where_nothing_can_be_written_nothing_green_stays(project: Path, begin: Start, small: Path) -> None:
    for form in FORMS:
        (small / form).write_text("GO")
    with (small / "full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left on device"):
        full.writelines(itertools.repeat(bytes(4096)))
    process = begin()
    output, _ = process.communicate()
    assert process.returncode == 4
    assert re.fullmatch(r"ERROR: the report cannot be written to \S+ \(No space left on device\): .*", output.strip())
    assert [path.name for path in small.iterdir()] == ["full"]


@pytest.mark.full
@pytest.mark.parametrize(
    "arguments",
    few(
        [["--collect-only"], ["--help"], ["--version"], ["--markers"], ["--fixtures"], ["others"], ["others/test_y.py"]]
    ),
)
def test_what_judges_nothing_touches_no_report(project: Path, begin: Start, arguments: list[str]) -> None:
    begin(*arguments).communicate()
    assert {(project / "reports" / form).read_text() for form in FORMS} == {"GO"}
    assert {path.name for path in (project / "reports").iterdir()} == {*FORMS, "evidence"}


@pytest.mark.full
def test_a_second_run_does_not_write_where_the_first_one_does(project: Path, begin: Start) -> None:
    (project / "conftest.py").write_text(WAIT + 'pytest_plugins = ["postmigration.gate.pytest_plugin"]\n')
    first = begin(until_it_waits=True)
    before = {form: (project / "reports" / form).read_text() for form in FORMS}
    for arguments in (
        [],
        [f"--junit-xml={project}/reports/x.xml"],
        ["--html=x.html", "--junit-xml=reports/validation.xml"],
    ):
        second = begin(*arguments)
        output, _ = second.communicate()
        assert second.returncode == 4
        where = "xml" if "--html" in "".join(arguments) else "html"
        assert re.search(
            rf"ERROR: another run \(process {first.pid}\) writes {project}/reports/validation.{where}: "
            r"--html names another place",
            output,
        )
    assert {form: (project / "reports" / form).read_text() for form in FORMS} == before
    (project / "conftest.py").write_text("import no_such_module\n")
    third = begin("--html=elsewhere/x.html")
    assert "no_such_module" in third.communicate()[0]
    # What a dead process has claimed is free.
    first.kill()
    first.communicate()
    assert "no_such_module" in begin().communicate()[0]
    said(project)


@pytest.mark.parametrize("ending", few([signal.SIGINT, signal.SIGTERM]))
def test_the_command_is_interrupted_while_it_is_imported(project: Path, ending: signal.Signals) -> None:
    (project / "sqlalchemy.py").write_text(WAIT)
    with subprocess.Popen(
        [sys.executable, "-m", "postmigration", "compare"], cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert (project / "waits").read_text() == "here"
        process.send_signal(ending)
        assert process.communicate() == ("", "INTERRUPTED\n")
    assert process.returncode == 2


@pytest.mark.full
def test_a_check_that_ends_the_process_leaves_no_verdict(project: Path, begin: Start) -> None:
    (project / "tests" / "test_x.py").write_text(
        "import os, pytest\n\n@pytest.mark.plan(1, group='x', title='x')\ndef test_x():\n    os._exit(0)\n"
    )
    process = begin()
    output, _ = process.communicate()
    # Nothing of pytest runs any more; what was put in place before stays.
    assert process.returncode == 0, output
    assert not any(line.startswith("GO") for line in output.splitlines())
    (project / "reports" / ".validation.lock").unlink()
    said(project)


@pytest.mark.full
def test_all_files_stand_beside_the_page_that_is_named(project: Path, begin: Start) -> None:
    (project / "conftest.py").write_text("import no_such_module\n")
    begin("--html=elsewhere/x.html").communicate()
    assert {path.name for path in (project / "elsewhere").iterdir()} == {"x.html", "x.xml", "x.json", "x.md"}
    assert {(project / "reports" / form).read_text() for form in FORMS} == {"GO"}
