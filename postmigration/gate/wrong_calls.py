"""What pytest says of a wrong call: one line, and no password."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from postmigration.gate import options
from postmigration.gate.project import find_checks
from postmigration.gate.usage import explain
from postmigration.postgres.dsn import is_secret

_REFUSE = pytest.StashKey[Callable[[str], NoReturn]]()
_PARSER = pytest.StashKey[pytest.Parser]()
# Options with which pytest only tells something, by what it calls them.
_TELLING = {
    "help": "--help",
    "version": "--version",
    "markers": "--markers",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "cacheshow": "--cache-show",
    "collectonly": "--collect-only",
    "setupplan": "--setup-plan",
    "setuponly": "--setup-only",
}


def explain_errors(parser: pytest.Parser, plugins: pytest.PytestPluginManager) -> None:
    """Has wrong calls told on one line; pytest itself repeats options that it does not know, word for word."""
    config = plugins.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)

    def refuse(message: str) -> NoReturn:
        words = explain(message, arguments(config), parser.optparser.format_help())
        raise pytest.UsageError(f"{words} (pytest --help lists the options)")

    config.stash[_REFUSE] = refuse
    config.stash[_PARSER] = parser
    plugins.register(sys.modules[__name__])
    parser.optparser.error = refuse  # type: ignore[method-assign]  # nothing else lets a plugin word these errors


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Refuses to do nothing but tell something where nobody asked for that in this call: a gate would be passed.

    Raises:
        pytest.UsageError: an option with which pytest judges nothing comes from elsewhere.
    """
    told = [option for name, option in _TELLING.items() if getattr(config.option, name, False)]
    if not told or hasattr(config, "workerinput") or find_checks(config.rootpath) is None:
        return
    typed = config.stash[_PARSER].parse_known_args(list(map(str, config.invocation_params.args)))
    if not any(getattr(typed, name, False) for name in _TELLING):
        raise pytest.UsageError(
            f"nothing would be judged: {told[0]} comes from PYTEST_ADDOPTS or addopts, not from the command line; "
            "take it out there"
        )


def arguments(config: pytest.Config) -> list[str]:
    """What the user wrote, on the command line and in pytest's variable for it."""
    return [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]


def refuse_misplaced(config: pytest.Config) -> None:
    """Makes sure that no address of a database stands where something else is wanted, which might be repeated.

    Raises:
        pytest.UsageError: one does.
    """
    for name, value in vars(config.option).items():
        texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        if name == "file_or_dir" and any(text.startswith("--") for text in texts):
            # One with a blank in it is a positional argument to argparse, whatever it begins with.
            config.stash[_REFUSE](f"unrecognized arguments: {' '.join(texts)}")
        if name not in options.ADDRESSES and any(map(is_secret, texts)):
            where = "an argument" if name == "file_or_dir" else f"the value of {_option(config, name)}"
            raise pytest.UsageError(
                f"{where} looks like the address of a database: name it with --db-url or --baseline "
                "(or $POSTMIGRATION_DB_URL, $POSTMIGRATION_BASELINE)"
            )


def _option(config: pytest.Config, name: str) -> str:
    """How the user wrote the option that holds an address."""
    before = ""
    for argument in arguments(config):
        if is_secret(argument) and argument.startswith("--"):
            return argument.partition("=")[0]
        if is_secret(argument):
            return argument[:2] if argument.startswith("-") else before
        before = argument
    return f"--{name.replace('_', '-')}"


def read_plan(check: str, *arguments: object, **named: object) -> tuple[int, str, str]:
    """What a marker `plan(number, group=…, title=…)` says.

    Args:
        check: the check that carries it, for the message.
        arguments, named: what stands in its parentheses.

    Raises:
        pytest.UsageError: something else stands there.
    """
    number = arguments[0] if len(arguments) == 1 else None
    group, title = named.get("group"), named.get("title")
    whole = isinstance(number, int) and not isinstance(number, bool) and number > 0
    if whole and named.keys() == {"group", "title"} and isinstance(group, str) and isinstance(title, str):
        assert isinstance(number, int)
        return number, group, title
    given = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())])
    raise pytest.UsageError(
        f'{check} is marked plan({given}): want plan(number, group="…", title="…"), a number from 1 and two texts'
    )
