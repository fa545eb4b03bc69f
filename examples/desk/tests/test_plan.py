"""What became of who answers: the new key has nothing to do with the former name, so that a check says it."""

import pytest

from postmigration import RowComparison, Target


@pytest.mark.plan(1, group="Tickets", title="Every ticket is answered by whom it named")
def test_tickets_have_their_agents(target: Target) -> None:
    """The agent of every ticket bears the name that the ticket held.

    Impact: Questions are answered by somebody who knows nothing of them, or by nobody.

    Likely causes: Names were joined without regard to case, or the script ran before the last tickets came.

    Fix: Set agent_id of the tickets that are named anew from assignee of the state before.
    """
    target.expect_same(
        RowComparison(
            "SELECT id, nullif(assignee, '') AS agent FROM desk_ticket",
            "SELECT t.id, a.name AS agent FROM desk_ticket t LEFT JOIN desk_agent a ON a.id = t.agent_id",
            columns=["id", "agent"],
        ),
        statement="tickets whose agent is another one",
    )
