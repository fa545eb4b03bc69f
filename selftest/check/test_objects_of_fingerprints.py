"""A fingerprint holds the objects of before, too: what became weaker is found without a state before."""

import hashlib
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from selftest.check.conftest import Change
from selftest.check.judging import judge

MODULES = ("test_objects", "test_privileges", "test_settings", "test_extensions")


@pytest.fixture
def fingerprint(changed: Change, tmp_path: Path) -> str:
    """The file of a fingerprint of the world."""
    file = tmp_path / "before.fingerprint"
    assert cli.main(["fingerprint", f"--db-url={changed()[0]}", "--schema=sales", "-o", str(file)]) == 0
    return str(file)


def test_what_is_lost_or_wider_is_found(changed: Change, fingerprint: str) -> None:
    change = "ALTER TABLE sales.client DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON sales.tariff FROM anon"
    verdict = judge(fingerprint, changed(change)[1], only=MODULES)
    assert verdict.red() == {"test_row_level_security_is_as_before", "test_privileges_are_as_before"}
    said = " ".join(verdict.words("blocker"))
    assert "row-level security of table sales.client is off" in said
    assert "anon no longer has SELECT on table sales.tariff" in said


def test_what_is_as_it_was_is_not_accused(changed: Change, fingerprint: str) -> None:
    verdict = judge(fingerprint, changed()[1], only=MODULES)
    assert not verdict.words("blocker") + verdict.words("warning")
    assert not [reason for reason in verdict.unjudged.values() if "fingerprint" in reason]


def test_one_of_an_older_version_says_what_it_lacks(changed: Change, fingerprint: str) -> None:
    file = Path(fingerprint)
    *lines, objects, _ = file.read_text().splitlines()
    assert objects.startswith('{"objects of the database"')
    older = "".join(f"{line}\n" for line in lines).replace('fingerprint": 2', 'fingerprint": 1', 1)
    file.write_text(older + _seal(older))
    verdict = judge(fingerprint, changed()[1], only=MODULES)
    reasons = set(verdict.unjudged.values())
    assert "the fingerprint holds no objects: an older version took it" in reasons


def _seal(text: str) -> str:
    return '{"sha256": "' + hashlib.sha256(text.encode()).hexdigest() + '"}\n'
