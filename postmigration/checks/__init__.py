"""What a check can state; `postmigration.Target` has the rest of it."""

from typing import TYPE_CHECKING

from postmigration.public_names import find_names

if TYPE_CHECKING:
    from postmigration.checks.access import (
        expect_fast_for,
        expect_new,
        expect_no_new_facts,
        expect_nothing,
        expect_recognized,
        expect_refused,
        expect_same_to,
        expect_seen,
        expect_seen_as_before,
        suspect_seen,
        suspect_seen_as_before,
    )

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

__getattr__ = find_names(__name__, {"checks.access": __all__})
