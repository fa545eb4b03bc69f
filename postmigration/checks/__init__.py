"""What a check can state; `postmigration.Target` has the rest of it."""

from typing import TYPE_CHECKING

from postmigration.public_names import find_names

if TYPE_CHECKING:
    from postmigration.checks.access import (
        expect_fast_for,
        expect_nothing,
        expect_recognized,
        expect_refused,
        expect_same_to,
        expect_seen,
        expect_seen_as_before,
        suspect_seen,
        suspect_seen_as_before,
    )
    from postmigration.checks.new_facts import expect_new, expect_no_new_facts

__all__ = [
    "expect_fast_for",
    "expect_new",
    "expect_no_new_facts",
    "expect_nothing",
    "expect_recognized",
    "expect_refused",
    "expect_same_to",
    "expect_seen",
    "expect_seen_as_before",
    "suspect_seen",
    "suspect_seen_as_before",
]

_NEW = ["expect_new", "expect_no_new_facts"]
__getattr__ = find_names(
    __name__, {"checks.access": [name for name in __all__ if name not in _NEW], "checks.new_facts": _NEW}
)
