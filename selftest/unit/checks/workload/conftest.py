"""The databases of the checks of a server, in which nothing is committed either."""

from selftest.unit.checks.server.conftest import databases as databases
from selftest.unit.checks.server.conftest import now as now
