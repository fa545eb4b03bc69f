"""The metrics of the reference migration find what they are for, and are read no oftener than it takes."""

import datetime

from fixtures import MIGRATION
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database
from postmigration.watch.sampling import DECLARED, Sampler
from selftest.conftest import Copy

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
HIDDEN = (
    "SET session_replication_role = replica; UPDATE projects SET customer_organization_id = NULL WHERE id = "
    "(SELECT id FROM projects WHERE customer_organization_id IS NOT NULL ORDER BY id LIMIT 1)"
)


def test_it_counts_what_people_make_and_finds_projects_without_an_organization(
    server: embedded.Server, copy: Copy
) -> None:
    name = copy("migrated")
    database = Database(server.conninfo(name), option="--db-url")
    sampler = Sampler(database, MIGRATION.metrics)
    try:
        first = sampler.take(NOON).values[DECLARED][""]
        assert first["customer_organizations_made"] > 0
        assert first["contact_points_made"] > 0
        assert first["projects_made"] > 0
        assert first["projects_without_organization"] == 0
        with server.connect(name) as connection:
            connection.execute(HIDDEN)
        later = sampler.take(NOON + datetime.timedelta(seconds=20)).values[DECLARED][""]
        assert later == {"projects_without_organization": 1}
        last = sampler.take(NOON + datetime.timedelta(minutes=20)).values[DECLARED][""]
        assert last["projects_made"] == first["projects_made"]
    finally:
        database.close()
