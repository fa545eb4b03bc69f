"""The hash of a row and of its key, as SQL: equal hashes mean equal values as a person reads them.

PostgreSQL's own `hash_record_extended` is the fastest hash of a row that it has, but it follows what a type calls
equal: 42 and 42.00, -0.0 and 0.0, a blank more or less in char(n) are the same to it, and enumerations hash by an oid
that no other database shares. So it is given values as they are for a few types only, and the text that everybody reads
for all others. It adds up the hashes of the columns, so that two rows which exchange a value would have the same sum:
the result is hashed once more.

A chance of 2^-64 remains, for each pair of buckets that differ, that their sums are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from postmigration.sql import quoted

# `native` hashes on the server, where both servers hash alike; `portable` needs nothing of them but SHA-256.
Method = Literal["native", "portable"]

_TEXTS = ("text", "character varying")
# Types of which equal values read the same.
_NATIVE = (
    *_TEXTS,
    *("boolean", "smallint", "integer", "bigint", "uuid", "bytea"),
    *("date", "timestamp without time zone", "timestamp with time zone"),
)


@dataclass(frozen=True)
class Hashing:
    """How the rows of two sides, whose columns have the same names, are hashed alike on both.

    Args:
        native: the columns that are hashed as they are; all others as text.
        texts: those of them that hold text.
        method: see `Method`.
    """

    native: frozenset[str]
    texts: frozenset[str]
    method: Method

    @classmethod
    def of(cls, native: Mapping[str, str], method: Method) -> Hashing:
        """The hashing of columns of which those with these types are hashed as they are."""
        return cls(frozenset(native), frozenset(name for name, type_ in native.items() if type_ in _TEXTS), method)

    def row(self, columns: Sequence[str]) -> str:
        """SQL for the hash of these columns of `q`, a bigint."""
        return f"hashint8extended({self.key(columns)}, 1)" if self.method == "native" else self.key(columns)

    def key(self, columns: Sequence[str]) -> str:
        """SQL for the hash that finds the row with this key again, a bigint."""
        row = f"ROW({', '.join(map(self._value, columns))})"
        if self.method == "native":
            return f"hash_record_extended({row}, 0)"
        return f"('x' || encode(substring(sha256(convert_to({row}::text, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint"

    def _value(self, name: str) -> str:
        if name not in self.native:
            return f'({as_text(name)}) COLLATE "C"'
        # Under a collation of its own, text that differs may be the same.
        return f'q.{quoted(name)} COLLATE "C"' if name in self.texts else f"q.{quoted(name)}"


def hashing(want: Mapping[str, str], have: Mapping[str, str], method: Method) -> Hashing:
    """How to hash two sides alike.

    Args:
        want, have: the types of the columns of each side, by name.
    """
    alike = {name: type_ for name, type_ in want.items() if type_ in _NATIVE and have.get(name) == type_}
    return Hashing.of(alike if method == "native" else {}, method)


def as_text(name: str) -> str:
    """SQL for a value of `q` as the output function of its type writes it.

    A cast to text would lose the blanks of char(n), and a composite value that holds only NULLs IS NULL.
    """
    column = f"q.{quoted(name)}"
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN concat({column}) END"


# One value of each type that is hashed as it is. The text is one that a server of any encoding can hold.
_KNOWN = """
    true, 2::smallint, 3::integer, 2::bigint ^ 40, '4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'::uuid, '\\x00ff'::bytea,
    '2025-03-30'::date, '2025-03-30 02:30:00.000001'::timestamp, '2025-03-30 02:30:00.000001+00'::timestamptz,
    'Zoe, Tokyo'::text COLLATE "C", NULL::text COLLATE "C"
"""

# Where two servers give the same for this, they hash alike.
CALIBRATION = f"""
    SELECT hash_record_extended(ROW({_KNOWN}), 0)::text || ' ' || hashint8extended(-42, 1)::text AS calibration
"""
