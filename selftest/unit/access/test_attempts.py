"""What comes of statements that people try, and that nothing of them stays."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from postmigration.access.attempts import CURSOR, Attempt, try_all
from postmigration.access.principals import ANONYMOUS
from postmigration.model.errors import NotJudged
from postmigration.postgres.connection import Database
from selftest.unit.access.conftest import STAFF, STRANGER


@pytest.fixture
def connection(notes: Database) -> Iterator[sa.Connection]:
    with notes.begin_rollback_only() as opened:
        yield opened


def test_each_attempt_of_each_person_is_done_finds_no_rows_or_is_refused(connection: sa.Connection) -> None:
    attempts = {
        "read": Attempt("SELECT FROM note"),
        "write": Attempt("UPDATE note SET body = 'x' WHERE body = 'first'"),
        "delete": Attempt("DELETE FROM note"),
    }
    assert try_all(connection, [STAFF, STRANGER, ANONYMOUS, None], attempts) == {
        ("staff", "read"): "done",
        ("staff", "write"): "done",
        ("staff", "delete"): "42501",
        ("stranger", "read"): "no rows",
        ("stranger", "write"): "no rows",
        ("stranger", "delete"): "42501",
        ("anon", "read"): "42501",
        ("anon", "write"): "42501",
        ("anon", "delete"): "42501",
        ("", "read"): "done",
        ("", "write"): "done",
        ("", "delete"): "done",
    }


def test_nothing_of_an_attempt_stays(connection: sa.Connection) -> None:
    assert try_all(connection, [None], {"delete": Attempt("DELETE FROM note")}) == {("", "delete"): "done"}
    assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar_one() == 3
    assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "postgres"


def test_a_statement_may_change_the_row_on_which_the_cursor_stands(connection: sa.Connection) -> None:
    # Staff see no secret note, and may change one that somebody else has found.
    row = "SELECT * FROM note WHERE secret FOR UPDATE"
    attempts = {
        "by the cursor": Attempt(f"UPDATE note SET body = 'x' WHERE CURRENT OF {CURSOR}", row),
        "by its id": Attempt("UPDATE note SET body = 'x' WHERE secret"),
    }
    assert try_all(connection, [STAFF], attempts) == {
        ("staff", "by the cursor"): "done",
        ("staff", "by its id"): "no rows",
    }


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RAISE EXCEPTION USING ERRCODE = '55P03'", "staff tried to write: another session held a lock; try again"),
        ("PERFORM set_config('role', 'none', true)", "code of the database went on as another role"),
    ],
    ids=["a lock", "another role"],
)
def test_what_tells_nothing_of_somebody_s_rights_is_not_judged(
    connection: sa.Connection, code: str, reason: str
) -> None:
    connection.exec_driver_sql(
        f"CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {code}; RETURN NEW; END $$"
    )
    connection.exec_driver_sql(
        "CREATE TRIGGER meddle BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION public.meddle()"
    )
    with pytest.raises(NotJudged, match=reason):
        try_all(connection, [STAFF], {"write": Attempt("UPDATE note SET body = 'x'")})
