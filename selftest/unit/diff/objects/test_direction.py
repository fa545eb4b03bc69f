import pytest

from postmigration.diff.objects.direction import find_direction

OFF_ON = ("False", "True")
STATES = ("D|R", "O", "A")


@pytest.mark.parametrize(
    ("order", "was", "now", "direction"),
    [
        (OFF_ON, "True", "False", "weaker"),
        (OFF_ON, "False", "True", "stronger"),
        (STATES, "D", "R", "other"),
        (STATES, "O", "R", "weaker"),
        (STATES, "O", "unknown", "other"),
        ("text", "a > 0", "none", "weaker"),
        ("text", "none", "a > 0", "stronger"),
        ("text", "a > 0", "a > 1", "other"),
        ("text", "'x'::text", "'x'", None),
        ("text", "now()", "CURRENT_TIMESTAMP", None),
        ("text", "extensions.uuid_generate_v4()", "gen_random_uuid()", None),
        ("names", "a, b", "b", "weaker"),
        ("names", "none", "b", "stronger"),
        ("names", "a, b", "b, a", None),
        ("labels", '["a", "b"]', '["a", "x", "b"]', "stronger"),
        ("labels", '["a", "b"]', '["a"]', "weaker"),
        ("labels", '["a", "b"]', '["b", "a"]', "other"),
        ("type", "integer", "bigint", "stronger"),
        ("type", "bigint", "integer", "weaker"),
        ("type", "character varying(10)", "character varying(20)", "stronger"),
        ("type", "character varying(20)", "character varying(10)", "weaker"),
        ("type", "character varying(20)", "text", "stronger"),
        ("type", "text", "character varying(20)", "weaker"),
        ("type", "numeric(8,2)", "numeric(10,2)", "stronger"),
        ("type", "numeric(8,2)", "numeric(8,3)", "weaker"),
        ("type", "numeric(8,2)", "numeric", "stronger"),
        ("type", "integer", "numeric(4)", "weaker"),
        ("type", "timestamp with time zone", "date", "weaker"),
        ("type", "uuid", "text", "weaker"),
        ("type", "integer", "uuid", "other"),
        ("text", "same", "same", None),
    ],
)
def test_the_direction_of_a_change_is_told(order: tuple[str, ...] | str, was: str, now: str, direction: str) -> None:
    assert find_direction(order, was, now, alike=True) == direction


def test_servers_of_two_versions_may_write_an_expression_otherwise() -> None:
    assert find_direction("text", "SELECT s.a FROM s", "SELECT a FROM s", alike=False) is None
    assert find_direction("text", "SELECT s.a FROM s", "SELECT a FROM s", alike=True) == "other"
