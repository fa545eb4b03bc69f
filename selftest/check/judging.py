"""Any two databases judged by the built-in checks, in this process and without a run of pytest for each."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import signature

import postmigration.checks.builtin
from postmigration import Target
from postmigration.checks.builtin import MIGRATION
from postmigration.checks.declared import test_changes
from postmigration.gate import options
from postmigration.gate.session import open_session
from postmigration.model.errors import NeedsBaseline, NotApplicable, NotJudged
from postmigration.model.evidence import Evidence, Violation
from postmigration.model.migration import Migration


@dataclass
class Verdict:
    """What the built-in checks said of a pair.

    Args:
        evidence: what each check gathered, by its name.
        unjudged: why each could not judge, for those that could not.
    """

    evidence: dict[str, Evidence] = field(default_factory=dict)
    unjudged: dict[str, str] = field(default_factory=dict)

    def red(self) -> set[str]:
        """The checks that found a blocker."""
        return {name for name, evidence in self.evidence.items() if evidence.blockers}

    def yellow(self) -> set[str]:
        """The checks that found a warning."""
        return {name for name, evidence in self.evidence.items() if evidence.warnings}

    def words(self, severity: str) -> list[str]:
        """What all findings of a severity say, and all notes for `told`."""
        if severity == "told":
            return [note for evidence in self.evidence.values() for note in evidence.notes]
        return [f.statement for e in self.evidence.values() for f in e.findings if f.severity == severity]

    def repairs(self, severity: str) -> list[str]:
        """The SQL that brings back what the findings of a severity name."""
        return [f.repair for e in self.evidence.values() for f in e.findings if f.severity == severity]


def find_checks() -> Iterator[tuple[str, Callable[..., None]]]:
    """The built-in checks, by their names."""
    package = postmigration.checks.builtin
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_"):
            for name, function in vars(importlib.import_module(f"{package.__name__}.{module.name}")).items():
                if name.startswith("test_") and callable(function):
                    yield name, function


def judge(
    before: str,
    after: str,
    *called: str,
    only: Collection[str] = (),
    migration: Migration = MIGRATION,
    more: Mapping[str, Callable[[Target], None]] | None = None,
) -> Verdict:
    """Judges a database by all built-in checks of any two databases, and of the changes that are declared.

    Args:
        before: the connection string, or the file, of the baseline; empty for none.
        after: the connection string of the database that is judged.
        called: further options as a user gives them.
        only: the modules whose checks are run; all where it is empty.
        migration: what is declared.
        more: further checks, by their names.
    """
    parser = argparse.ArgumentParser()
    options.declare(parser.add_argument)
    named = [f"--db-url={after}", *([f"--baseline={before}"] if before else []), "--allow-empty"]
    chosen = parser.parse_args([*named, *called])
    run = open_session(options.request(chosen), options.judging(chosen, migration.plan_checks), migration)
    verdict = Verdict()
    with run.cleanup:
        changes = [("declared changes", test_changes.test_declared_changes_happened)] if migration.changes else []
        for name, check in (*find_checks(), *changes, *(more or {}).items()):
            if only and name not in (more or {}) and check.__module__.rpartition(".")[2] not in only:
                continue
            target = run.view()
            try:
                # What a project declares of a table is asked of it elsewhere.
                check(target, *[""] * (len(signature(check).parameters) - 1))
                target.conclude()
            except Violation:
                pass
            except (NotApplicable, NeedsBaseline, NotJudged) as reason:
                verdict.unjudged[name] = str(reason)
                continue
            verdict.evidence[name] = target.evidence
    return verdict
