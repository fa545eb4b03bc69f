import pytest

from postmigration.checks.server.user_mappings import examine
from selftest.unit.uncommitted import Fill

SERVER = "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere"
MAPPING = f"{SERVER}; CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'shop', password 'secret')"


def test_a_mapping_that_lost_its_password_is_found(was: Fill, now: Fill) -> None:
    found = examine(now(MAPPING, "ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (DROP password)"), was(MAPPING))
    (finding,) = found.findings
    assert finding.statement == "user mapping of far for PUBLIC has no password, and had: nobody can log in"
    assert finding.severity == "blocker"
    assert "password" in finding.repair
    assert "secret" not in finding.repair


def test_a_mapping_of_a_role_is_named_by_it(was: Fill, now: Fill) -> None:
    mapping = f"{SERVER}; CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'shop', password 'secret')"
    found = examine(now(f"{SERVER}; CREATE USER MAPPING FOR postgres SERVER far"), was(mapping))
    (finding,) = found.findings
    assert finding.statement.startswith("user mapping of far for postgres has no password and no user, and had")
    assert "postgres" in finding.repair


@pytest.mark.parametrize("more", ["", "; ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (ADD sslmode 'require')"])
def test_options_that_are_there_or_new_are_no_finding(was: Fill, now: Fill, more: str) -> None:
    found = examine(now(MAPPING + more), was(MAPPING))
    assert (found.findings, found.facts) == ([], 1)


def test_without_a_mapping_there_is_nothing_to_judge(was: Fill, now: Fill) -> None:
    assert examine(now(), was()).inapplicable == "there is no user mapping on either side"
