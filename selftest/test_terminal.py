"""At a terminal: who is judged, what is wrong without a traceback, and colours only where they are wanted."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

Command = Callable[..., subprocess.CompletedProcess[str]]
SOME = ("-k", "orphaned", "--allow-partial")


def at_a_terminal(*arguments: str, **environment: str) -> str:
    """What a person sees, with all that moves and colours it."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "POSTMIGRATION_", "GITHUB_"))}
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "PY_COLORS"):
        clean.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**clean, "TERM": "xterm-256color", **environment},
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                seen += os.read(ours, 65_536)
            except OSError:
                break
    os.close(ours)
    assert process.returncode in (0, 1)
    return seen.decode()


@pytest.mark.full
def test_a_log_has_no_colours_and_an_aligned_header(server: embedded.Server, command: Command) -> None:
    done = command(f"--db-url={server.conninfo('migrated')}", *SOME)
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""
    header = [
        line for line in done.stdout.splitlines() if re.match(r"(judging|snapshot|baseline|weakened by|suite):", line)
    ]
    assert len(header) == 5
    assert {re.match(r"[a-z ]+: +", line).end() for line in header} == {15}  # type: ignore[union-attr]


@pytest.mark.full
def test_colours_are_for_terminals_that_want_them(server: embedded.Server, tmp_path: object) -> None:
    arguments = (f"--db-url={server.conninfo('legacy')}", f"--html={tmp_path}/validation.html", *SOME)
    seen = at_a_terminal(*arguments)
    assert re.search("\x1b\\[[0-9;]*31m[^\n]*blocker", seen)
    assert "\x1b[1;31mPARTIAL: " in seen
    plain = at_a_terminal(*arguments, NO_COLOR="1")
    assert not re.search("\x1b\\[[0-9;]*3[0-9]m", plain)
    assert "PARTIAL: " in plain


@pytest.mark.full
def test_evidence_is_shown_without_a_traceback_unless_asked_for(server: embedded.Server, judge: Judge) -> None:
    database = f"--db-url={server.conninfo('legacy')}"
    judged = judge(database, *SOME)
    assert "blocker: " in judged.output
    assert "What to do: " in judged.output
    assert "Violation" not in judged.output
    assert "conclude" not in judged.output
    judged = judge(database, *SOME, "--tb=short")
    assert "blocker: " in judged.output
    assert "Violation" in judged.output
    judged = judge(database, *SOME, "--tb=no")
    assert "blocker: " not in judged.output
    assert judged.last_line.startswith("PARTIAL: ")


def test_what_was_not_judged_is_said_with_the_reason(server: embedded.Server, judge: Judge) -> None:
    judged = judge(f"--db-url={server.conninfo('migrated')}", "--read-only", "-k", "audited")
    assert judged.last_line.startswith("PARTIAL: ")
    section = judged.output.partition("not judged ====")[2]
    assert "\ncontact points are audited: it writes (and rolls back), and --read-only leaves that out\n" in section


def test_warnings_are_said(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("CREATE VIEW all_contacts AS TABLE contacts; GRANT SELECT ON all_contacts TO anon")
    judged = judge(f"--db-url={server.conninfo(name)}", "-k", "bypasses")
    assert "nothing bypasses the policies: views: all_contacts shows what its owner sees" in " ".join(
        judged.output.split()
    )
