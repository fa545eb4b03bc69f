"""The account of a backup that is being restored, in sentences without a value."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from postmigration.backups.restore_log import RestoreLog, said
from postmigration.model.errors import CannotJudge
from selftest.unit.backups.conftest import fail


def test_rows_that_were_set_aside_are_summed_by_their_table() -> None:
    log = RestoreLog()
    log.set_aside('"auth"."users"', 1_000)
    log.set_aside("auth.users", 234)
    assert log.list_notes() == ("1,234 rows of auth.users, a table that the backup does not define",)


def test_what_was_left_out_is_named_or_counted() -> None:
    log = RestoreLog()
    log.leave_out("comment", "")
    log.leave_out("grant", "x")
    log.leave_out("grant", "y")
    log.leave_out("extension", "pg_cron")
    log.leave_out("extension", '"Odd"')
    log.leave_out("function", "auth.f", platform=True)
    assert log.list_notes() == (
        'left out: 1 comment; extensions "Odd", pg_cron; function of the platform auth.f; 2 grants',
    )
    assert RestoreLog().list_notes() == ()


def test_what_the_server_said_holds_no_value(connection: psycopg.Connection[Any]) -> None:
    assert said(fail(connection, "SELECT 'secret'::int")).endswith("(SQLSTATE 22P02)")
    assert "secret" not in said(fail(connection, "SELECT 'secret'::int"))
    assert said(fail(connection, "SELEC 'secret'")) == "the statement failed (SQLSTATE 42601)"
    definition = "CREATE TABLE public.t (i public.mood)"
    assert said(fail(connection, definition), defines=True) == 'type "public.mood" does not exist (SQLSTATE 42704)'


def test_a_server_that_cannot_go_on_says_nothing_about_the_backup(connection: psycopg.Connection[Any]) -> None:
    full = fail(connection, "DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$")
    with pytest.raises(CannotJudge, match=r"the embedded PostgreSQL cannot work in .*no room"):
        said(full)
