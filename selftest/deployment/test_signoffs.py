"""What people signed is read strictly: what nobody said of anything counts for nothing."""

import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from postmigration.deployment.signoffs import read_signoffs, render_entry
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Criterion
from selftest.deployment.plans import ACCEPTED, READY, judge
from selftest.deployment.records import make

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
ITEMS = {"window": 'The window is "known".', "accepted": "Users accepted it."}
TEXT = '"The window is \\"known\\"."'
GOOD = {"item": '"window"', "text": TEXT, "who": '"Ann"', "when": "2026-11-29T11:00:00Z", "words": '"Saturday"'}


def write(path: Path, *entries: dict[str, str]) -> Path:
    file = path / "signoffs.toml"
    texts = ["[[signoff]]\n" + "".join(f"{name} = {value}\n" for name, value in entry.items()) for entry in entries]
    file.write_text("\n".join(texts))
    return file


def test_what_was_signed_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD, {**GOOD, "item": '"accepted"', "until": "2026-12-31"})
    found = read_signoffs(file, ITEMS, NOW)
    assert found.refusals == []
    assert [(name, one.who, one.until) for name, one in found.signed.items()] == [
        ("window", "Ann", None), ("accepted", "Ann", datetime.date(2026, 12, 31))
    ]  # fmt: skip
    assert not found.signed["accepted"].has_expired(datetime.date(2026, 12, 31))
    assert found.signed["accepted"].has_expired(datetime.date(2027, 1, 1))
    assert read_signoffs(tmp_path / "none.toml", ITEMS, NOW) == ({}, [])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"item": '"windwo"'}, "windwo: the plan has no such point (did you mean window?)"),
        ({"who": '"  "'}, "window: who is empty: nobody signed it"),
        ({"text": '" "'}, f"window: text is empty: repeat what was signed: text = {TEXT}"),
        ({"words": '""'}, "window: words is empty: say what was seen or done"),
        ({"when": "2026-11-29T12:00:01Z"}, "window: when = 2026-11-29 12:00:01+00:00 is in the future"),
        ({"when": "9999-12-31T23:59:59-23:00"}, "window: when = 9999-12-31 23:59:59-23:00 is in the future"),
        ({"when": "0001-01-01T00:00:00+23:00"}, "window: when = 0001-01-01 00:00:00+23:00 is no time"),
        ({"when": "2026-11-29T11:00:00"}, "window: when = 2026-11-29 11:00:00 has no time zone"),
    ],
)
def test_an_entry_that_nobody_can_have_meant_is_refused_in_a_line(
    tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    found = read_signoffs(write(tmp_path, {**GOOD, **changed}), ITEMS, NOW)
    assert found.refusals == [f"signoff 1 of signoffs.toml, {reason}"]
    assert found.signed == {}


def test_what_is_signed_twice_is_not_signed(tmp_path: Path) -> None:
    found = read_signoffs(write(tmp_path, GOOD, {**GOOD, "who": '"Bob"'}), ITEMS, NOW)
    assert found.signed == {}
    assert found.refusals == [
        f"signoff {number} of signoffs.toml, window: it is signed more than once: keep one" for number in (1, 2)
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[signoff]\n", r"--signoffs=.*signoffs\.toml is not TOML: "),
        ("[signoff]\nitem = 'a'\n", "holds something else than signatures: want "),
        ("[[waiver]]\nitem = 'a'\n", "holds something else than signatures: want "),
        ("[[signoff]]\nitem = 'a'\n", r"^signoff 1 of signoffs\.toml: object missing required field `who`|^signoff 1"),
        ("[[signoff]]\nitem = 1\nwho = ''\nwhen = 2026-11-29T11:00:00Z\nwords = ''\n", "expected `str`, got `int`"),
        ("[[signoff]]\nitem = 'a'\nwho = ''\nwhen = '2026-11-29'\nwords = ''\n", "got `str` - at `\\$.when`"),
        ("[[signoff]]\nitem = 'a'\nwho = ''\nwhen = 2026-11-29T11:00:00Z\nwords = ''\nby = ''\n", "unknown field `by`"),
    ],
)
def test_a_file_that_holds_something_else_cannot_be_judged(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "signoffs.toml").write_text(text)
    with pytest.raises(CannotJudge, match=reason):
        read_signoffs(tmp_path / "signoffs.toml", ITEMS, NOW)


def test_an_entry_that_is_left_to_be_written_is_read_once_it_was(tmp_path: Path) -> None:
    file = tmp_path / "signoffs.toml"
    entry = render_entry(Criterion("A", 'Say "yes",\n  or \\no.', id="window"), NOW)
    file.write_text(entry)
    (refusal,) = read_signoffs(file, {"window": ""}, NOW).refusals
    assert refusal.endswith("window: who is empty: nobody signed it")
    file.write_text(entry.replace('who = ""', 'who = "Ann"').replace('words = ""', 'words = "seen"'))
    signed = read_signoffs(file, {"window": ""}, NOW).signed["window"]
    assert (signed.text, signed.when) == ('Say "yes", or \\no.', NOW)


def test_what_was_signed_must_be_what_stands_there() -> None:
    older = replace(ACCEPTED, text="One user accepted it.")
    plan = judge(signed=[older])
    reason = (
        "Ann Example signed ‹One user accepted it.› 2026-11-28 13:00 UTC, and it says ‹Users accepted it.› now: sign "
        "it again"
    )
    assert [item.reasons for item in plan.blocking] == [(reason,)]
    assert plan.again == [f"{reason}: accepted"]
    # How its lines are broken is nothing to its reader.
    assert judge(signed=[replace(ACCEPTED, text=" Users\n accepted  it. ")]).ready
    # What is signed of a run that was weakened is bound in the same way.
    weak = make(10, weakened=("--allow-empty",))
    signed = replace(ACCEPTED, item="validated", text="Staging was looked at.")
    assert not judge([*READY, weak], [ACCEPTED, signed]).ready
    assert judge([*READY, weak], [ACCEPTED, replace(signed, text="Staging was validated.")]).ready
