"""The hash of a row and of its key, as SQL: equal hashes mean equal values as a person reads them.

PostgreSQL's own hash functions are the fastest, but they follow what a type calls equal: 42 and 42.00, -0.0 and 0.0
and blanks in char(n) are the same to them (and so are 42 and -42 as numeric), and enumerations hash by an oid that no
other database shares. So they are given values as they are for a few types only, and the text that everybody reads for
all others. Each column has a seed of its own, so that values which change places differ, and the result is hashed once
more, since two rows that exchange a value would otherwise have the same sum.

The hashes of a bigint and of a time fold it to 32 bits. But a seed counts with all its 64, and so do the bytes that are
sent: a bigint is made the seed, and a time is hashed as it is sent.

A chance of 2^-64 remains, for each pair of buckets that differ, that their sums are the same, unless somebody looks for
rows that have the same sum: so the seeds begin with a number that is drawn for each run, and for each fingerprint.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from postmigration.model.sqltext import quoted

# `native` hashes on the server, where both servers hash alike; `portable` needs nothing of them but SHA-256.
Method = Literal["native", "portable"]

# Types of which equal values read the same, and the function that hashes each; {0} is the value, {1} the seed.
_TEXT = 'hashtextextended({0} COLLATE "C", {1})'
_FUNCTIONS = {
    "text": _TEXT,
    "character varying": _TEXT,
    "smallint": "hashint2extended({0}, {1})",
    "integer": "hashint4extended({0}, {1})",
    "bigint": "hashint4extended({1}, {0})",
    "uuid": "uuid_hash_extended({0}, {1})",
}
# Likewise, but their functions have no name that every version knows: what {0} gives is hashed as part of a record.
_IN_RECORD = {
    "boolean": "{0}",
    "date": "{0}",
    "bytea": "{0}",
    "timestamp without time zone": "timestamp_send({0})",
    "timestamp with time zone": "timestamptz_send({0})",
}
# Types with a faster way to what their output function writes. An enumeration is not cast: its owner may have made a
# cast to text, a function that would run with our rights.
_AS_TEXT = {
    **dict.fromkeys(("json", "jsonb", "numeric", "real", "double precision", "interval"), "{0}::text"),
    "enum": "textin(enum_out({0}))",
}
# Types of usual keys, whose text finds the same value again, in an index.
_FOUND_AGAIN = ("smallint", "integer", "bigint", "uuid")


@dataclass(frozen=True)
class Hashing:
    """How the rows of two sides, whose columns have the same names, are hashed alike on both.

    Args:
        native: the types of the columns that are hashed as they are, by name; all others are hashed as text.
        faster: for some of the others, SQL that turns a value into its text; {0} is the value.
        method: see `Method`.
        secret: what all seeds begin with. Hashes that anybody can compute beforehand can be made to collide: rows could
            be forged so that their sum is that of the rows of before.
    """

    native: Mapping[str, str]
    faster: Mapping[str, str]
    method: Method
    secret: int = field(default=0, repr=False)

    def row(self, columns: Sequence[str]) -> str:
        """SQL for the hash of these columns of `q`, a bigint."""
        if self.method == "portable":
            return self._portable(columns)
        record = [name for name in columns if self.native.get(name) in _IN_RECORD]
        hashes = [self._hash(name, number) for number, name in enumerate(columns, 1) if name not in record]
        if record or not columns:
            values = (_IN_RECORD[self.native[name]].format(self._plain(name)) for name in record)
            hashes.append(f"hash_record_extended(ROW({', '.join(values)}), {self.secret})")
        return f"hashint4extended({self.secret + 1}, {' # '.join(hashes)})"

    def key(self, columns: Sequence[str]) -> str:
        """SQL for the hash that finds the row with this key again, a bigint."""
        if self.method == "portable":
            return self._portable(columns)
        if len(columns) == 1 and self.native.get(columns[0]) not in _IN_RECORD:
            return self._hash(columns[0], 0)
        return self.row(columns)

    def find_key_type(self, columns: Sequence[str]) -> str:
        """The type of a key by whose text its row is found again without hashing all others, or nothing."""
        type_ = self.native.get(columns[0], "") if len(columns) == 1 else ""
        return type_ if type_ in _FOUND_AGAIN else ""

    def _hash(self, name: str, number: int) -> str:
        seed = self.secret + number
        function = _FUNCTIONS[self.native.get(name, "text")]
        return f"coalesce({function.format(self._plain(name), seed)}, {seed})"

    def _plain(self, name: str) -> str:
        return f"q.{quoted(name)}" if name in self.native else f"({self._text(name)})"

    def _text(self, name: str) -> str:
        return self.faster[name].format(f"q.{quoted(name)}") if name in self.faster else as_text(name)

    def _portable(self, columns: Sequence[str]) -> str:
        row = f"ROW({', '.join(map(self._text, columns))})::text"
        if self.secret:
            row = f"'{self.secret}' || {row}"
        return f"('x' || encode(substring(sha256(convert_to({row}, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint"


def new_secret() -> int:
    """A secret for `Hashing`, which leaves room for the numbers of columns in 32 bits."""
    return 1 + secrets.randbelow(2**30)


def hashing(want: Mapping[str, str], have: Mapping[str, str], method: Method, secret: int = 0) -> Hashing:
    """How to hash two sides alike.

    Args:
        want, have: the types of the columns of each side, by name.
        secret: see `Hashing`.
    """
    alike = {name: type_ for name, type_ in want.items() if have.get(name) == type_}
    native = {name: type_ for name, type_ in alike.items() if type_ in (*_FUNCTIONS, *_IN_RECORD)}
    faster = {name: _AS_TEXT[type_] for name, type_ in alike.items() if type_ in _AS_TEXT}
    return Hashing(native if method == "native" else {}, faster, method, secret)


def as_text(name: str) -> str:
    """SQL for a value of `q` as the output function of its type writes it.

    A cast to text would lose the blanks of char(n), and a composite value that holds only NULLs IS NULL.
    """
    column = f"q.{quoted(name)}"
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN concat({column}) END"


# A value of each type that is hashed as it is. The text is one that a server of any encoding can hold.
_KNOWN = {
    "boolean": "true",
    "smallint": "2",
    "integer": "-3",
    "bigint": "1099511627776",
    "uuid": "'4e1b2b1c-0c5f-4f5e-9d7a-3a8d1c5b7e90'",
    "bytea": "'\\x00ff'",
    "date": "'2025-03-30'",
    "timestamp without time zone": "'2025-03-30 02:30:00.000001'",
    "timestamp with time zone": "'2025-03-30 02:30:00.000001+00'",
    "character varying": "'Zoe, Tokyo'",
    "text": "NULL",
}
_VALUES = ", ".join(f"CAST({value} AS {type_}) AS {quoted(type_)}" for type_, value in _KNOWN.items())
_ALL = Hashing({type_: type_ for type_ in _KNOWN}, {}, "native")

# Where two servers give the same for this, they hash alike.
CALIBRATION = f"""
    SELECT concat_ws(' ', {_ALL.row(list(_KNOWN))}, {", ".join(_ALL.key([type_]) for type_ in _KNOWN)}) AS calibration
    FROM (SELECT {_VALUES}) q
"""
