"""The reference plan is whole: each line of the deployment plan has its point, and something decides each."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.deployment.evaluation import Asked
from postmigration.deployment.plan_file import refuse_unclear
from postmigration.deployment.records.record import Record
from postmigration.model.migration import PHASES, Criterion
from postmigration.rehearsal import plan as rehearsal
from selftest.deployment.reference import AFTER, BEFORE, DURING, deploy, sign

# Each line of the deployment plan, in its order, and the points that stand for it.
REQUIRED = {
    "pre-deployment, development": "development-schema development-data development-services development-pages "
    "development-checks development-documentation",
    "pre-deployment, staging": "staging-scripts staging-schema staging-data staging-application staging-integration "
    "staging-acceptance",
    "pre-deployment, production": "preparation-backup rollback-selective rollback-schema preparation-window "
    "communication-schedule preparation-dashboards",
    "staging: database migration": "staging-schema staging-data",
    "staging: application deployment": "staging-application",
    "staging: validation": "staging-validated staging-services",
    "staging: manual testing": "by-hand-organization by-hand-contact by-hand-project by-hand-contact-point "
    "by-hand-existing-project by-hand-search by-hand-workflow",
    "production: backup": "production-backup",
    "production: database migration": "production-schema production-data",
    "production: application deployment": "production-application",
    "production: validation": "production-validated production-services production-errors production-users",
    "rollback: application": "rollback-application",
    "rollback: data": "rollback-restore rollback-selective",
    "rollback: schema": "rollback-schema",
    "monitoring: database": "monitoring-statements monitoring-connections monitoring-indexes monitoring-locks",
    "monitoring: application": "monitoring-responses monitoring-errors monitoring-sessions monitoring-features",
    "monitoring: business": "monitoring-organizations monitoring-projects monitoring-adoption monitoring-tickets",
    "monitoring: dashboards": "preparation-dashboards monitoring-statements",
    "success: technical": "success-migrations success-application success-checks success-speed success-no-errors",
    "success: business": "success-one-organization success-staff-work success-existing-projects success-adoption "
    "success-tickets",
    "risks: high": "risk-loss risk-slow risk-confusion",
    "risks: medium": "risk-rollback risk-integration",
    "risks: low": "risk-adoption risk-pages",
    "communication: before": "communication-schedule communication-training communication-documentation",
    "communication: during": "communication-issues communication-status",
    "communication: after": "communication-confirmed communication-problems communication-feedback "
    "communication-improvements",
    "timeline: staging": "staging-duration staging-available staging-validated",
    "timeline: production": "production-duration preparation-window production-validated monitoring-statements",
    "follow-up: 24 hours": "day-log day-errors day-functions day-issues",
    "follow-up: 7 days": "week-feedback week-adoption week-bugs week-documentation",
    "follow-up: 4 weeks": "month-usage month-improvements month-training month-lessons",
}
PLANNED = {
    "staging-duration": (2, 4),
    "staging-validated": (1, 2),
    "production-duration": (4, 6),
    "production-validated": (2, 3),
}
POINTS = {item.name: item for item in MIGRATION.criteria}


def _list_gaps(points: dict[str, Criterion]) -> list[str]:
    """What a plan lacks of what it has to be."""
    missing = [f"{line}: {name}" for line, names in REQUIRED.items() for name in names.split() if name not in points]
    nobody = [name for name, item in points.items() if item.needs_signature and not item.role]
    undecided = [
        name for name, item in points.items() if not (item.decided_by or item.proven_by or item.needs_signature)
    ]
    unnamed = [name for name, item in points.items() if not item.id or not item.role]
    late = [name for name, item in points.items() if item.phase == "after" and item.due_hours is None]
    return [*missing, *nobody, *undecided, *unnamed, *late]


def test_each_line_of_the_plan_has_its_point() -> None:
    assert _list_gaps(POINTS) == []
    refuse_unclear(MIGRATION.criteria, "fixtures")
    assert {item.phase for item in POINTS.values()} == set(PHASES)
    assert len(PLANNED) == 4
    assert {name: POINTS[name].hours for name in PLANNED} == PLANNED
    assert [proof.lasts_hours for proof in POINTS["monitoring-statements"].proven_by] == [48]


def test_a_plan_that_lacks_a_line_is_found_out() -> None:
    gone = {name: item for name, item in POINTS.items() if name not in ("staging-acceptance", "month-training")}
    assert _list_gaps(gone) == ["pre-deployment, staging: staging-acceptance", "follow-up: 4 weeks: month-training"]
    assert _list_gaps({**POINTS, "x": Criterion("A", "Somebody does it.", phase="after")}) == ["x"] * 3


def test_it_names_steps_that_a_rehearsal_has() -> None:
    source = Path(rehearsal.__file__).read_text()
    named = {step for item in POINTS.values() for proof in item.proven_by for step in proof.steps}
    assert len(named) > 4
    assert {step for step in named if f'"{step}"' not in source} == set()


def test_it_names_what_replaces_what_does_not_work() -> None:
    replaced = {name: item.replaces for name, item in POINTS.items() if item.replaces}
    assert {"preparation-dashboards", "rollback-selective", "rollback-schema", "rollback-restore"} <= set(replaced)
    assert "total_exec_time" in replaced["preparation-dashboards"]
    assert re.search(r"fixtures/rollback/1_data\.sql", replaced["rollback-selective"])


@pytest.mark.parametrize(
    ("asked", "records", "hours"),
    [
        ("production", BEFORE, 3),
        ("after", (*BEFORE, *DURING), 6),
        ("done", (*BEFORE, *DURING, *AFTER), 60),
    ],
)
def test_a_deployment_that_goes_well_is_ready_for_each_phase(
    asked: Asked, records: Sequence[Record], hours: float
) -> None:
    plan = deploy(records, sign(), asked, hours)
    assert [(item.criterion.name, item.reasons) for item in plan.blocking] == []
    assert plan.ready
    assert not deploy(records[:-1], sign(), asked, hours).ready
    # Each signature is needed.
    lacking = deploy(records, [], asked, hours)
    assert {item.criterion.name for item in lacking.blocking} == {
        item.criterion.name for item in lacking.required if item.criterion.needs_signature
    }
