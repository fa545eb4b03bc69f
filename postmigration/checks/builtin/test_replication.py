"""Replication is over, or goes on as it is meant to."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.server import replication
from postmigration.checks.server.reading import live_baseline

pytestmark = pytest.mark.secondary


def test_nothing_is_left_over_of_replication(target: Target) -> None:
    """No subscription, replication slot or replication origin of the move is left.

    Impact: A slot that nobody reads keeps WAL until the disk is full; a subscription goes on writing what the old
    server writes, over what is written here.

    Likely causes: The steps after the cut-over were forgotten, or the subscription could not reach the old server any
    more and was left.

    Fix: Drop what is named; a subscription whose server is gone after ALTER SUBSCRIPTION … SET (slot_name = NONE).
    """
    replication.find_leftovers(target.snapshot, live_baseline(target)).pass_to(target)


def test_subscriptions_receive(target: Target) -> None:
    """Every subscription that is enabled receives, has all tables whole, and met no error.

    Impact: Rows are missing that the other server has, and more are missing every minute.

    Likely causes: A row that is there already, or a column that is not, stops the worker; the first copy of a table
    goes on still; the other server cannot be reached.

    Fix: Read the server's log, remove what is in the way, and wait until pg_subscription_rel says 'r' of every table.
    """
    replication.examine_subscriptions(target.snapshot, live_baseline(target)).pass_to(target)
