"""Two values of different types that say the same: how each side writes a value so that both can be compared."""

from __future__ import annotations

from postmigration.checks.contents.tables import Column

# A value as text, whatever its type.
TEXT = "CASE WHEN {0} IS DISTINCT FROM NULL THEN concat({0}) END"
_INTEGERS = ("smallint", "integer", "bigint")
_FLOATS = ("real", "double precision")
_NUMBERS = (*_INTEGERS, *_FLOATS, "numeric", "money")
_STRINGS = ("text", "character varying", "character", "name")
_JSON = ("json", "jsonb")
_TIMES = ("date", "timestamp without time zone", "timestamp with time zone")
_NETWORKS = ("inet", "cidr")
# How people write a truth value, as boolean reads it.
_TRUE = "'t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1'"
_FALSE = "'f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0'"


def write_values(was: Column, now: Column, zone: str) -> tuple[str, str] | None:
    """How the values of a column are written that has another type now; {0} is the value.

    Args:
        was, now: the column on both sides.
        zone: the time zone in which a time without one is read.

    Returns:
        SQL for the side before and for the side after; None where both have the same type, whatever domain it stands
        in, and values are compared as they are.
    """
    if was.root == now.root:
        if was.root_type == now.root_type or was.root not in ("numeric", "character"):
            return None
        how = _number(was.root) if was.root == "numeric" else "({0})::text"
        return how, how
    one = _write(was.root, now.root, now.root, zone)
    return one, _write(now.root, was.root, now.root, zone)


def may_lose(was: str, now: str) -> bool:
    """Whether a cast can make another value of one; "" is a type of which nothing is known."""
    return now in _KEPT and was != now and not {was, now} <= {*_INTEGERS} and (was, now) != _FLOATS


def write_kept(now: str) -> str:
    """How a value of any type is written as a text that a column's own text is held against; {0} is the value.

    What the type of the column holds is written as it writes it; of what it would lose something, all is written.
    """
    return _KEPT[now].replace("{type}", now)


def write_number(value: str) -> str:
    """How a numeric is written without the zeros at its end that say nothing."""
    return _shortest(f"({value})::numeric")


def write_plain(value: str, text: str) -> str:
    """How a value of any type is written as a text: a number without the zeros that its scale adds.

    Which type the value has the server says: here it is any expression.

    Args:
        text: SQL for the value as a text.
    """
    # Beside a NULL without a type a value of a domain is one of the type beneath it.
    kind = f"pg_typeof(coalesce({value}, NULL))"
    return f"CASE WHEN {kind} = 'numeric'::regtype THEN {write_number(text)} ELSE {text} END"


def write_generated(was: Column, now: Column) -> tuple[str, str] | None:
    """How the values of a generated column are written that are made of one with other decimals now."""
    return (_number("numeric"), _number("numeric")) if was.root == now.root == "numeric" else None


def write_text(was: Column, now: Column) -> tuple[str, str] | None:
    """How the values of such a column are written where one side cannot read those of the other: as text."""
    return None if was.root_type == now.root_type and was.root == now.root else (TEXT, TEXT)


def _write(mine: str, other: str, now: str, zone: str) -> str:
    """How a side writes the values of its type for another one's."""
    both = {mine, other}
    if both == {*_FLOATS} and now == "double precision":
        # Either of the two ways to widen it is right: the same number, or the same digits.
        return "({0})::real::text"
    if both <= {*_NUMBERS}:
        return _number(mine)
    if "boolean" in both and both <= {"boolean", *_NUMBERS}:
        return "({0})::int::text" if mine == "boolean" else _number(mine)
    if "boolean" in both and both <= {"boolean", *_STRINGS}:
        return _TRUTH if mine == "boolean" else _TRUTH_IN_TEXT
    if both <= {*_STRINGS}:
        return "({0})::text"
    if both <= {*_NUMBERS, *_STRINGS}:
        return _number(mine) if mine in _NUMBERS else _NUMBER_IN_TEXT
    if both <= {*_TIMES}:
        return _time(mine, "with time zone" in now, zone)
    if both <= {"uuid", *_STRINGS}:
        return "lower(({0})::text)"
    if both <= {*_JSON, *_STRINGS} and both & {*_JSON}:
        return "({0})::jsonb::text" if "jsonb" in both or mine in _JSON else "({0})::text"
    if both <= {*_NETWORKS}:
        return "text(({0})::inet)"
    return TEXT


def _shortest(number: str) -> str:
    """A numeric without the zeros at its end that say nothing."""
    text = f"({number})::text"
    return f"CASE WHEN strpos({text}, '.') > 0 THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"


def _number(type_: str) -> str:
    # A float is read as it is written: its conversion to numeric would round to fifteen digits.
    return _shortest("({0})::text::numeric" if type_ in _FLOATS else "({0})::numeric")


_LOST = "CASE WHEN concat({0}) ~ '%s' THEN concat({0}) ELSE CAST({0} AS {type})::text END"
_OF_NUMBERS = (
    "CASE WHEN CASE WHEN concat({0}) ~ '^[-+]?[0-9.]+(e[-+]?[0-9]+)?$' "
    "THEN concat({0})::numeric <> CAST({0} AS {type})::text::numeric END "
    "THEN concat({0}) ELSE CAST({0} AS {type})::text END"
)
_KEPT = {
    **dict.fromkeys((*_INTEGERS, *_FLOATS), _OF_NUMBERS),
    "date": _LOST % "[ T](?!00:00(:00([.]0*)?)?([-+ Z]|$))[0-9][0-9]:",
    "time without time zone": _LOST % "^[0-9]{4,}-",
    # Of a number but 0 and 1 a truth value keeps less than it says.
    "boolean": _LOST % "^(-[0-9]+|[2-9]|[0-9]{2,})$",
}
_TRUTH = "CASE {0} WHEN true THEN 'true' WHEN false THEN 'false' END"
_TRUTH_IN_TEXT = (
    f"CASE WHEN lower(btrim(({{0}})::text)) IN ({_TRUE}) THEN 'true' "
    f"WHEN lower(btrim(({{0}})::text)) IN ({_FALSE}) THEN 'false' ELSE ({{0}})::text END"
)
# A text with a leading zero says more than the number: a postal code, a telephone number.
_NUMBER_IN_TEXT = (
    f"CASE WHEN ({{0}})::text ~ '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$' THEN {_shortest('({0})::text::numeric')} "
    "ELSE ({0})::text END"
)


def _time(mine: str, zoned: bool, zone: str) -> str:
    literal = "'" + zone.replace("'", "''") + "'"
    if mine == "timestamp with time zone":
        return "({0})::text" if zoned else f"(({{0}}) AT TIME ZONE {literal})::text"
    local = "({0})::timestamp" if mine == "date" else "({0})"
    return f"({local} AT TIME ZONE {literal})::text" if zoned else f"({local})::text"
