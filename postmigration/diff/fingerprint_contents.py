"""What a fingerprint holds of sequences and large objects: positions, numbers and sums of hashes, and no bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
