"""Databases of a few statements that nobody commits."""

from selftest.unit.uncommitted import empty as empty
from selftest.unit.uncommitted import now as now
from selftest.unit.uncommitted import was as was
