"""The command `postmigration check`: pytest on the built-in checks, for any two databases."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from postmigration.gate import options
from postmigration.gate.baseline_source import is_address
from postmigration.gate.project import BUILT_IN
from postmigration.model.errors import CannotJudge
from postmigration.postgres.dsn import is_secret
from postmigration.postgres.scratch.base_backup import divide

_USAGE = "postmigration check [BEFORE] AFTER [options of pytest]; or --baseline=BEFORE --db-url=AFTER"
# Options of pytest whose value may stand after them as a word of its own, and is none of the databases.
_TAKE_VALUES = frozenset(
    (
        *("-c", "-k", "-m", "-n", "-o", "-p", "-r", "-W", "--basetemp", "--color", "--config-file", "--confcutdir"),
        *("--css", "--deselect", "--dist", "--durations", "--html", "--ignore", "--junit-xml", "--junitxml"),
        *("--log-file", "--maxfail", "--rootdir", "--tb"),
    )
)


def run(arguments: Sequence[str]) -> int:
    """Runs the built-in checks under pytest.

    Args:
        arguments: what the user wrote after `check`.

    Returns:
        0 GO, 1 NO-GO, 2 interrupted, 3 an error of ours, 4 could not be judged.

    Raises:
        CannotJudge: the databases are named in a way that cannot be meant.
    """
    sides, rest = _split(arguments)
    named = [f"{option}={side}" for option, side in zip(("--db-url", "--baseline"), reversed(sides), strict=False)]
    if not {"-h", "--help", "--version", "-V"} & set(rest):
        _refuse_unnamed(sides, rest)
    # The reports stand where the user is, and not beside the checks.
    page = f"--html={Path.cwd() / 'reports' / 'validation.html'}"
    with _safe_path():
        return int(pytest.main([str(BUILT_IN), page, *named, *rest]))


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keeps what lies in the current directory, which is anybody's, from being imported by the workers of -n."""
    was = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if was is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = was


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divides what the user wrote into the databases that stand by themselves, and all the rest."""
    sides: list[str] = []
    rest: list[str] = []
    before = ""
    take_values = _take_values()
    for argument in map(_lengthen, arguments):
        alone = not argument.startswith("-") and before not in take_values
        if alone and (is_address(argument) or Path(argument).exists() or divide(argument)):
            sides.append(argument)
        elif alone and (not before.startswith("-") or "=" in before):
            raise CannotJudge(f"{argument} is neither the address of a database nor a file that is there: {_USAGE}")
        else:
            rest.append(argument)
        before = argument
    if len(sides) > 2:
        raise CannotJudge(f"check takes at most two databases, and {len(sides)} are given: {_USAGE}")
    if len(sides) == 1 and any(word.partition("=")[0] == "--db-url" for word in rest):
        raise CannotJudge(f"two ways to name the database: {_USAGE}")
    if len(sides) == 2 and any(word.partition("=")[0] in ("--db-url", "--baseline") for word in rest):
        raise CannotJudge(f"two ways to name the databases: {_USAGE}")
    if sides and not is_address(sides[-1]):
        raise CannotJudge(
            f"AFTER is a file, {sides[-1]}, and has to be a database: only BEFORE may be a backup or a fingerprint"
        )
    _refuse_misplaced(rest)
    return sides, rest


def _lengthen(argument: str) -> str:
    """An option as pytest knows it, whatever else is installed (see `options.SHORT_FOR_MIGRATION_FILES`)."""
    name, separator, value = argument.partition("=")
    return f"--migration-files{separator}{value}" if name == "--migrations" else argument


def _refuse_misplaced(words: Sequence[str]) -> None:
    """Makes sure that no address stands where pytest wants something else, which it would repeat."""
    ours = {f"--{name.replace('_', '-')}" for name in options.ADDRESSES}
    before = ""
    for word in words:
        option, separator, value = word.partition("=") if word.startswith("--") else ("", "", word)
        where = option or (word[:2] if word.startswith("-") else before)
        if is_secret(value) and where not in ours and (separator or not option):
            raise CannotJudge(
                f"the value of {where or 'an argument'} looks like the address of a database: name it with "
                "--db-url or --baseline (or $POSTMIGRATION_DB_URL, $POSTMIGRATION_BASELINE)"
            )
        before = word


def _take_values() -> frozenset[str]:
    """The options whose value may stand after them as a word of its own."""
    ours: list[str] = []

    def add(*names: str, action: str = "store", **_: object) -> None:
        ours.extend(names if action != "store_true" else ())

    options.declare(add)
    return _TAKE_VALUES | set(ours)


def _refuse_unnamed(sides: Sequence[str], rest: Sequence[str]) -> None:
    """Makes sure that a database is named: the demonstration world belongs to a project."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--db-url")
    parser.add_argument("--baseline", action="append")
    known, _ = parser.parse_known_args(list(rest))
    if not sides and options.choose_target(known) is None:
        raise CannotJudge(f"which database? {_USAGE}")
