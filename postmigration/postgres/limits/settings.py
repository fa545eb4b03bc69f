"""Settings of a transaction: those that are the same in each, wherever it runs, and those of one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import sqlalchemy as sa

# A value must read the same whatever the server, the database or the role has set.
PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    # A CHECK whose function was replaced since would keep the planner from reading rows that are there.
    "constraint_exclusion": "off",
    # A role that row-level security filters would see less without a word; off turns that into an error.
    "row_security": "off",
    # The snapshot waits while other work goes on.
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}


def configure(connection: sa.Connection, settings: Mapping[str, str]) -> None:
    """Makes settings for the current transaction, one after the other; a role comes last."""
    calls = ", ".join(["pg_catalog.set_config(%s, %s, true)"] * len(settings))
    # One column: SQLAlchemy describes each to itself.
    connection.exec_driver_sql(f"SELECT ARRAY[{calls}]", tuple(chain.from_iterable(settings.items())))
