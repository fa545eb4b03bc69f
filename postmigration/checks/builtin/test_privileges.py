"""Roles may do what they might, and strangers no more."""

from __future__ import annotations

import pytest

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


@pytest.mark.secondary
def test_functions_show_what_their_callers_may_read(target: Target) -> None:
    """No function with the rights of a superuser shows a role of an API tables that this role may not read.

    Impact: Whoever may call it reads what privileges and row-level security keep from them.

    Likely causes: SECURITY DEFINER functions of another owner belong to the superuser who restored them; EXECUTE is
    granted to everybody where nobody takes it back.

    Fix: Give it to an owner who may read no more than it has to, or REVOKE EXECUTE from PUBLIC and from the roles of
    the API.
    """
    report_objects(target, "definers")


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
