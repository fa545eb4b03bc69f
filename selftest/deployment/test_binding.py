"""A record counts only for what it is of; each reason names what is there and what is wanted."""

import dataclasses
import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.binding import Wanted, find_database, find_reasons, find_source
from postmigration.deployment.records.record import File, Record
from selftest.deployment.records import GO, NOON, PRODUCTION, SCRIPTS, STAGING, make

HOUR = datetime.timedelta(hours=1)
LIVE = make(60, environment="production", database=PRODUCTION)
DUMP = File(name="before.dump", sha256="c" * 64)


def want(**fields: Any) -> Wanted:
    """What the GO of staging is of, but for some fields."""
    return Wanted(**{
        "now": NOON + 24 * HOUR, "suite": "0.1.0", "environment": "staging", "scripts": SCRIPTS, "commit": "0" * 40,
        "database": STAGING, "within": 24 * HOUR, "records": (GO, LIVE), **fields
    })  # fmt: skip


def test_a_record_of_what_is_wanted_counts() -> None:
    assert find_reasons(GO, want()) == []
    assert find_reasons(GO, want(database=None)) == []
    assert find_reasons(replace(GO, scripts=()), Wanted(now=NOON, suite="0.1.0")) == []
    rehearsed = make(command="rehearse", database=None)
    assert find_reasons(rehearsed, Wanted(now=NOON, suite="0.1.0")) == []
    assert find_reasons(LIVE, want(environment="production", database=PRODUCTION)) == []
    # Started again since, and reached by somebody else.
    again = replace(STAGING, started="2026-11-28", label="dba@staging:5432/app")
    assert find_reasons(GO, want(database=again)) == []


REBUILT = replace(STAGING, system="7399", label="gate@staging:5432/app")
STAGING_WORDS = "gate@staging:5432/app (system 7300000000000000001, started 2026-11-01)"


@pytest.mark.parametrize(
    ("record", "wanted", "reason"),
    [
        (GO, want(environment="production", database=None), "was of staging, and not of production"),
        (
            make(environment=""),
            want(),
            "was of no named environment (--environment), and not of staging",
        ),
        (make(demonstration=True), want(), "was of the demonstration world, and of no database of yours"),
        (make(database=None), want(), "reached no database"),
        (make(command="fingerprint", database=None), want(), "reached no database"),
        (make(command="workload", database=None), want(), "reached no database"),
        (
            GO,
            want(database=REBUILT),
            f"was of another database: {STAGING_WORDS}, and not gate@staging:5432/app (system 7399, started "
            "2026-11-01)",
        ),
        (
            GO,
            want(database=None, records=(GO, make(120, command="check", database=REBUILT))),
            f"was of another database: {STAGING_WORDS}, and the check of 2026-11-28 14:05 UTC was of "
            "gate@staging:5432/app (system 7399, started 2026-11-01)",
        ),
        (
            GO,
            want(records=(GO, replace(LIVE, database=replace(STAGING, label="postgres@[/run]:5432/app")))),
            f"was of {STAGING_WORDS}, which the gate of 2026-11-28 13:05 UTC calls production: staging and production "
            "are the same database",
        ),
        (
            GO,
            want(scripts=(SCRIPTS[0], replace(SCRIPTS[1], sha256="d" * 64))),
            "was made with other scripts: scripts/02.sql changed since",
        ),
        (
            GO,
            want(scripts=(SCRIPTS[0], File(name="scripts/2.sql", sha256="b" * 64))),
            "was made with other scripts: scripts/2.sql new since, scripts/02.sql gone since",
        ),
        (
            make(command="fingerprint"),
            want(scripts=tuple(File(name=f"{n}.sql", sha256="d" * 64) for n in range(5))),
            "was made with other scripts: 0.sql, 1.sql, 2.sql and 2 more new since, scripts/01.sql, scripts/02.sql "
            "gone since",
        ),
        (
            make(scripts=()),
            want(),
            "says nothing of scripts: it was not run in the project's directory",
        ),
        (
            make(command="check", scripts=()),
            want(),
            "says nothing of scripts: postmigration check knows none; run pytest in the project's directory",
        ),
        (GO, want(commit="1" * 40), "was made at commit 000000000000, and this is 111111111111"),
        (make(commit=""), want(), "knows no commit, and this is 000000000000"),
        (
            make(commit="0" * 40 + "+changes"),
            want(commit="0" * 40 + "+changes"),
            "was made with changes to commit 000000000000 that nobody has committed",
        ),
        (
            make(commit="0" * 40 + "+changes"),
            want(commit="1" * 40),
            "was made at commit 000000000000+changes, and this is 111111111111",
        ),
        (
            GO,
            want(commit="0" * 40 + "+changes"),
            "was made at commit 000000000000, and this directory holds changes that nobody has committed",
        ),
        (GO, want(suite="0.2.0"), "was made by postmigration 0.1.0, and this is 0.2.0"),
        (GO, want(within=23.5 * HOUR), "was 23.9 h ago, and proves nothing after 23.5 h"),
    ],
)
def test_a_record_of_something_else_does_not_count(record: Record, wanted: Wanted, reason: str) -> None:
    assert find_reasons(record, wanted) == [reason]


def test_a_record_may_not_count_for_several_reasons() -> None:
    reasons = find_reasons(GO, want(suite="0.2.0", commit="1" * 40, within=HOUR, scripts=SCRIPTS[:1]))
    assert [reason.split(",")[0] for reason in reasons] == [
        "was made with other scripts: scripts/02.sql gone since",
        "was made at commit 000000000000",
        "was made by postmigration 0.1.0",
        "was 23.9 h ago",
    ]


def test_a_backup_and_what_an_application_sends_are_what_they_are_with_other_scripts() -> None:
    other = want(scripts=SCRIPTS[:1], commit="1" * 40, database=PRODUCTION)
    for command in ("verify-backup", "workload"):
        assert find_reasons(make(command=command, backup=(DUMP,)), other) == []


def test_the_state_before_may_have_been_on_another_server() -> None:
    for command in ("fingerprint", "rehearse"):
        assert find_reasons(make(command=command, database=PRODUCTION), want(records=(GO, LIVE))) == []


def test_the_demonstration_world_is_of_development() -> None:
    demonstration = make(environment="development", demonstration=True)
    assert find_reasons(demonstration, want(environment="development", database=None)) == []
    # Nobody's database is that of a demonstration, which is thrown away.
    assert find_reasons(GO, want(records=(GO, replace(LIVE, demonstration=True, database=STAGING)))) == []


def test_the_database_of_an_environment_is_that_of_its_newest_record() -> None:
    newer = make(90, database=REBUILT)
    others = (make(120, database=None), make(130, command="fingerprint"), make(140, demonstration=True))
    assert find_database([newer, GO, LIVE, *others], "staging") == newer
    assert find_database([GO, LIVE], "development") is None


def test_a_backup_is_of_the_database_of_the_fingerprint_that_it_was_compared_with() -> None:
    fingerprint = File(name="before.fingerprint", sha256="f" * 64)
    taken = make(-10, command="fingerprint", database=PRODUCTION, backup=(fingerprint,))
    elsewhere = replace(fingerprint, name="handed-on.fingerprint")
    verified = make(command="verify-backup", database=None, backup=(DUMP, elsewhere))
    assert find_source(verified, (taken, verified)) == PRODUCTION
    # Nobody knows of what a fingerprint of other bytes is, and no other command took one.
    other = replace(taken, backup=(replace(fingerprint, sha256="d" * 64),))
    assert find_source(verified, (other, verified, make(database=STAGING, backup=(fingerprint,)))) is None
    assert find_source(replace(verified, baseline=STAGING), (taken, verified)) == STAGING
    wanted = want(environment="", database=None, source=STAGING, within=25 * HOUR, records=(taken, verified))
    (reason,) = find_reasons(verified, wanted)
    assert reason.startswith("was of another database: gate@production:5432/app")
    wanted = dataclasses.replace(wanted, source=PRODUCTION)
    assert find_reasons(verified, wanted) == []
    # Equal to what was so then, it is no younger than that.
    (reason,) = find_reasons(verified, dataclasses.replace(wanted, within=24 * HOUR))
    assert reason == "compared the backup with a fingerprint of 24.1 h ago, and proves nothing after 24 h"


def test_a_gate_with_scripts_does_not_count_once_there_are_none() -> None:
    (reason,) = find_reasons(GO, want(scripts=()))
    assert reason == "was made with other scripts: scripts/01.sql, scripts/02.sql gone since"
