"""The platform on which an application's database lives: what of it is not the application's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace


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


# Schemas in which an extension or a tool of the platform has all that it needs, which belongs to the extension or is
# one of these tables: another table in them is the application's, unless the platform owns the schema.
_NARROW: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("extensions", "graphql", "graphql_public", "pgbouncer", "pgsodium_masks", "pgtle"), frozenset[str]()
    ),
    **dict.fromkeys(("tiger", "tiger_data", "topology"), frozenset[str]()),
    "cron": frozenset({"job", "job_run_details"}),
    "net": frozenset({"http_request_queue", "_http_response"}),
    "pgsodium": frozenset({"key"}),
    "supabase_functions": frozenset({"hooks", "migrations"}),
    "supabase_migrations": frozenset({"schema_migrations", "seed_files"}),
    "vault": frozenset({"secrets"}),
}
# Tables of the platform's services, and how those begin that it makes as it goes.
_SERVICES: Mapping[str, tuple[str, ...]] = {
    "auth": (
        *("audit_log_entries", "custom_oauth", "flow_state", "identities", "instances", "mfa_", "oauth_", "one_time_"),
        *("refresh_tokens", "saml_", "schema_migrations", "sessions", "sso_", "users", "webauthn_"),
    ),
    "realtime": ("messages", "schema_migrations", "subscription"),
    "storage": (*("buckets", "iceberg_", "migrations", "objects", "prefixes", "s3_multipart_", "vector_indexes"),),
}


@dataclass(frozen=True)
class Inhabitants:
    """What a database holds, as far as it tells whose it is.

    Args:
        owners: the owner of each schema.
        tables: the schema and the name of each table that belongs to no extension.
    """

    owners: Mapping[str, str]
    tables: Collection[tuple[str, str]]

    def is_hosted(self) -> bool:
        """Whether it is or was a platform's; the mere roles of an API tell nothing."""
        owned = any(schema in SUPABASE.schemas and owner in SUPABASE.owners for schema, owner in self.owners.items())
        # A copy that was restored without owners has the tables alone.
        return owned or all((table.schema, table.table) in self.tables for table in SUPABASE.tables)

    def find_strangers(self) -> Iterator[tuple[str, str]]:
        """The tables in schemas that are called like a platform's, which are none of its own."""
        for schema, table in self.tables:
            if self.owners.get(schema) in SUPABASE.owners:
                continue
            known = (schema in _NARROW and table in _NARROW[schema]) or table.startswith(_SERVICES.get(schema, ()))
            if not known and (schema in _NARROW or schema in _SERVICES):
                yield schema, table


def detect_platform(*sides: Inhabitants) -> Platform:
    """Tells the platform on which any of some databases lives, and which schemas of those it has are its own.

    A schema that only is called like one of the platform's, and holds tables of the application, is the application's.
    """
    if not any(side.is_hosted() for side in sides):
        return PLAIN
    foreign = {schema for side in sides for schema, _ in side.find_strangers() if schema in _NARROW}
    return replace(SUPABASE, schemas=SUPABASE.schemas - foreign) if foreign else SUPABASE
