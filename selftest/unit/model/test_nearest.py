"""Which name was probably meant."""

import pytest

from postmigration.model.nearest import name_nearest


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ordres", " (did you mean orders?)"),
        ("order-items", " (did you mean order_items?)"),
        ("ORDER ITEMS", " (did you mean order_items?)"),
        ("zzz", ""),
    ],
)
def test_a_name_is_compared_without_what_styles_differ_in(name: str, words: str) -> None:
    assert name_nearest(name, ["orders", "order_items"]) == words


def test_without_known_names_nothing_is_near() -> None:
    assert name_nearest("orders", []) == ""
