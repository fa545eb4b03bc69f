"""A wrong call is answered by one line that names what was meant, and never by a password."""

import ast
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.postgres.dsn import is_secret, redact_secrets
from selftest.conftest import ROOT, Judge
from selftest.tiers import few

SECRET = "geheim"
ADDRESSES = [
    f"postgresql://u:{SECRET}@h/d",
    f"postgresql://u:a/{SECRET}@h/d",
    f"postgresql+psycopg://u:{SECRET}%40@h/d",
    f"postgresql://u@h/d?sslmode=disable&password={SECRET}",
    f"host=h user=u password={SECRET}",
    f"host=h password = '{SECRET} {SECRET}' dbname=d",
    f"postgresql://u:my {SECRET}@h/d",
]

PYTEST = [
    (["--dburl={}"], "unrecognized arguments: --dburl (did you mean --db-url?)"),
    (["--basline", "{}"], "unrecognized arguments: --basline (did you mean --baseline?)"),
    (["{}"], "an argument looks like the address of a database: name it with --db-url"),
    (["tests", "{}"], "an argument looks like the address of a database: name it with --db-url"),
    (["--evidence-rows={}"], "argument --evidence-rows: invalid int value: "),
    (["-k", "{}"], "the value of -k looks like the address of a database"),
    (["-o", "junit_suite_name={}"], "the value of -o looks like the address of a database"),
    (["--cutover={}"], "the value of --cutover looks like the address of a database"),
    (["--waivers", "{}"], "the value of --waivers looks like the address of a database"),
]
COMMAND = [
    (["compare", "{}"], "compare BEFORE AFTER takes two, and 1 is given"),
    (["compare", "{}", "{}", "{}"], "compare BEFORE AFTER takes two, and 3 are given"),
    (["compare", "{}", "{}", "--baseline={}"], "two ways to name what is read"),
    (["compare", "{}", "{}", "--db-url", "{}"], "two ways to name what is read"),
    (["compare", "--dburl={}"], "unrecognized arguments: --dburl (did you mean --db-url?)"),
    (["compare", "--jobs={}"], "argument --jobs: invalid int value: "),
    (["fingerprint", "{}", "-o", "x"], "unrecognized arguments: "),
    (["fingerprint", "--dbur", "{}", "-o", "x"], "unrecognized arguments: --dbur (did you mean --db-url?)"),
    (["verify-backup", "{}"], "does not exist"),
    (["verify-backup", "a.dump", "--baseline={}"], "unrecognized arguments: --baseline"),
    (["verify-backup", "a.dump", "--evidence-rows={}"], "invalid int value: "),
    (["rehearse", "--rolback={}"], "unrecognized arguments: --rolback (did you mean --rollback?)"),
    (["rehearse", "--migration={}"], "--migration"),
    (["{}"], "invalid choice: "),
    (["check", "-p", "{}"], "the value of -p looks like the address of a database"),
    (["check", "--rootdir={}"], "the value of --rootdir looks like the address of a database"),
    (["check", "-c{}"], "the value of -c looks like the address of a database"),
]


def each(calls: list[tuple[list[str], str]]) -> pytest.MarkDecorator:
    """Each address in each call, all at night; the default tier has each call and each address at least once."""
    return pytest.mark.parametrize(
        ("place", "words", "address"),
        [
            pytest.param(
                *(place, words, address),
                id=f"{' '.join(place)}-{address}",
                marks=[] if 0 in (number, turn) else [pytest.mark.full if turn == 1 else pytest.mark.nightly],
            )
            for call, (place, words) in enumerate(calls)
            for number, address in enumerate(ADDRESSES)
            for turn in [(number - call) % len(ADDRESSES)]
        ],
    )


@each(PYTEST)
def test_pytest_repeats_no_address(judge: Judge, tmp_path: Path, place: list[str], words: str, address: str) -> None:
    judged = judge(*(part.format(address) for part in place))
    assert judged.status == 4, judged.output
    reports = "".join(path.read_text() for path in tmp_path.rglob("validation.*"))
    assert SECRET not in judged.output + reports
    (line,) = (line for line in judged.output.splitlines() if line.strip())
    assert line.startswith("ERROR: ")
    assert words in line


@pytest.mark.full
@pytest.mark.parametrize(
    ("arguments", "words"),
    few([([f"--dburl={ADDRESSES[0]}"], "--dburl (did you mean --db-url?)"), (["-n", ADDRESSES[0]], "--numprocesses")]),
)
def test_a_pipeline_sees_no_address(
    command: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str], words: str
) -> None:
    for done in (command(*arguments), command(PYTEST_ADDOPTS=shlex.join(arguments))):
        assert done.returncode == 4
        assert done.stdout == ""
        assert SECRET not in done.stderr
        assert words in done.stderr


TELLING = (
    "--help", "-h", "--version", "-VV", "--markers", "--fixtures", "--fixtures-per-test", "--cache-show",
    "--collect-only", "--setup-plan", "--setup-only",
)  # fmt: skip


@pytest.mark.parametrize("option", few(TELLING))
def test_what_only_tells_something_must_be_typed(
    command: Callable[..., subprocess.CompletedProcess[str]], option: str
) -> None:
    done = command("-p", "cacheprovider", f"--db-url={ADDRESSES[0]}", PYTEST_ADDOPTS=option)
    assert done.returncode == 4, done.stdout
    assert done.stdout == ""
    assert re.fullmatch(r"ERROR: nothing would be judged: --[a-z-]+ comes from PYTEST_ADDOPTS .*\n\n?", done.stderr)


@pytest.mark.full
def test_what_only_tells_something_may_be_typed(command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for option in ("--help", "-VV", "--markers", "--setup-plan"):
        assert "nothing would be judged" not in command(option).stderr


@each(COMMAND)
def test_the_command_repeats_no_address(
    capsys: pytest.CaptureFixture[str], place: list[str], words: str, address: str
) -> None:
    assert cli.main([part.format(address) for part in place]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert SECRET not in printed.err
    assert printed.err.startswith("ERROR: ")
    assert printed.err.count("\n") == 1
    assert words in printed.err


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("no password here: want 17=100", "no password here: want 17=100"),
        ("at https://example.org/a?b=c", "at https://example.org/a?b=c"),
        ("see postgresql://u:p@h/d, please", "see postgresql://***@h/d, please"),
        ("see postgresql://u:p@h/d?password=p&x=1", "see postgresql://***@h/d?password=***&x=1"),
        (r"password='a\'b c' host=h", "password=*** host=h"),
        ("PGPASSWORD=a b", "PGPASSWORD=*** b"),
        ("sslpassword = a b", "sslpassword = *** b"),
    ],
)
def test_what_looks_like_a_password_is_left_out_of_a_text(text: str, redacted: str) -> None:
    assert redact_secrets(text) == redacted


def test_what_python_spells_in_another_way_is_left_out_too() -> None:
    address = rf"postgresql://u:{SECRET}\ x@h/d"
    said = f"argument --evidence-rows: invalid int value: {address!r}"
    assert redact_secrets(said, [f"--evidence-rows={address}"]) == "argument --evidence-rows: invalid int value: '***'"


@pytest.mark.parametrize(
    "text", ["slow or test_security", "17=100", "reports/a.html", "org:team/repo", "a@example.com"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert not is_secret(text)


# Options of pg_dump, pg_restore and psql, which messages advise too, or with which these are called.
THEIRS = {
    *("--clean", "--compress", "--dbname", "--encoding", "--exclude-table", "--file", "--format", "--globals-only"),
    *("--if-exists", "--list", "--lock-wait-timeout", "--no-owner", "--no-privileges", "--no-psqlrc", "--schema-only"),
    "--table",
}


@pytest.mark.parametrize(("package", "name"), [("backups", "verify-backup"), ("rehearsal", "rehearse")])
def test_a_command_advises_no_option_that_it_lacks(capsys: pytest.CaptureFixture[str], package: str, name: str) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main([name, "--help"])
    known = {*re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out), *THEIRS}
    # The suite that a rehearsal runs is pytest, with pytest's options.
    for path in (ROOT / "postmigration" / package).glob("*.py"):
        if path.stem != "suite":
            texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(t for t in texts if isinstance(t, str))))
            assert named <= known, path
