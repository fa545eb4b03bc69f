"""Secrets in the text of definitions are masked, the same one alike."""

import re

import pytest

from postmigration.model.secrets import has_secret, mask_secrets

MARK = r"‹secret [0-9a-f]{8}›"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("apikey: 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoi.abc'", f"apikey: '{MARK}'"),
        ("sk_live_abcdefghijklmnop1234", MARK),
        ("'ghp_abcdefghijklmnopqrst'", f"'{MARK}'"),
        ("AKIAABCDEFGHIJKLMNOP", MARK),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MARK}"),
        ("https://user:pass@host/x", f"https://{MARK}@host/x"),
        ("host=db password=hunter2 user=a", f"host=db password={MARK} user=a"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", MARK),
    ],
)
def test_a_secret_is_replaced_by_a_mark(text: str, masked: str) -> None:
    assert re.fullmatch(masked, mask_secrets(text))


@pytest.mark.parametrize(
    "text", ["SELECT 'a risky business'", "password=new.password", "https://host/a@b", "skip_lock"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text


def test_the_mark_tells_whether_it_is_the_same_secret() -> None:
    one, same, other = (mask_secrets(f"password={word}") for word in ("hunter2", "hunter2", "hunter3"))
    assert one == same != other


def test_a_text_has_a_secret_with_it_and_with_its_mark() -> None:
    assert has_secret("password=hunter2")
    assert has_secret(mask_secrets("password=hunter2"))
    assert not has_secret("a secret › ‹secret")
