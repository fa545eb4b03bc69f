"""The pytest plugin that comes first: before anything is imported that takes time or can fail, no old report stands.

Whatever then ends the run, the report says that it did not finish, and why as far as that is known.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from postmigration.gate.project import find_checks
from postmigration.gate.running.interruption import Interruption
from postmigration.model.errors import CannotJudge
from postmigration.report.places import Claim, Files, choose
from postmigration.report.unfinished import write_unfinished

if TYPE_CHECKING:
    from postmigration.deployment.recording import Recording

# Options with which pytest only tells something.
ASKING = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow", "collectonly")
# Plugins of sessions that judge worlds of their own, and write no report.
_RUNNERS = ("postmigration.gate.mutation.runner", "postmigration.gate.mutation.planting")
_INTERRUPTED = "it was interrupted"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Start:
    """The report of a run that has started: nobody else writes it, and it says that the run did not finish.

    Args:
        config: pytest's.
        files: where the report stands.

    Raises:
        CannotJudge: another run writes it, or it cannot be written.
    """

    def __init__(self, config: pytest.Config, files: Files) -> None:
        self.files = files
        self.time = datetime.datetime.now(datetime.UTC)
        # Set by whoever has replaced it by the report of a run that has its verdict, or has told how the run ended.
        self.published = self.told = False
        # Why the run came to no verdict that could be published.
        self.reason = ""
        # The record that the run is to leave, once it is known that it judges something.
        self.recording: Recording | None = None
        self._read = self._written = False
        self._interruption = Interruption()
        self._claims: list[Claim] = []
        self._handlers: dict[signal.Signals, Any] = {}
        config.add_cleanup(self._end)
        try:
            # Those who write the same page, and those who write the same XML.
            for path in {path.with_suffix(""): path for path in (files.junit, files.html)}.values():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._claims.append(Claim(path))
            write_unfinished(files, self.time)
        except OSError as error:
            # Where there is no room even for this, nothing green may stay.
            for path in files[:-1]:
                with suppress(OSError):
                    path.resolve().unlink()
            raise CannotJudge(
                f"the report cannot be written to {error.filename or files.html} ({error.strerror}): "
                "name another with --html or --junit-xml"
            ) from None
        self._written = True
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        config.pluginmanager.register(self)
        config.pluginmanager.register(self._interruption)
        if config.args:
            self._take_call()

    def _take_call(self) -> None:
        """Notes that pytest has read how it was called: from now on it ends by itself when it is interrupted."""
        self._read = True
        for number in self._handlers:
            signal.signal(number, self._interruption.interrupt)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self) -> Generator[None, int | None, int | None]:
        """Ends a run that is interrupted in one way, at whatever moment that happens."""
        self._take_call()
        try:
            status = yield
        except KeyboardInterrupt:
            status = pytest.ExitCode.INTERRUPTED
        if status == pytest.ExitCode.INTERRUPTED:
            self._tell_interrupted()
        return status

    def ignore_interrupts(self) -> None:
        """Lets nothing but a kill end the run any more: it has its verdict, and all that it says must agree with it."""
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)

    def pytest_keyboard_interrupt(self) -> None:
        """Notes why there will be no verdict."""
        self.reason = _INTERRUPTED

    def _interrupt(self, *_: object) -> None:
        # Nothing catches KeyboardInterrupt yet, and an import may catch what it raises.
        raise SystemExit(int(pytest.ExitCode.INTERRUPTED))

    def _end(self) -> None:
        """Says in the report why the run came to no verdict, and leaves it to the next one."""
        error = sys.exc_info()[1]
        if isinstance(error, SystemExit) and not self._read:
            self._tell_interrupted()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._written and not self.published:
            try:
                write_unfinished(self.files, self.time, self.reason or _explain(error, called=self._read))
            except OSError:
                # Then it goes on saying that the run did not finish.
                self.published = False
        if self.recording is not None and (missing := self.recording.end(*self._conclude(error))):
            print(missing, file=sys.stderr)
        for claim in self._claims:
            claim.release()

    def _conclude(self, error: BaseException | None) -> tuple[int, str, str]:
        """What a run came to that has no verdict: the exit status, the word, and why."""
        why = self.reason or _explain(error, called=self._read)
        if why == _INTERRUPTED:
            return pytest.ExitCode.INTERRUPTED, "INTERRUPTED", why
        if isinstance(error, pytest.UsageError):
            return pytest.ExitCode.USAGE_ERROR, "ERROR", why
        return pytest.ExitCode.INTERNAL_ERROR, "ERROR", why or "it came to no verdict"

    def _tell_interrupted(self) -> None:
        """Says on the terminal that the run was interrupted, unless somebody has."""
        if not self.told:
            print("INTERRUPTED: nothing was judged", flush=True)
        self.told = True


START = pytest.StashKey[Start]()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Is called as soon as the plugin is named: by -p before the first conftest.py is imported."""
    config: pytest.Config | None = pluginmanager.get_plugin("pytestconfig")
    known = getattr(config, "known_args_namespace", None)
    # A worker of pytest-xdist writes nothing.
    if config is None or known is None or "PYTEST_XDIST_WORKER" in os.environ:
        return
    asking = any(getattr(known, name, False) for name in ASKING)
    checks = find_checks(config.rootpath)
    if asking or checks is None or set(known.plugins) & set(_RUNNERS):
        return
    if asks_for(_positional(config, known.file_or_dir), checks):
        start(config, *_find_report(config))


def start_late(config: pytest.Config) -> Start:
    """Starts once pytest has read all options, if nothing has been started before.

    Raises:
        pytest.UsageError: as `start`, or a plugin is lacking that the report needs.
    """
    for plugin, name in (("html", "htmlpath"), ("junitxml", "xmlpath")):
        if not hasattr(config.option, name):
            raise pytest.UsageError(
                f"the report needs pytest's plugin {plugin}: do not switch it off with -p no:{plugin}"
            )
    return start(config, config.option.htmlpath, config.option.xmlpath)


def start(config: pytest.Config, html: str | None, junit: str | None) -> Start:
    """Puts in the place of older reports that this run has not finished; only the first time that it is called.

    Args:
        html, junit: what the user named.

    Raises:
        pytest.UsageError: another run writes there, or nothing can be written there.
    """
    page = _locate(html or config.rootpath / "reports" / "validation.html")
    try:
        files = choose(page, _locate(junit) if junit else page.with_suffix(".xml"))
        if START not in config.stash or config.stash[START].files != files:
            config.stash[START] = Start(config, files)
    except CannotJudge as error:
        raise pytest.UsageError(str(error)) from None
    return config.stash[START]


def _locate(named: str | Path) -> Path:
    return Path(os.path.expandvars(named)).expanduser().absolute()


def asks_for(paths: Iterable[Path], checks: Path) -> bool:
    """Whether some of the paths that pytest is to collect from hold checks."""
    return any(path == checks or checks in path.parents or path in checks.parents for path in paths)


def _positional(config: pytest.Config, named: Iterable[str]) -> list[Path]:
    """What pytest will collect from, as far as that can be known before all options are."""
    directory = config.invocation_params.dir
    found = []
    for text in named:
        path = Path(os.path.normpath(directory / text.split("::")[0]))
        # The value of an option that is not known yet may stand here too.
        if path.is_dir() or path.suffix == ".py":
            found.append(path)
    if not found and directory == config.rootpath:
        found = [directory / path for path in config.getini("testpaths")]
    return found or [directory]


def _find_report(config: pytest.Config) -> tuple[str | None, str | None]:
    """Where the user wants the report; pytest-html may not have declared its option yet."""
    words = [*config.getini("addopts"), *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--html")
    parser.add_argument("--junit-xml", "--junitxml")
    try:
        known, _ = parser.parse_known_args([*words, *map(str, config.invocation_params.args)])
    except argparse.ArgumentError:
        # One of them lacks its value; pytest is about to say so.
        return None, None
    return known.html, known.junit_xml


def _explain(error: BaseException | None, *, called: bool) -> str:
    """Why a run came to no verdict, without what may be a password.

    Args:
        error: what ended it.
        called: pytest understood how it was called.
    """
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return _INTERRUPTED
    if error is None:
        return ""
    if not isinstance(error, pytest.UsageError):
        cause = getattr(error, "cause", error)
        return f"{type(cause).__name__} before anything was judged"
    words = " ".join(" ".join(map(str, error.args)).split())
    if called:
        return words
    # What pytest did not understand may be an address, or the value of a mistyped option.
    head, named, rest = words.partition("arguments:")
    options = [word.partition("=")[0] for word in rest.split() if word.startswith("--")]
    return re.sub(r"(--[\w-]+=)\S+|\S*://\S*", r"\1…", head) + named + "".join(f" {option}" for option in options)
