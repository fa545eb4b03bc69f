"""All that makes the reference plan ready: records of a whole deployment, and the signatures that it needs."""

from __future__ import annotations

from collections.abc import Sequence

from fixtures import MIGRATION
from postmigration.deployment.evaluation import Asked, Plan
from postmigration.deployment.records.record import Check, Record, Step
from postmigration.deployment.signoffs import Signoff
from postmigration.model.migration import PHASES, Phase, Window
from selftest.deployment.plans import DUMP, HOUR, STEPS, judge, live, rehearse, verify, watch
from selftest.deployment.records import NOON, make

_SECOND = Step(title="the migration, a second time", outcome="passed", seconds=4)
_JUDGED = Step(title="the migrated copy, judged", outcome="passed", judged=162)
WINDOW = Window(begins=NOON + 4 * HOUR, ends=NOON + 12 * HOUR)


def _list_checks() -> tuple[Check, ...]:
    """The checks that the plan names, all passed."""
    names = dict.fromkeys(name for item in MIGRATION.criteria for name in item.decided_by)
    return tuple(
        Check(nodeid=f"tests/plan.py::test_{name}", plan=name, group="plan", title=f"check {name}", outcome="passed")
        if isinstance(name, int)
        else Check(nodeid=f"tests/more.py::test_{name}", plan=None, group=name, title=name, outcome="passed")
        for name in names
    )


CHECKS = _list_checks()
BEFORE = (rehearse(steps=(*STEPS[:1], _JUDGED, _SECOND, *STEPS[1:])), make(checks=CHECKS, backup=DUMP), verify())
DURING = (verify(250), live(300, checks=CHECKS, backup=DUMP))
AFTER = (live(1_800, checks=CHECKS, backup=DUMP), watch(310))


def sign(until: Phase = "after") -> list[Signoff]:
    """A signature of each point of the plan that needs one, until the end of a phase."""
    last = PHASES.index(until)
    return [
        Signoff(
            item=item.name,
            text=item.text,
            who=f"Ann Example, {item.role}",
            when=NOON + (6 if item.phase == "after" else 2) * HOUR,
            words="seen and done",
        )
        for item in MIGRATION.criteria
        if item.needs_signature and PHASES.index(item.phase) <= last
    ]


def deploy(records: Sequence[Record], signed: Sequence[Signoff], asked: Asked, hours: float) -> Plan:
    """Judges the reference plan, so many hours after noon."""
    return judge(
        records,
        signed,
        asked=asked,
        plan=MIGRATION.criteria,
        now=NOON + hours * HOUR,
        window=WINDOW,
        name=MIGRATION.name,
    )
