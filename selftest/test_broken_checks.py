"""A check that did not judge is never counted as a success, whatever kept it from judging."""

import re

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Scratch
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

GOOD = """
@plan
def test_good(target: Target) -> None:
    "It holds."
    target.expect(True, "it does not hold")
"""


@pytest.fixture
def migrated(server: embedded.Server) -> str:
    return f"--db-url={server.conninfo('migrated')}"


def test_a_good_check_alone_is_go(migrated: str, scratch: Scratch) -> None:
    judged = scratch.judge(GOOD, migrated)
    assert judged.status == 0
    assert judged.last_line.startswith("GO: 1 of 1 plan checks passed")


@pytest.mark.parametrize(
    "source",
    [
        "def test_bad(:",
        "import no_such_module",
        "raise RuntimeError('at import')",
        GOOD + "\ndef test_x(no_fixture): ...",
    ],
    ids=["syntax", "import", "exception", "fixture"],
)
def test_checks_that_cannot_be_read_are_an_error_of_ours(migrated: str, scratch: Scratch, source: str) -> None:
    judged = scratch.judge(source, migrated, "--allow-partial")
    assert judged.status == 3
    assert judged.last_line.startswith("ERROR: ")


@pytest.mark.parametrize("body", ["raise RuntimeError('x')", "1 / 0", "target.nothing", "pytest.fail('x')"])
def test_a_check_that_breaks_down_is_an_error_of_ours(migrated: str, scratch: Scratch, body: str) -> None:
    judged = scratch.judge(f"@plan\ndef test_bad(target: Target):\n    {body}\n", migrated, "--allow-partial")
    assert judged.status == 3
    assert judged.last_line.startswith("ERROR: ")
    assert "broke down: 1" in judged.last_line


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("@plan\n@pytest.mark.skip(reason='later')\n" + "def test_x(target): target.expect(True, 'x')", "later"),
        ("@plan\ndef test_x(target): pytest.skip('later')", "later"),
        ("@plan\n@pytest.mark.xfail(run=False)\ndef test_x(target): target.expect(True, 'x')", "NOTRUN"),
        ("@plan\ndef test_x(target): pytest.xfail('later')", "later"),
        ("@plan\n@pytest.mark.xfail(strict=True)\ndef test_x(target): target.expect(True, 'x')", "failed"),
        ("@plan\ndef test_x(target): pass", "it stated nothing"),
        ("@plan\ndef test_x(): assert True", "it looked at no database"),
        ("async def inner(): pass\n@plan\ndef test_x(target): inner()", "stated nothing"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_check_that_judges_nothing_is_not_go(migrated: str, scratch: Scratch, source: str, reason: str) -> None:
    judged = scratch.judge(source, migrated)
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: 1 of 1 plan checks not judged: 1")
    assert reason in judged.results[0].reason


def test_an_asynchronous_check_is_never_taken_for_a_success(migrated: str, scratch: Scratch) -> None:
    judged = scratch.judge("@plan\nasync def test_x(target): target.expect(True, 'x')", migrated)
    assert judged.status == 3


def test_an_expected_failure_is_a_failure(migrated: str, scratch: Scratch) -> None:
    judged = scratch.judge("@plan\n@pytest.mark.xfail\ndef test_x(target): target.expect(False, 'x')", migrated)
    assert judged.status == 1
    assert "1 of 1 plan checks failed: 1" in judged.last_line


@pytest.mark.parametrize("wrong", few([0, 1, 2]))
def test_of_a_check_with_parameters_the_worst_result_counts(migrated: str, scratch: Scratch, wrong: int) -> None:
    judged = scratch.judge(
        "@plan\n@pytest.mark.parametrize('i', range(3))\n"
        f"def test_x(target, i): target.expect(i != {wrong}, 'it does not hold')",
        migrated,
    )
    assert judged.status == 1
    assert "1 of 1 plan checks failed: 1" in judged.last_line


def test_what_breaks_after_the_check_is_not_lost(migrated: str, scratch: Scratch) -> None:
    judged = scratch.judge(
        "@pytest.fixture\ndef bad():\n    yield\n    raise RuntimeError('x')\n"
        "@plan\ndef test_x(target, bad): target.expect(True, 'x')",
        migrated,
    )
    assert judged.status == 3


def test_an_interruption_is_neither_go_nor_no_go(migrated: str, scratch: Scratch) -> None:
    judged = scratch.judge(GOOD + "\ndef test_x(target): raise KeyboardInterrupt", migrated)
    assert judged.status == 2
    assert judged.last_line.startswith("INTERRUPTED: 1 of 1 plan checks passed")
    assert "INTERRUPTED" in scratch.html.read_text()


def test_an_interruption_that_nothing_passes_on_is_one(migrated: str, scratch: Scratch) -> None:
    source = (
        "import os, signal\n"
        "class Last:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        sum(range(10))\n"
        "def test_x(target):\n"
        "    target.expect(True, 'x')\n"
        "    Last()\n"
    )
    judged = scratch.judge(source + GOOD, migrated)
    assert judged.status == 2, judged.output
    assert judged.last_line.startswith("INTERRUPTED")
    assert "Traceback" not in judged.output


@pytest.mark.parametrize(
    ("signal", "workers"),
    few([("SIGINT", ()), ("SIGTERM", ()), ("SIGINT", ("-n", "2"))], 0, 1),
    ids=["SIGINT", "SIGTERM", "-n 2"],
)
def test_an_interruption_that_the_parser_turns_into_an_error_is_one(
    migrated: str, scratch: Scratch, signal: str, workers: tuple[str, ...]
) -> None:
    source = (
        "import os, signal, pytest\n"
        "class Parser:\n"
        "    @pytest.hookimpl(tryfirst=True)\n"
        "    def pytest_runtest_makereport(self):\n"
        "        try:\n"
        f"            os.kill(os.getpid(), signal.{signal})\n"
        "            sum(range(10))\n"
        "        except KeyboardInterrupt:\n"
        "            raise SystemError('AST constructor recursion depth mismatch')\n"
        "def test_x(target, request):\n"
        "    request.config.pluginmanager.register(Parser())\n"
    )
    judged = scratch.judge(source + GOOD, migrated, *workers)
    assert judged.status == 2, judged.output
    assert judged.last_line.startswith("INTERRUPTED")
    assert not re.search("INTERNALERROR|Traceback", judged.output)
