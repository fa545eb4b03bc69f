"""The engine: knows PostgreSQL and pytest, and nothing of the migration that it judges."""

from postmigration.database import refused
from postmigration.errors import CannotJudge, NeedsBaseline, NotJudged
from postmigration.evidence import Evidence, Finding, Violation
from postmigration.migration import Conventions, Criterion, IntendedChange, Migration, OuterTable, Reference
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
