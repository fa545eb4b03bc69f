"""What only the library knows."""

import pytest

from postmigration import Target


@pytest.mark.plan(1, group="Members", title="Every number of a member can be printed on a card")
def test_numbers_fit_the_card(target: Target) -> None:
    """Every number is an M and at most seven digits.

    Impact: The printer of the cards cuts the number off, and the gate does not open.

    Likely causes: Numbers were made of something else than the former ids.

    Fix: Make the numbers that are named anew from the ids of the state before.
    """
    target.expect_none(
        "SELECT number FROM member WHERE number !~ '^M[0-9]{1,7}$'",
        statement="numbers that no card can hold",
        examined="SELECT count(*) FROM member",
        plain=["number"],
    )
