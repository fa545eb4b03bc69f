"""A pytest plugin: lets somebody else run a statement on the database before the second check."""

import os

import psycopg
import pytest

# The connection string and the statement.
CONNINFO, STATEMENT = "SELFTEST_CONNINFO", "SELFTEST_STATEMENT"


class Meddler:
    """Runs the statement, once one check is over."""

    def __init__(self) -> None:
        self._checks = 0

    def pytest_runtest_setup(self) -> None:
        """Counts the checks."""
        self._checks += 1
        if self._checks == 2:
            with psycopg.connect(os.environ[CONNINFO], autocommit=True) as connection:
                connection.execute("SET lock_timeout = '10s'")
                connection.execute(os.environ[STATEMENT].encode())


def pytest_configure(config: pytest.Config) -> None:
    """Begins to count."""
    config.pluginmanager.register(Meddler())
