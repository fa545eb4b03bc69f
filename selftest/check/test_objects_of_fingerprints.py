"""A fingerprint holds the objects of before, too: what became weaker is found without a state before."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from postmigration.gate.commands import cli
from postmigration.model.errors import CannotJudge
from postmigration.model.secrets import mask_secrets
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


@pytest.mark.full
def test_one_of_an_older_version_says_what_it_lacks(changed: Change, fingerprint: str) -> None:
    file = Path(fingerprint)
    head, *lines, objects, _ = file.read_text().splitlines()
    assert objects.startswith('{"objects of the database"')
    held = json.loads(head)
    assert held.pop("workload")
    held["postmigration fingerprint"] = 3
    older = "".join(f"{line}\n" for line in (json.dumps(held, separators=(",", ":")), *lines, objects))
    file.write_text(older + _seal(older))
    verdict = judge(fingerprint, changed()[1], only=(*MODULES, "test_sequences", "test_statements"))
    assert not [words for words in verdict.words("told") if "older version" in words]
    words = "what the application sends is not known: name it with --workload, or a running state before"
    assert verdict.unjudged["test_what_the_application_sends_still_runs"] == words
    assert held.pop("sequences")
    assert held.pop("large_objects")
    for version, kept in ((2, [*lines, objects]), (1, lines)):
        held["postmigration fingerprint"] = version
        older = "".join(f"{line}\n" for line in (json.dumps(held, separators=(",", ":")), *kept))
        file.write_text(older + _seal(older))
        verdict = judge(fingerprint, changed()[1], only=(*MODULES, "test_sequences"))
        reasons = set(verdict.unjudged.values())
        assert ("the fingerprint holds no objects: an older version took it" in reasons) == (version == 1)
        notes = " ".join(verdict.words("told"))
        assert "the fingerprint holds no sequences: an older version took it; judged without a state before" in notes


def _seal(text: str) -> str:
    return '{"sha256": "' + hashlib.sha256(text.encode()).hexdigest() + '"}\n'


ROWS = ("test_rows",)


def test_tables_of_which_it_holds_no_rows_are_not_judged(changed: Change, fingerprint: str) -> None:
    after = changed("DELETE FROM hall.seat")[1]
    verdict = judge(fingerprint, after, only=ROWS)
    (reason,) = (words for words in verdict.unjudged.values() if "hall.seat" in words)
    assert "the fingerprint holds rows of schema sales alone: judge that with --schema=sales" in reason
    verdict = judge(fingerprint, after, "--schema=sales", only=ROWS)
    assert not [words for words in verdict.unjudged.values() if "the fingerprint holds" in words]


def test_tables_that_were_cut_out_of_it_are_not_judged(changed: Change, fingerprint: str) -> None:
    file = Path(fingerprint)
    *lines, _ = file.read_text().splitlines()
    cut = "".join(f"{line}\n" for line in lines if not line.startswith('{"name":"invoice"'))
    assert cut.count("\n") == len(lines) - 1
    file.write_text(cut + _seal(cut))
    verdict = judge(fingerprint, changed("DELETE FROM sales.shirt")[1], "--schema=sales", only=ROWS)
    (reason,) = (words for words in verdict.unjudged.values() if "sales.invoice" in words)
    assert "the fingerprint holds no rows of it, and lists it as a table" in reason


@pytest.mark.parametrize("lost", ["objects of the database", "sequences", "large_objects", "workload"])
def test_one_of_which_something_was_cut_out_is_refused(changed: Change, fingerprint: str, lost: str) -> None:
    file = Path(fingerprint)
    head, *lines, _ = file.read_text().splitlines()
    held = {name: what for name, what in json.loads(head).items() if name != lost}
    kept = [line for line in lines if not line.startswith(f'{{"{lost}"')]
    cut = "".join(f"{line}\n" for line in (json.dumps(held, separators=(",", ":")), *kept))
    file.write_text(cut + _seal(cut))
    with pytest.raises(CannotJudge, match="is damaged or was changed"):
        judge(fingerprint, changed()[1], only=ROWS)


# Each is made up, of the form that its service gives it.
SECRETS = (
    "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZSJ9.c2lnbmF0dXJl",
    "sk_live_" + "0123456789abcdef",
    "ghp_" + "0123456789abcdefghij",
    "AKIA" + "0123456789ABCDEF",
    "-----BEGIN RSA PRIVATE KEY-----x1-----END RSA PRIVATE KEY-----",
    "Bearer opaque-token-1",
    "https://me:geheim1@host/",
    "host=h password=geheim1",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_and_told_from_another_one(secret: str) -> None:
    masked = mask_secrets(f"call('{secret}')")
    assert masked.startswith("call('"), masked
    assert masked.endswith(("')", "host/')"))
    assert not {secret, "geheim1", "opaque-token-1"} & set(re.split(r"['@ /:=]", masked))
    assert "‹secret " in masked
    assert masked == mask_secrets(f"call('{secret}')") != mask_secrets(f"call('{secret.replace('1', '2')}')")


@pytest.mark.parametrize(
    "text", ["SELECT password = new.password FROM t", "'https://host/path'", "skill_live_1", "bearer of news", "a.b.c"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_secrets(text) == text


def test_secrets_in_definitions_are_told_nobody(changed: Change, tmp_path: Path) -> None:
    key = SECRETS[1]
    before, after = changed(f"ALTER TABLE sales.tariff ALTER valid_from DROP DEFAULT, ADD note text DEFAULT '{key}'")
    file = tmp_path / "after.fingerprint"
    assert cli.main(["fingerprint", f"--db-url={after}", "--schema=sales", "-o", str(file)]) == 0
    assert key not in file.read_text()
    assert "‹secret " in file.read_text()
    verdict = judge(str(file), before, only=MODULES)
    assert key not in repr([verdict.words("blocker"), verdict.repairs("blocker")])
    assert verdict.red()
