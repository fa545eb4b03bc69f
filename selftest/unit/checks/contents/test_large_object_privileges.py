"""Who may do what with each large object, before and now."""

import pytest

from postmigration.checks.contents import large_object_privileges
from postmigration.checks.contents.examination import Examination
from postmigration.checks.contents.large_object_privileges import compare_privileges
from postmigration.model.evidence import Finding
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill

# Predefined roles are on every server, and nobody's in particular.
OBJECTS = "SELECT lo_create(7001), lo_create(7002); GRANT SELECT ON LARGE OBJECT 7001 TO pg_monitor;"


def compare(before: Snapshot, after: Snapshot) -> list[Finding]:
    found = Examination()
    compare_privileges(before, after, found)
    return found.findings


@pytest.mark.parametrize(
    ("change", "statement", "severity", "repair"),
    [
        (
            "REVOKE SELECT ON LARGE OBJECT 7001 FROM pg_monitor",
            "large objects: pg_monitor no longer has SELECT on 1 object",
            "blocker",
            "GRANT SELECT ON LARGE OBJECT 7001 TO pg_monitor;",
        ),
        (
            "GRANT UPDATE ON LARGE OBJECT 7001, 7002 TO PUBLIC",
            "large objects: PUBLIC now has UPDATE on 2 objects",
            "blocker",
            "REVOKE UPDATE ON LARGE OBJECT 7001 FROM PUBLIC;\nREVOKE UPDATE ON LARGE OBJECT 7002 FROM PUBLIC;",
        ),
        (
            "GRANT SELECT ON LARGE OBJECT 7002 TO pg_monitor",
            "large objects: pg_monitor now has SELECT on 1 object",
            "warning",
            "REVOKE SELECT ON LARGE OBJECT 7002 FROM pg_monitor;",
        ),
    ],
    ids=["lost", "everybody", "somebody"],
)
def test_a_privilege_that_differs_is_found_with_what_undoes_it(
    was: Fill, now: Fill, change: str, statement: str, severity: str, repair: str
) -> None:
    (finding,) = compare(was(OBJECTS), now(OBJECTS, change))
    assert (finding.statement, finding.severity, finding.repair) == (statement, severity, repair)


def test_who_has_it_by_another_way_has_lost_nothing(was: Fill, now: Fill) -> None:
    by_membership = (
        "REVOKE SELECT ON LARGE OBJECT 7001 FROM pg_monitor;GRANT SELECT ON LARGE OBJECT 7001 TO pg_stat_scan_tables"
    )
    assert [finding.statement for finding in compare(was(OBJECTS), now(OBJECTS, by_membership))] == [
        "large objects: pg_stat_scan_tables now has SELECT on 1 object"
    ]


def test_another_owner_is_told(was: Fill, now: Fill) -> None:
    change = "ALTER LARGE OBJECT 7002 OWNER TO pg_database_owner"
    assert [(f.statement, f.severity, f.rows) for f in compare(was(OBJECTS), now(OBJECTS, change))] == [
        ("large objects: 1 object has another owner", "warning", (("7002",),))
    ]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes more objects than differences of privileges are listed."""
    monkeypatch.setattr(large_object_privileges, "_MOST", 4)
    return "SELECT lo_create(8000 + g) FROM generate_series(1, 6) g"


def test_objects_that_one_side_lacks_are_left_out(was: Fill, now: Fill, many: str) -> None:
    assert compare(was(OBJECTS, many), now("SELECT lo_create(7002), lo_create(7003)")) == []


def test_many_new_objects_hide_no_privilege_of_an_old_one(was: Fill, now: Fill, many: str) -> None:
    change = "REVOKE SELECT ON LARGE OBJECT 7001 FROM pg_monitor; GRANT SELECT ON LARGE OBJECT 7002 TO PUBLIC"
    assert {finding.statement for finding in compare(was(OBJECTS), now(OBJECTS, many, change))} == {
        "large objects: pg_monitor no longer has SELECT on 1 object",
        "large objects: PUBLIC now has SELECT on 1 object",
    }
