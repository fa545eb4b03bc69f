"""A case of the comparison: a table on either side, and what must be found between the two."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.diff.row_sets import DifferenceKind

# The kind of difference, the key of the row, and the columns that differ in it.
Found = tuple[DifferenceKind, tuple[str | None, ...], tuple[str, ...]]

KINDS = (15, 16, 18)
ANY = frozenset(KINDS)
# Only what Debian packages has contrib, ICU and libxml; only the embedded ones have pgvector.
FULL = frozenset({15})
EMBEDDED = frozenset({16, 18})
CITEXT = "CREATE EXTENSION IF NOT EXISTS citext"
# A collation that holds letters for the same that differ in case only.
FOLDED = "CREATE COLLATION IF NOT EXISTS folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


@dataclass(frozen=True)
class Case:
    """What both sides do, and what distinguishes them.

    Args:
        name: what the case is; its table is called so.
        before, after: the statements for each side; `{t}` is the table, `{type}` a type of the case's own.
        found: all differences.
        problems: what the comparison says beyond them.
        on: the servers on which either side can be.
    """

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    found: tuple[Found, ...] = ()
    problems: tuple[str, ...] = ()
    on: tuple[frozenset[int], frozenset[int]] = (ANY, ANY)

    def __post_init__(self) -> None:
        assert len(self.name.encode()) < 59, f"PostgreSQL would cut {self.name}"

    def statements(self, side: int) -> list[str]:
        """What one of the sides does."""
        name = self.name.replace('"', '""')
        texts = (self.before, self.after)[side]
        # With the schema, since a table may be called like a catalog.
        return [text.replace("{t}", f'public."{name}"').replace("{type}", f'"{name} t"') for text in texts]


def value(name: str, type_: str, want: str, have: str, *setup: str, on: frozenset[int] = ANY, rows: int = 20) -> Case:
    """One value of one row differs; others of both kinds are the same on both sides.

    Args:
        type_: the type of the column.
        want, have: SQL for the value on either side.
        setup: statements that the type needs.
        rows: how many there are.
    """
    cast = type_.partition(" COLLATE ")[0]
    table = (
        *setup,
        f"CREATE TABLE {{t}} (id int PRIMARY KEY, before text DEFAULT 'x', value {type_}, after text DEFAULT 'x')",
        f"INSERT INTO {{t}} (id, value) SELECT i, CAST({want} AS {cast}) FROM generate_series(1, {rows}, 2) i",
        f"INSERT INTO {{t}} (id, value) SELECT i, CAST({have} AS {cast}) FROM generate_series(2, {rows}, 2) i",
    )
    changed = f"UPDATE {{t}} SET value = CAST({have} AS {cast}) WHERE id = 3"
    return Case(name, table, (*table, changed), (("changed", ("3",), ("value",)),), on=(on, on))


def change(name: str, *both: str, after: str | tuple[str, ...], found: tuple[Found, ...]) -> Case:
    """Both sides do the same, and then the later one does something more.

    Args:
        both: what both do.
        after: what only the later one does.
    """
    more = (after,) if isinstance(after, str) else after
    return Case(name, both, (*both, *more), found)


def equal(
    name: str,
    before: str | tuple[str, ...],
    after: str | tuple[str, ...],
    *,
    on: frozenset[int] = ANY,
    after_on: frozenset[int] | None = None,
) -> Case:
    """Both sides hold the same, though they were written differently."""
    first, then = ((side,) if isinstance(side, str) else side for side in (before, after))
    return Case(name, first, then, on=(on, on if after_on is None else after_on))
