"""The engine: knows PostgreSQL and pytest, and nothing of the migration that it judges."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postmigration.errors import CannotJudge, NeedsBaseline, NotJudged
    from postmigration.evidence import Evidence, Finding, Violation
    from postmigration.migration import Conventions, Criterion, IntendedChange, Migration, OuterTable, Reference
    from postmigration.refusals import refused
    from postmigration.sql import written
    from postmigration.target import Target

__all__ = [
    "CannotJudge",
    "Conventions",
    "Criterion",
    "Evidence",
    "Finding",
    "IntendedChange",
    "Migration",
    "NeedsBaseline",
    "NotJudged",
    "OuterTable",
    "Reference",
    "Target",
    "Violation",
    "refused",
    "written",
]

_MODULES = {
    "errors": ("CannotJudge", "NeedsBaseline", "NotJudged"),
    "evidence": ("Evidence", "Finding", "Violation"),
    "migration": ("Conventions", "Criterion", "IntendedChange", "Migration", "OuterTable", "Reference"),
    "refusals": ("refused",),
    "sql": ("written",),
    "target": ("Target",),
}


def __getattr__(name: str) -> Any:
    """Imports a name when somebody first needs it: what starts a run must not wait for all of the engine."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
