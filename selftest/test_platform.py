"""What the platform holds of people is compared as far as it can be read, and never shown."""

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge
from selftest.tiers import few

PASSWORDS = """
    ALTER TABLE auth.users ADD COLUMN encrypted_password text, ADD COLUMN banned_until timestamptz,
        ADD COLUMN last_sign_in_at timestamptz;
    UPDATE auth.users SET encrypted_password = '$2a$10$' || md5(id::text);
"""

CHECK = "rows_of_the_platform_are_there"


@pytest.mark.parametrize(
    ("change", "sound"),
    few(
        [
            ("UPDATE auth.users SET encrypted_password = NULL", False),
            ("UPDATE auth.users SET banned_until = '2999-01-01'", False),
            ("UPDATE auth.users SET last_sign_in_at = now()", True),
            ("INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'new@example.com')", True),
        ],
        0,
        2,
    ),
    ids=["no_password", "banned", "signed_in", "signed_up"],
)
def test_who_could_sign_in_still_can(
    server: embedded.Server, copy: Copy, judge: Judge, change: str, sound: bool
) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name in (before, after):
        with server.connect(name) as connection:
            connection.execute(PASSWORDS)
    with server.connect(after) as connection:
        connection.execute(change.encode())
    options = (f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}")
    judged = judge(*options, "--show-values", "-k", CHECK, "--allow-partial")
    assert judged.red() == (set() if sound else {CHECK}), judged.output
    assert "$2a$10$" not in judged.output
