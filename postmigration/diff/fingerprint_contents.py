"""What a fingerprint holds of sequences, large objects and statements, and what a comparison with it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postmigration.model.evidence import Severity


@dataclass(frozen=True)
class SequenceFingerprint:
    """What a fingerprint holds of one sequence.

    Args:
        schema, name: its name.
        increment: by how much its values differ.
        next: the value that it gave next; None where none was left.
        flaws: what was wrong with it, by the kind of flaw, and how grave that was.
    """

    schema: str
    name: str
    increment: int
    next: int | None
    flaws: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True)
class SequencesFingerprint:
    """What a fingerprint holds of the sequences of a database.

    Args:
        sequences: those that could be read.
        exhausted: keys of whole numbers that were near the end of their type.
    """

    sequences: tuple[SequenceFingerprint, ...] = ()
    exhausted: tuple[str, ...] = ()


@dataclass(frozen=True)
class LargeObjectsFingerprint:
    """What a fingerprint holds of the large objects of a database.

    Args:
        count: how many there were.
        size: how many buckets there are, a power of two; an object is in that of its number's last bits.
        buckets: for each that has objects its number, how many, and the sums of hashes (64 bits) of their numbers and
            of their numbers with their bytes.
        contents: the sum of hashes of the bytes alone, whatever the numbers are; None where nobody but a superuser may
            read them, and no superuser took the fingerprint.
        columns: for each column of such numbers how many led to a large object, and how many did not.
    """

    count: int
    size: int
    buckets: tuple[tuple[int, int, int, int], ...]
    contents: int | None
    columns: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class WorkloadFingerprint:
    """What a fingerprint holds of the statements that the application had sent.

    Args:
        statements: what `postmigration workload` writes of them, without constants; None where they could not be read.
        reason: why not.
    """

    statements: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass(frozen=True)
class BucketDifference:
    """A bucket that is not the same on both sides: how many rows each has there."""

    number: int
    want_rows: int
    have_rows: int


@dataclass(frozen=True)
class FingerprintComparison:
    """What a table differs in from its fingerprint.

    Args:
        want_rows, have_rows: how many rows each side has, without those of the target that came later.
        buckets: how many buckets were compared.
        unjudged: how many were not, since rows in them were changed after the cut-over.
        since: how many rows were.
        different: those that differ.
        candidates: for the rows of the target in the first of them, the number of the bucket and the key as text.
        sql: the query for these.
        plain: columns whose values say nothing of a person.
    """

    want_rows: int
    have_rows: int
    buckets: int
    unjudged: int
    since: int
    different: tuple[BucketDifference, ...]
    candidates: tuple[tuple[Any, ...], ...]
    sql: str
    plain: frozenset[str]

    @property
    def missing(self) -> int:
        """How many rows are missing at the least."""
        return sum(max(0, bucket.want_rows - bucket.have_rows) for bucket in self.different)

    @property
    def extra(self) -> int:
        """How many rows are extra at the least."""
        return sum(max(0, bucket.have_rows - bucket.want_rows) for bucket in self.different)

    @property
    def changed(self) -> int:
        """How many buckets have as many rows as they must and differ: so many rows were changed at the least."""
        return sum(bucket.have_rows == bucket.want_rows for bucket in self.different)

    @property
    def kinds(self) -> dict[str, int]:
        """How many differences of each kind there are at the least."""
        return {"missing": self.missing, "extra": self.extra, "changed": self.changed}

    @property
    def wrong(self) -> int:
        """How many rows are wrong at the least."""
        return sum(self.kinds.values())

    @property
    def counts(self) -> str:
        """How many differences of each kind there are, in words."""
        return f"at least {self.missing:,} missing, {self.extra:,} extra, {self.changed:,} changed"
