"""All checks that a project has, whatever the options of a run leave out."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postmigration.gate.check_result import plan_of
from postmigration.gate.join_built_in import collect

# pytest's settings that decide what is a check, and what they are where a project says nothing.
_SETTINGS = {
    "python_files": ["test_*.py", "*_test.py"],
    "python_functions": ["test"],
    "python_classes": ["Test"],
    "norecursedirs": [".*"],
}


class Checks(NamedTuple):
    """The checks that apply to a run.

    Args:
        items: by their id, in the order of their files.
        unread: ids of files of checks that could not be read.
    """

    items: dict[str, pytest.Item]
    unread: list[str]

    @property
    def ids(self) -> list[str]:
        """What must come to a result each; a file that could not be read stands for its checks."""
        return [*self.items, *self.unread]


def collect_all(session: pytest.Session, directory: Path) -> Checks:
    """Collects the checks of a project and the built-in ones once more, without what a user chose to leave out.

    Those that need a backup do not apply where none is named.

    Args:
        session: pytest's.
        directory: where the checks are, in the root directory of the session.
    """
    config, manager = session.config, session.config.pluginmanager
    # Only pytest itself: other plugins leave out files, those without failures in the last run (--lf) for example.
    others = [plugin for plugin in manager.get_plugins() if plugin is not manager.get_plugin("runner")]
    report_of = manager.subset_hook_caller("pytest_make_collect_report", others)
    checks = Checks({}, [])

    def walk(node: pytest.Item | pytest.Collector) -> Iterator[pytest.Item]:
        if isinstance(node, pytest.Item):
            yield node
            return
        report = report_of(collector=node)
        if not report.passed:
            checks.unread.append(node.nodeid)
        for child in report.result or ():
            yield from walk(child)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # The first collection has warned already.
        warnings.simplefilter("ignore")
        patch.setattr(config.option, "ignore", None)
        patch.setattr(config.option, "ignore_glob", None)
        if own := _find_replaced_settings(config):
            asked = config.getini
            patch.setattr(config, "getini", lambda name: own[name] if name in own else asked(name))
        for node in _nodes(session, directory):
            for item in walk(node):
                if config.option.backup or "backup" not in getattr(item, "fixturenames", ()):
                    checks.items[item.nodeid] = item
    return checks


def _nodes(session: pytest.Session, directory: Path) -> Iterator[pytest.Collector]:
    """The directory of the project's checks below those that it stands in, and the files of the built-in checks."""
    node: Any = session
    path = session.config.rootpath
    for part in directory.relative_to(path).parts:
        path /= part
        node = session.gethookproxy(path).pytest_collect_directory(path=path, parent=node)
    yield node
    yield from collect(session)


def find_miscounts(checks: Checks, plan_checks: int) -> str:
    """What is wrong with the numbers of the plan's checks, in words; empty where they are 1 to N, each once.

    Args:
        checks: all checks of the project.
        plan_checks: how many the plan has.
    """
    functions: dict[int, dict[str, None]] = {}
    for nodeid, item in checks.items.items():
        number = plan_of(item)[0]
        if number is not None:
            functions.setdefault(number, {})[nodeid.partition("[")[0]] = None
    wrong = [f"no check is number {number}" for number in range(1, plan_checks + 1) if number not in functions]
    for number, names in sorted(functions.items()):
        if not 1 <= number <= plan_checks:
            wrong.append(f"{next(iter(names))} is number {number}")
        if len(names) > 1:
            wrong.append(f"{' and '.join(names)} are all number {number}")
    return f"the plan has checks 1 to {plan_checks}, each once: {'; '.join(wrong)}" if wrong else ""


def _find_replaced_settings(config: pytest.Config) -> dict[str, list[str]]:
    """The project's own settings of what is a check, where the user replaced some of them; nothing otherwise."""
    option = config.option
    replaced = {text.partition("=")[0] for text in option.override_ini or ()}
    # Another file of settings beside the project's own goes first.
    if not (option.inifilename or replaced & _SETTINGS.keys()) and config.inipath == config.rootpath / "pyproject.toml":
        return {}
    settings = tomllib.loads((config.rootpath / "pyproject.toml").read_text(encoding="utf-8"))
    told = settings.get("tool", {}).get("pytest", {})
    told = told.get("ini_options", told)
    own = {name: told.get(name, default) for name, default in _SETTINGS.items()}
    return {name: value.split() if isinstance(value, str) else value for name, value in own.items()}
