"""Loads the engine, and holds what the checks of this migration share."""

import pytest

from postmigration import Table, Target

pytest_plugins = ["postmigration.gate.pytest_plugin"]


@pytest.fixture
def organizations(target: Target) -> Table:
    """What the catalogs say of the table of organizations."""
    return target.table("organizations")


@pytest.fixture
def contacts(target: Target) -> Table:
    """What the catalogs say of the table of contacts."""
    return target.table("contacts")


@pytest.fixture
def projects(target: Target) -> Table:
    """What the catalogs say of the table of projects."""
    return target.table("projects")


@pytest.fixture
def contact_points(target: Target) -> Table:
    """What the catalogs say of the table of project contact points."""
    return target.table("project_contact_points")
