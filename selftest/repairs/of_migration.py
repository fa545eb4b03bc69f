"""The faults of this migration: planted, repaired by what is printed, and judged again."""

from __future__ import annotations

from pathlib import Path

from postmigration.model.faults import Fault
from postmigration.postgres.embedded import run_script
from selftest.judging import Judges
from selftest.repairs.running import End, collect, try_repairs
from selftest.servers import Servers

# What is compared with the state before whatever the fault: there is one where this is measured.
_COMPARED = (
    "columns_are_as_before",
    "constraints_are_as_before",
    "indexes_are_as_before",
    "triggers_and_rules_fire",
    "row_level_security_is_as_before",
    "functions_do_what_they_did",
    "privileges_are_as_before",
    "the_database_is_open",
    "settings_are_as_before",
    "constraints_hold_for_every_row",
    "rows_are_those_of_before",
)


# Rows that were repaired may break what the plan asks of others.
_OF_ROWS = tuple(map(str, range(5, 17)))


def repair_fault(
    fault: Fault, servers: Servers, judges: Judges, directory: Path, *, thorough: bool = False
) -> tuple[End, list[str]]:
    """Plants a fault in a copy, runs what its findings print, and judges the copy again.

    Args:
        directory: where files of rows lie meanwhile.
        thorough: judge again by all checks, and not only by those that it turned red, those of the new model's rows,
            and those that compare with the state before.
    """
    ending = f"_{fault.size}" if fault.size else ""
    version = 15 if fault.needs_icu else 18
    server = servers.world(version, size=fault.size or 60, ending=ending)
    target, baseline = f"repaired{ending}", f"legacy{ending}"
    server.create(target, template=f"migrated{ending}")
    if fault.before:
        server.create("repaired_before", template=baseline)
        baseline = "repaired_before"
    try:
        with server.connect(baseline if fault.before else target) as connection:
            run_script(connection, fault.path)
        conninfos = {"baseline": server.conninfo(baseline), "target": server.conninfo(target)}
        severity = "blocker" if fault.red else "warning"
        first = list(dict.fromkeys([*sorted(fault.red | fault.warns, key=_place), *_COMPARED]))
        asked = conninfos["target"], conninfos["baseline"]
        results = judges.judge(*asked, options=fault.options, first=first, only=True)
        repairs = collect((finding for result in results for finding in result.evidence.findings), severity)

        again_by = list(dict.fromkeys([*first, *_OF_ROWS]))

        def is_well() -> bool:
            again = judges.judge(
                *asked,
                options=fault.options,
                first=again_by,
                only=not thorough,
                until_red=True,
            )
            warned = [
                finding
                for result in again
                if result.check in fault.warns
                for finding in result.evidence.warnings
                if fault.says in finding.statement
            ]
            return not any(result.outcome in ("failed", "broken") for result in again) and not warned

        return try_repairs(repairs, conninfos, directory, is_well)
    finally:
        server.drop(target)
        if fault.before:
            server.drop("repaired_before")


def _place(check: str) -> tuple[int, str]:
    """Where a check stands in the report: those of the plan first."""
    return (int(check), "") if check.isdigit() else (1_000, check)
