"""The platform on which an application's database lives: what of it is not the application's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PlatformTable:
    """A table of a platform that holds rows of the application.

    Args:
        schema, table: which.
        key: the columns that identify a row.
    """

    schema: str
    table: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Platform:
    """What a platform brings into a database, so that it is not taken for the application's.

    Args:
        name: what it is called.
        api_roles: the roles as which strangers and users come in; what they may do anybody may who has the address.
        schemas: the schemas that are not the application's.
        tables: tables of those schemas that hold rows of the application.
        owners: roles of the platform that own its schemas where it runs.
    """

    name: str
    api_roles: tuple[str, ...] = ()
    schemas: frozenset[str] = frozenset()
    tables: tuple[PlatformTable, ...] = ()
    owners: tuple[str, ...] = ()


SUPABASE = Platform(
    "Supabase",
    api_roles=("anon", "authenticated"),
    schemas=frozenset(
        {
            "_analytics", "_realtime", "_supavisor", "auth", "cron", "extensions", "graphql", "graphql_public", "net",
            "pgbouncer", "pgmq", "pgsodium", "pgsodium_masks", "pgtle", "realtime", "storage", "supabase_functions",
            "supabase_migrations", "tiger", "tiger_data", "topology", "vault",
        }
    ),
    tables=(
        PlatformTable("auth", "users", ("id",)),
        PlatformTable("auth", "identities", ("id",)),
        PlatformTable("storage", "buckets", ("id",)),
        PlatformTable("storage", "objects", ("id",)),
    ),
    owners=("supabase_admin", "supabase_auth_admin", "supabase_storage_admin"),
)  # fmt: skip

# A server without one. Roles of these names are an API's wherever they are.
PLAIN = Platform("PostgreSQL", api_roles=("anon", "authenticated"))


def detect_platform(owners: Mapping[str, str], tables: Collection[tuple[str, str]]) -> Platform:
    """Tells the platform of a database by its schemas and who owns them; the mere roles of an API tell nothing.

    Args:
        owners: the owner of each schema of the database.
        tables: the schema and the name of each of its tables: a copy that was restored without owners has these alone.
    """
    owned = any(schema in SUPABASE.schemas and owner in SUPABASE.owners for schema, owner in owners.items())
    copied = all((table.schema, table.table) in tables for table in SUPABASE.tables)
    return SUPABASE if owned or copied else PLAIN
