from collections.abc import Sequence

import pytest

from postmigration.diff.objects.partitions import compare_bounds
from selftest.unit.diff.objects.made import Made, column, relation


def table(*bounds: str, key: str = "RANGE (day)", type_: str = "date") -> Made:
    made = relation("log", {"partition key": key}) | column("log", "day", type_)
    for number, bound in enumerate(bounds):
        made |= relation(f"log_{number}", {"partition of": "public.log", "partition bound": bound})
    return made


def sort(types: tuple[str, ...], values: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    assert types == ("date",)
    return sorted(values)


def found(before: Made, after: Made) -> Sequence[str]:
    return [difference.statement for difference in compare_bounds(before, after, sort)]


YEAR = "FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"
HALVES = (
    "FOR VALUES FROM ('2025-01-01') TO ('2025-07-01')",
    "FOR VALUES FROM ('2025-07-01') TO ('2026-01-01')",
)
TAKEN_BEFORE = ": they were taken before, and no partition takes them now"


def test_another_layout_that_takes_the_same_is_no_difference() -> None:
    assert found(table(YEAR), table(*HALVES)) == []
    assert found(table(*HALVES), table(YEAR)) == []
    assert found(table(YEAR), table("DEFAULT")) == []


@pytest.mark.parametrize(
    ("was", "now", "refused"),
    [
        ((YEAR,), HALVES[:1], "keys from ('2025-07-01') to ('2026-01-01')"),
        (("DEFAULT", YEAR), (YEAR,), "keys for which it had a default partition (public.log_0)"),
        (("FOR VALUES IN ('a', 'b')",), ("FOR VALUES IN ('a')",), "the keys 'b'"),
        (
            ("FOR VALUES WITH (modulus 2, remainder 0)", "FOR VALUES WITH (modulus 2, remainder 1)"),
            ("FOR VALUES WITH (modulus 2, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)"),
            "1 of its hash values",
        ),
    ],
)
def test_keys_that_no_partition_takes_any_more_are_found(
    was: tuple[str, ...], now: tuple[str, ...], refused: str
) -> None:
    assert found(table(*was), table(*now)) == [f"table public.log refuses {refused}{TAKEN_BEFORE}"]


def test_the_repair_makes_the_partitions_that_are_lost() -> None:
    (difference,) = compare_bounds(table(YEAR), table(HALVES[0]), sort)
    assert (difference.level, difference.check) == ("blocker", "inheritance")
    assert difference.repair == f"CREATE TABLE public.log_0 PARTITION OF public.log {YEAR};"


def test_ranges_are_not_compared_where_nobody_knows_their_order() -> None:
    assert list(compare_bounds(table(YEAR), table(HALVES[0]), None)) == []
    assert found(table(YEAR, key="RANGE (lower(day))"), table(HALVES[0], key="RANGE (lower(day))")) == []
