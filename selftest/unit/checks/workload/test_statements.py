import pytest

from postmigration.checks.workload.statements import Refusal


@pytest.mark.parametrize(
    ("state", "hinders"),
    [
        ("", True),  # the server was not asked
        ("57014", True),  # a timeout
        ("55P03", True),  # a lock
        ("55006", False),
        ("53200", True),  # no memory
        ("42P01", False),  # no such table
        ("42501", False),  # no privilege
    ],
)
def test_a_refusal_that_is_not_of_the_statement_tells_nothing_of_it(state: str, hinders: bool) -> None:
    assert Refusal(state, "why").hinders is hinders
