"""Who sees which rows and may do what."""

from typing import TYPE_CHECKING

from postmigration.public_names import find_names

if TYPE_CHECKING:
    from postmigration.access.attempts import CURSOR, Attempt, Tried, try_all
    from postmigration.access.policies import read_policies
    from postmigration.access.principals import (
        ANONYMOUS,
        WITHOUT_PROFILE,
        Actor,
        Kind,
        acting,
        find_other_role,
        insert_unchecked,
        require_roles,
    )
    from postmigration.access.side_channels import Guarded, describe_disclosures, find_disclosures

__all__ = [
    "ANONYMOUS",
    "CURSOR",
    "WITHOUT_PROFILE",
    "Actor",
    "Attempt",
    "Guarded",
    "Kind",
    "Tried",
    "acting",
    "describe_disclosures",
    "find_disclosures",
    "find_other_role",
    "insert_unchecked",
    "read_policies",
    "require_roles",
    "try_all",
]

__getattr__ = find_names(
    __name__,
    {
        "access.attempts": ("CURSOR", "Attempt", "Tried", "try_all"),
        "access.policies": ("read_policies",),
        "access.principals": (
            *("ANONYMOUS", "WITHOUT_PROFILE", "Actor", "Kind", "acting", "find_other_role"),
            *("insert_unchecked", "require_roles"),
        ),
        "access.side_channels": ("Guarded", "describe_disclosures", "find_disclosures"),
    },
)
