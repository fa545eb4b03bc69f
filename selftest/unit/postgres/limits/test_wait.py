"""A connection that does not answer in time is given up, and one that answers is left alone."""

import math

import psycopg
import pytest

from postmigration.postgres.limits.wait import wait_at_most
from selftest.servers import Servers


@pytest.mark.parametrize("seconds", [60, math.inf])
def test_a_connection_that_answers_is_left_alone(servers: Servers, seconds: float) -> None:
    with psycopg.connect(servers[18].conninfo("postgres")) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"), wait_at_most(seconds, connection):
            connection.execute("SELECT 1 / 0")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_does_not_answer_is_given_up(servers: Servers) -> None:
    with psycopg.connect(servers[18].conninfo("postgres")) as connection:
        pid = connection.info.backend_pid
        told = r"^it did not answer within 0\.1 s$"
        with pytest.raises(psycopg.OperationalError, match=told), wait_at_most(0.1, connection):
            connection.execute("SELECT pg_sleep(600)")
        assert connection.broken
    # The server does not notice by itself that nobody waits any more.
    with psycopg.connect(servers[18].conninfo("postgres")) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
