import re

import pytest
from psycopg.conninfo import make_conninfo

from postmigration.checks.server.old_hosts import examine, match_hosts
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers
from selftest.unit.uncommitted import Fill

NAMING = """
    CREATE FUNCTION send() RETURNS void LANGUAGE sql AS $$ SELECT 'http://old-db.example.org/in' $$;
    CREATE FUNCTION stay() RETURNS void LANGUAGE sql AS $$ SELECT 'http://new-db.example.org/in' $$;
    CREATE FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'old-db.example.org');
    CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, command text);
    INSERT INTO cron.job VALUES (4, 'SELECT net.http_get(''https://old-db.example.org'')'), (5, 'SELECT 1')
"""


@pytest.mark.parametrize(
    ("host", "text", "named"),
    [
        ("old-db.example.org", "postgresql://u@old-db.example.org/shop", True),
        ("old-db.example.org", "postgresql://u@cold-db.example.org/shop", False),
        ("old-db.example.org", "old-db.example.organization", False),
        ("db.abc.host.co", "https://abc.host.co/rest", True),
        ("db.host.co", "https://host.co", False),
        ("old", "host=old dbname=shop", True),
        ("old", "hostaddr = 'old'", True),
        ("old", "the old rows", False),
    ],
)
def test_a_text_names_a_host(host: str, text: str, named: bool) -> None:
    pattern = match_hosts([host]).replace("[:alnum:]", "a-z0-9")
    assert bool(re.search(pattern, text)) is named


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "/var/run/postgresql", "@abstract"])
def test_what_every_host_calls_itself_names_none(host: str) -> None:
    assert match_hosts([host]) == ""


def test_what_names_the_host_of_before_is_found_and_not_shown(servers: Servers, now: Fill) -> None:
    after = now(NAMING)
    # The connection leads to the first of its hosts.
    before = f"{after.info.host},old-db.example.org"
    database = Database(make_conninfo(servers[18].conninfo("postgres"), host=before), option="--baseline")
    shown = Snapshot(database)
    found = examine(after, shown)
    shown.close()
    database.close()
    tail = " still names the host of before: what it does goes on there"
    assert [finding.statement.removesuffix(tail) for finding in found.findings] == [
        "foreign server far",
        "function public.send()",
        "job 4 of pg_cron",
    ]
    assert {finding.severity for finding in found.findings} == {"warning"}


def test_without_a_host_of_before_there_is_nothing_to_name(was: Fill, now: Fill) -> None:
    assert examine(now(NAMING), was()).inapplicable.startswith("the state before has no host of its own")
    assert examine(now(NAMING), None).inapplicable
