"""What the deployment plan asks for besides its checks, and what the checks decide of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from postmigration.model.migration import Criterion
from postmigration.model.verdict import Result
from postmigration.report.validation import Validation

Decision = Literal["met", "not met", "not judged", "for a person"]


class Ended(Protocol):
    """How a check ended, as a run or a record of it says."""

    @property
    def nodeid(self) -> str:
        """Where the check stands."""

    @property
    def plan(self) -> int | None:
        """Its number in the plan."""

    @property
    def group(self) -> str:
        """Its group, or its family."""

    @property
    def outcome(self) -> str:
        """How it ended."""

    @property
    def warned(self) -> bool:
        """It has warnings."""

    @property
    def codes(self) -> Collection[str]:
        """The codes of its blockers."""


@dataclass(frozen=True)
class _Ended:
    nodeid: str
    plan: int | None
    group: str
    outcome: str
    warned: bool
    codes: Collection[str]


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


def judge(validation: Validation) -> list[Judged]:
    """The criteria of the plan, with what the validation decides of them."""
    ended = [*map(_describe, validation.results), *describe_omitted(validation)]
    judged = []
    for criterion in validation.migration.criteria:
        decision, deciding = decide(criterion, ended)
        judged.append(Judged(criterion.section, criterion.text, decision, deciding, criterion.how))
    return judged


def _describe(result: Result) -> _Ended:
    codes = {finding.code for finding in result.evidence.blockers}
    warned = bool(result.evidence.warnings)
    return _Ended(result.nodeid, result.plan, result.group, result.outcome, warned, codes)


def describe_omitted(validation: Validation) -> Iterator[Ended]:
    """The checks that were left out: without them nothing is decided of their group, and of other cases of them."""
    plans = {result.nodeid.partition("[")[0]: result.plan for result in validation.results}
    for nodeid in validation.omitted:
        group = nodeid.partition("::")[0].rpartition("/")[2].removeprefix("test_").removesuffix(".py")
        yield _Ended(nodeid, plans.get(nodeid.partition("[")[0]), group, "not judged", False, ())


def decide(criterion: Criterion, ended: Sequence[Ended]) -> tuple[Decision, tuple[str, ...]]:
    """Decides a criterion by how the checks ended.

    Returns:
        What was decided, and the ids of the checks that decide it.
    """
    deciding = [check for check in ended if any(_is(check, name) for name in criterion.decided_by)]
    missing = [name for name in criterion.decided_by if not any(_is(check, name) for check in deciding)]
    outcomes = {_outcome(check, criterion) for check in deciding}
    decision: Decision = "met"
    if not criterion.decided_by:
        decision = "for a person"
    elif outcomes & {"failed", "broken"} or (criterion.by_warnings and any(check.warned for check in deciding)):
        decision = "not met"
    # Of what does not apply nothing was looked at.
    elif missing or outcomes & {"not judged", "left out"} or "passed" not in outcomes:
        decision = "not judged"
    return decision, tuple(check.nodeid for check in deciding)


def _outcome(check: Ended, criterion: Criterion) -> str:
    """How a check ended, as far as it concerns the criterion."""
    aside = check.outcome == "failed" and criterion.codes and not set(check.codes) & set(criterion.codes)
    return "passed" if aside else check.outcome


def _is(check: Ended, name: int | str) -> bool:
    """Whether a check is meant by a number of the plan, the name of its function or case, or that of its group."""
    if isinstance(name, int):
        return check.plan == name
    case = check.nodeid.rpartition("::")[2].removeprefix("test_")
    return name in (case, case.partition("[")[0]) or (check.plan is None and check.group == name)
