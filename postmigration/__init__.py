"""The engine: knows PostgreSQL and pytest, and nothing of the migration that it judges."""

from typing import TYPE_CHECKING

from postmigration.public_names import find_names

if TYPE_CHECKING:
    from postmigration.checks.assertions import Target
    from postmigration.diff.row_sets import DifferenceKind
    from postmigration.model.comparison import RowComparison
    from postmigration.model.errors import CannotJudge, NeedsBaseline, NotApplicable, NotJudged
    from postmigration.model.evidence import Evidence, Finding, Severity, Subject, Violation
    from postmigration.model.migration import Conventions, Criterion, Metric, Migration, OuterTable, Proof, Reference
    from postmigration.model.sqltext import write_literals
    from postmigration.postgres.catalog import Table
    from postmigration.postgres.refusals import describe_refusal, find_refusal, refusal

__all__ = [
    "CannotJudge",
    "Conventions",
    "Criterion",
    "DifferenceKind",
    "Evidence",
    "Finding",
    "Metric",
    "Migration",
    "NeedsBaseline",
    "NotApplicable",
    "NotJudged",
    "OuterTable",
    "Proof",
    "Reference",
    "RowComparison",
    "Severity",
    "Subject",
    "Table",
    "Target",
    "Violation",
    "describe_refusal",
    "find_refusal",
    "refusal",
    "write_literals",
]

__getattr__ = find_names(
    __name__,
    {
        "checks.assertions": ("Target",),
        "diff.row_sets": ("DifferenceKind",),
        "model.comparison": ("RowComparison",),
        "model.errors": ("CannotJudge", "NeedsBaseline", "NotApplicable", "NotJudged"),
        "model.evidence": ("Evidence", "Finding", "Severity", "Subject", "Violation"),
        "model.migration": ("Conventions", "Criterion", "Metric", "Migration", "OuterTable", "Proof", "Reference"),
        "model.sqltext": ("write_literals",),
        "postgres.catalog": ("Table",),
        "postgres.refusals": ("refusal", "find_refusal", "describe_refusal"),
    },
)
