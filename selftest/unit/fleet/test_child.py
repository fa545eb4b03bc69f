"""The process that judges one database runs a module, and ends with the process that started it."""

import signal
import subprocess
import sys

from selftest.conftest import ROOT


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "postmigration.fleet.child", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_it_runs_a_module_that_reads_nothing_of_its_input() -> None:
    with _start("timeit", "-n1", "-r1", "import sys; print([sys.stdin.read(), __name__])") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "['', '__main__']\n"
        assert process.wait(60) == 0


def test_it_ends_when_nobody_holds_its_input_open_any_more() -> None:
    with _start("timeit", "-n1", "-r1", "print('on', flush=True)\nwhile 1: pass") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "on\n"
        process.stdin.close()
        assert process.wait(60) == -signal.SIGTERM
