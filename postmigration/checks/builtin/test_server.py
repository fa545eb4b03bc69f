"""The server lets the application in and lets it write, and is operated as before."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.server import openness, operation, passwords, sessions
from postmigration.checks.server.reading import live_baseline

pytestmark = pytest.mark.secondary


def test_the_database_is_open(target: Target) -> None:
    """Everybody who could may connect, write, and find the tables by their names.

    Impact: All is migrated well, and the application cannot connect, cannot write, or finds no table.

    Likely causes: The database was closed or set to read only for the time of the migration, and not opened again; the
    privilege to connect is on the database itself, which a dump of its contents does not hold.

    Fix: Run the statement that each finding names; sessions that are open keep what was set when they began.
    """
    if target.migration.tables:
        target.not_applicable("of a project it is judged whether nothing was left in maintenance")
    compared = target.before.fingerprint is not None or live_baseline(target) is not None
    openness.examine(
        target.snapshot, live_baseline(target), target.schemas, settings_compared=compared
    ).pass_to(target)  # fmt: skip


def test_no_transaction_is_left_open(target: Target) -> None:
    """No transaction is prepared for more than a minute, and no session idle in one for long.

    Impact: Its locks keep others waiting, over every restart of the server, and VACUUM removes nothing that is younger.

    Likely causes: A coordinator of transactions was stopped in between; somebody left a transaction open in a tool.

    Fix: Ask whose it is; then commit it or roll it back, or end the session.
    """
    sessions.examine(target.snapshot, live_baseline(target)).pass_to(target)


def test_roles_keep_their_passwords(target: Target) -> None:
    """Every role that logs in and holds something here has a password where it had one, and may use it still.

    Impact: The application cannot sign in.

    Likely causes: Roles were created anew; pg_dumpall was run with --no-role-passwords, as hosted servers ask for.

    Fix: Set the password again; what is kept as MD5 is better set anew as SCRAM before the server refuses it.
    """
    passwords.examine(target.snapshot, live_baseline(target)).pass_to(target)


def test_wal_is_archived(target: Target) -> None:
    """The server archives its WAL.

    Impact: WAL piles up until the disk is full, and a backup cannot be brought up to the last minute.

    Likely causes: The archive command or its credentials were not moved, or another server writes to the same archive.

    Fix: Read the server's log for what the command says, and set archive_command right.
    """
    operation.examine_archiving(target.snapshot, live_baseline(target)).pass_to(target)


def test_standbys_follow(target: Target) -> None:
    """As many standbys follow the server as before, and keep up with it.

    Impact: When the server fails, nothing is there to take over, or it lacks the last hours.

    Likely causes: The standbys of the old server were not built anew for this one.

    Fix: Build them with pg_basebackup, or wait until they have caught up.
    """
    if target.baseline is not None and live_baseline(target) is None:
        target.not_applicable(f"{target.before.copied_from} does not tell of standbys", not_held="standbys")
    operation.examine_standbys(target.snapshot, live_baseline(target)).pass_to(target)


def test_settings_of_the_server_are_reported(target: Target) -> None:
    """The settings of the server that matter to an application are compared with those of before, and reported.

    Impact: Statements are cancelled sooner, fewer sessions are let in, or times are shown in another zone.

    Likely causes: A new server starts with its own defaults.

    Fix: Look at each, and set what the application relies on.
    """
    before = target.before.rows()
    if live_baseline(target) is None:
        words = f"{target.before.copied_from} is not compared in the settings of its server"
        target.not_applicable(words, not_held="settings of the server")
    operation.compare_settings(target.snapshot, before).pass_to(target)
