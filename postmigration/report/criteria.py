"""What the deployment plan asks for besides its checks, and what the checks decide of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from postmigration.model.migration import Criterion
from postmigration.model.verdict import Outcome, Result
from postmigration.report.record import Record

Decision = Literal["met", "not met", "not judged", "for a person"]


@dataclass(frozen=True)
class Judged:
    """A criterion of the plan with what was decided of it.

    Args:
        section: where in the plan it stands.
        text: what it asks for.
        decision: `for a person` where no check can decide it.
        decided_by: ids of the checks that decide it.
        how: what else a person does for it.
    """

    section: str
    text: str
    decision: Decision
    decided_by: tuple[str, ...]
    how: str


def judge(record: Record) -> list[Judged]:
    """The criteria of the plan, with what the record decides of them."""
    return [_judge(criterion, record) for criterion in record.migration.criteria]


def _judge(criterion: Criterion, record: Record) -> Judged:
    deciding = [result for result in record.results if any(_is(result, name) for name in criterion.decided_by)]
    missing = [name for name in criterion.decided_by if not any(_is(result, name) for result in deciding)]
    outcomes = {_outcome(result, criterion) for result in deciding}
    decision: Decision = "met"
    if not criterion.decided_by:
        decision = "for a person"
    elif outcomes & {"failed", "broken"} or (criterion.by_warnings and any(r.evidence.warnings for r in deciding)):
        decision = "not met"
    elif missing or "not judged" in outcomes:
        decision = "not judged"
    ids = tuple(result.nodeid for result in deciding)
    return Judged(criterion.section, criterion.text, decision, ids, criterion.how)


def _outcome(result: Result, criterion: Criterion) -> Outcome:
    """How a check ended, as far as it concerns the criterion."""
    codes = {finding.code for finding in result.evidence.blockers}
    aside = result.outcome == "failed" and criterion.codes and not codes & set(criterion.codes)
    return "passed" if aside else result.outcome


def _is(result: Result, name: int | str) -> bool:
    """Whether a check is meant by a number of the plan, the name of its function or case, or that of its group."""
    if isinstance(name, int):
        return result.plan == name
    case = result.nodeid.rpartition("::")[2].removeprefix("test_")
    return name in (case, case.partition("[")[0]) or (result.plan is None and result.group == name)
