"""The engine: knows PostgreSQL and pytest, and nothing of the migration that it judges."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postmigration.checks.target import Target
    from postmigration.model.errors import CannotJudge, NeedsBaseline, NotApplicable, NotJudged
    from postmigration.model.evidence import Evidence, Finding, Violation
    from postmigration.model.migration import Conventions, Criterion, IntendedChange, Migration, OuterTable, Reference
    from postmigration.model.sqltext import written
    from postmigration.postgres.refusals import refused

__all__ = [
    "CannotJudge",
    "Conventions",
    "Criterion",
    "Evidence",
    "Finding",
    "IntendedChange",
    "Migration",
    "NeedsBaseline",
    "NotApplicable",
    "NotJudged",
    "OuterTable",
    "Reference",
    "Target",
    "Violation",
    "refused",
    "written",
]

_MODULES = {
    "model.errors": ("CannotJudge", "NeedsBaseline", "NotApplicable", "NotJudged"),
    "model.evidence": ("Evidence", "Finding", "Violation"),
    "model.migration": ("Conventions", "Criterion", "IntendedChange", "Migration", "OuterTable", "Reference"),
    "postgres.refusals": ("refused",),
    "model.sqltext": ("written",),
    "checks.target": ("Target",),
}


def __getattr__(name: str) -> Any:
    """Imports a name when somebody first needs it: what starts a run must not wait for all of the engine."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
