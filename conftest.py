"""Loads the engine, and holds what the checks of this migration share."""

import pytest

from postmigration import Target
from postmigration.postgres import catalog

pytest_plugins = ["postmigration.gate.pytest_plugin"]


@pytest.fixture
def organizations(target: Target) -> catalog.Table:
    """What the catalogs say of the table of organizations."""
    return catalog.table(target.snapshot, "organizations")


@pytest.fixture
def contacts(target: Target) -> catalog.Table:
    """What the catalogs say of the table of contacts."""
    return catalog.table(target.snapshot, "contacts")


@pytest.fixture
def projects(target: Target) -> catalog.Table:
    """What the catalogs say of the table of projects."""
    return catalog.table(target.snapshot, "projects")


@pytest.fixture
def contact_points(target: Target) -> catalog.Table:
    """What the catalogs say of the table of project contact points."""
    return catalog.table(target.snapshot, "project_contact_points")
