"""Where a database is, as a user writes it, and without its password for everybody else."""

import os

import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.model.errors import CannotJudge
from postmigration.postgres.dsn import conninfo, ignore_environment, is_secret, redact, redact_secrets


@pytest.mark.parametrize(
    "text",
    ["postgresql://me:p%40ss@db:5433/shop", "postgres://me:p%40ss@db:5433/shop", "postgresql+psycopg://me:p%40ss@db:5433/shop",
     "user=me password=p@ss host=db port=5433 dbname=shop"],
)  # fmt: skip
def test_each_form_of_an_address_leads_to_the_same_database(text: str) -> None:
    parts = conninfo_to_dict(conninfo(text, "--db-url"))
    assert {name: parts[name] for name in ("user", "password", "host", "port", "dbname")} == {
        "user": "me",
        "password": "p@ss",
        "host": "db",
        "port": "5433",
        "dbname": "shop",
    }
    assert (parts["client_encoding"], parts["connect_timeout"], parts["hostaddr"]) == ("UTF8", "10", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" ", r"--db-url is empty \(a variable that is not set\?\): want postgresql://"),
        ("mysql://me:secret@db/shop", "--db-url is not a PostgreSQL URL but mysql://"),
        ("postgresql://me:sec@ret@db/shop", "--db-url cannot be read as a PostgreSQL URL: .*must be percent-encoded"),
        ("postgresql://db:secret/shop", "--db-url cannot be read"),
        ("host=db port=secret", "--db-url cannot be read"),
        ("secret", "--db-url cannot be read"),
    ],
)
def test_what_names_no_database_is_refused_without_repeating_it(text: str, words: str) -> None:
    with pytest.raises(CannotJudge, match=words) as caught:
        conninfo(text, "--db-url")
    assert "secret" not in str(caught.value)


def test_a_password_is_taken_out_of_what_a_server_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter3")
    said = "no hunter2\n  for\tme, hunter3"
    assert redact(said, "user=me password=hunter2") == "no *** for me, ***"


@pytest.mark.parametrize(
    ("text", "secret"),
    [("postgresql://me@db/shop", True), ("host=db password = x", True), ("https://user:p@host", True),
     ("a%3A%2F%2Fb%40c", True), ("report.html", False), ("https://host/page", False)],
)  # fmt: skip
def test_what_looks_like_an_address_is_a_secret(text: str, secret: bool) -> None:
    assert is_secret(text) is secret


def test_passwords_and_addresses_are_taken_out_of_messages() -> None:
    assert redact_secrets("no postgresql://me:a/b:c@db/shop, password='a b' host=x") == (
        "no postgresql://***@db/shop, password=*** host=x"
    )
    address = "postgresql://me:secret@db"
    assert redact_secrets(f"unknown: {address}, -x", ["--dburl=" + address, "-x"]) == "unknown: ***, -x"


def test_the_environment_is_hidden_from_libpq_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    with ignore_environment():
        assert not [name for name in os.environ if name.startswith("PG")]
    assert os.environ["PGHOST"] == "elsewhere"
