"""Extensions that a server has, created as a backup wants them, while none of its code acts as a superuser."""

from __future__ import annotations

from typing import Any

import psycopg

# They bring types, operators and functions that reach no file, no program and no other server: a superuser may create
# them for somebody who is none. What PostgreSQL itself trusts needs no place here.
_HARMLESS = frozenset(
    (
        *("address_standardizer", "address_standardizer_data_us", "bloom", "earthdistance", "h3", "h3_postgis", "hll"),
        *(
            "intagg",
            "ip4r",
            "periods",
            "pg_stat_statements",
            "pg_uuidv7",
            "pgrouting",
            "pgtap",
            "postgis",
            "postgis_raster",
            "postgis_sfcgal",
        ),
        *("postgis_tiger_geocoder", "postgis_topology", "prefix", "rum", "semver", "unit", "vector"),
    )
)
# Whoever owns a schema could have put something there that the script of an extension would call. Extensions come first
# in a dump, but for collations, which run nothing.
_DEFINED = """
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
      AND d.deptype OPERATOR(pg_catalog.=) 'n' AND d.objid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend e
          WHERE e.classid OPERATOR(pg_catalog.=) d.classid AND e.objid OPERATOR(pg_catalog.=) d.objid
            AND e.deptype OPERATOR(pg_catalog.=) 'e')
      AND d.classid OPERATOR(pg_catalog.<>) ALL (
          ARRAY['pg_catalog.pg_extension', 'pg_catalog.pg_collation']::pg_catalog.regclass[])
    LIMIT 1
"""
_TABLES = """
    SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_extension e, pg_catalog.pg_class c
    WHERE e.extname OPERATOR(pg_catalog.=) %s AND c.oid OPERATOR(pg_catalog.=) ANY (e.extconfig)
"""


def install(superuser: psycopg.Connection[Any], name: str, text: bytes) -> bool:
    """Creates an extension as a superuser; False where it may do more than the owner of the backup may.

    Args:
        name: the extension.
        text: the statement that creates it.
    """
    if name not in _HARMLESS or superuser.execute(_DEFINED).rowcount:
        return False
    try:
        superuser.execute(text)
    except psycopg.Error:
        return False
    return True


def open_rows(superuser: psycopg.Connection[Any], name: str, owner: str) -> None:
    """Lets the owner of a backup load the rows that a backup holds of an extension's own tables."""
    for (table,) in superuser.execute(_TABLES, [name]).fetchall():
        superuser.execute(f'GRANT SELECT, INSERT ON {table} TO "{owner}"'.encode())
