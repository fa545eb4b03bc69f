"""Values that follow from one column."""

import pytest

from postmigration.trace.values.one_column import scale_rule
from selftest.unit.trace.columns import made


@pytest.mark.parametrize(
    ("power", "sql", "words", "text"),
    [(2, "r.price * 100", " times 100", "1250"), (-3, "r.price / 1000.0", " / 1,000", "0.0125")],
)
def test_a_number_is_scaled(power: int, sql: str, words: str, text: str) -> None:
    rule = scale_rule(made("price", "numeric"), power)
    assert (rule.sql, rule.words, rule.apply("12.5"), rule.apply(None)) == (sql, words, text, None)
