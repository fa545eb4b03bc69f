"""What can stand in the way of a judgement: for the run, and for one check."""

import pytest

from postmigration.model.errors import (
    CannotJudge,
    Hindrance,
    Incomplete,
    NeedsBaseline,
    NotApplicable,
    NotJudged,
    Unrestorable,
    UnsafeToJudge,
)


def test_what_is_not_judged_says_why_and_what_hindered_it() -> None:
    assert NotJudged("it is locked", Hindrance.LOCK).by is Hindrance.LOCK
    unknown = NotJudged("who knows")
    assert (str(unknown), unknown.by) == ("who knows", None)


def test_a_check_without_a_baseline_says_how_to_name_one() -> None:
    with pytest.raises(NotJudged, match="it compares with the state before: name it with --baseline"):
        raise NeedsBaseline
    assert str(NeedsBaseline("a dump has no statistics")) == "a dump has no statistics"


def test_what_does_not_apply_says_what_a_dump_does_not_hold() -> None:
    assert NotApplicable("no sequences").not_held == ""
    assert NotApplicable("no sequences", "their values").not_held == "their values"


@pytest.mark.parametrize("error", [Incomplete, Unrestorable, UnsafeToJudge])
def test_what_ends_the_run_is_one_line_for_the_user(error: type[CannotJudge]) -> None:
    with pytest.raises(CannotJudge, match=r"^one line$"):
        raise error("one line")
    # A check that could not be judged ends no run.
    assert not issubclass(NotJudged, CannotJudge)
