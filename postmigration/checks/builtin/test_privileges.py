"""Roles may do what they might, and strangers no more."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.object_checks import report_objects


def test_privileges_are_as_before(target: Target) -> None:
    """Every role may do what it might on every object, and strangers no more.

    Impact: The application is refused what it needs, or rows lie open to anybody.

    Likely causes: Restored without privileges; or the default privileges of the new server gave more than the
    grants of before take away.

    Fix: GRANT what was lost and REVOKE what was gained, as each finding names it.
    """
    report_objects(target, "privileges")


def test_default_privileges_are_as_before(target: Target) -> None:
    """What is created from now on is granted to whom it was before.

    Impact: The next table of the next release can be read by nobody, or by everybody.

    Likely causes: ALTER DEFAULT PRIVILEGES belongs to a role, and the one that creates tables is another now.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "default_privileges")


def test_owners_are_as_before(target: Target) -> None:
    """Everything belongs to whom it belonged.

    Impact: The owner passes row-level security, and alone may alter or drop it; views and SECURITY DEFINER
    functions run with its rights.

    Likely causes: Restored by another role, with --no-owner.

    Fix: ALTER … OWNER TO, or REASSIGN OWNED.
    """
    report_objects(target, "owners")


def test_roles_are_as_before(target: Target) -> None:
    """Roles that own or hold something here have the attributes and memberships that they had.

    Impact: A role cannot log in or act for another, or passes by row-level security.

    Likely causes: Roles belong to the server and are not in a dump of one database.

    Fix: Run the statement that each finding names.
    """
    report_objects(target, "roles")
