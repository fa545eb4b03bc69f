"""A statement for the objects of one kind, and what of it older servers lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """A statement for the objects of one kind.

    Args:
        sql: the statement; `{name}` stands for each of `newer`.
        newer: an expression by its name, with the first version that knows it, and what stands in for it before.
        since: the first version that has such objects.
    """

    sql: str
    newer: Sequence[tuple[str, int, str, str]] = ()
    since: int = 0

    def for_version(self, version: int) -> str:
        """The statement as a server of a version understands it."""
        sql = self.sql
        for name, since, expression, instead in self.newer:
            sql = sql.replace(f"{{{name}}}", expression if version >= since else instead)
        return sql


def name_collation(oid: str) -> str:
    """The name of a collation as `regcollation` writes it, where the server has no such type.

    Args:
        oid: an expression for it.
    """
    return (
        "(SELECT CASE WHEN n.nspname <> 'pg_catalog' THEN quote_ident(n.nspname) || '.' ELSE '' END "
        "|| quote_ident(l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace "
        f"WHERE l.oid = {oid})"
    )
