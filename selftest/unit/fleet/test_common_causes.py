"""A cause that several databases have is said once, with the databases that have it."""

from postmigration.fleet.common_causes import find_common
from selftest.fleet.conftest import outcome


def test_a_cause_is_said_once() -> None:
    found = find_common(
        [
            outcome("shop_1", 1, "2 of 20 rows of items are missing.", "Index shop_1.items_2 is gone."),
            outcome("shop_2", 1, "Index shop_2.items_2 is gone.", "7 of 1,300 rows of items are missing."),
            outcome("shop_3", 1, "Index shop_3.items_3 is gone.", "1 of 2 rows of items are missing."),
            outcome("shop_4", 4, 'database "shop_4" does not exist'),
            outcome("shop_5", 4, 'database "shop_5" does not exist'),
        ]
    )
    assert [(common.words, len(common.databases), common.alike, common.judged) for common in found] == [
        ("2 of 20 rows of items are missing.", 3, False, True),
        ("Index {name}.items_2 is gone.", 2, True, True),
        ("Index {name}.items_3 is gone.", 1, True, True),
        ('database "{name}" does not exist', 2, True, False),
    ]


def test_a_cause_is_counted_once_for_a_database() -> None:
    (common,) = find_common([outcome("a", 1, "1 row of items is missing.", "2 row of items is missing.")])
    assert common.databases == ("a",)
