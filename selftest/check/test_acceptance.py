"""A repair that adds a rule says before it is run whether the rows of today accept it."""

from __future__ import annotations

import re

import psycopg
import pytest

from selftest.check.conftest import Change
from selftest.check.judging import judge
from selftest.tiers import few

MODULES = ("test_objects",)
_CLIENT = (
    "INSERT INTO sales.client (mail, \"Full Name\", kind, code) VALUES (gen_random_uuid() || '@b', 'A', '{}', '{}')"
)
_LOOK = "whether the rows of today fit was not looked at: look first"
# What breaks the world, and what is said before the repair.
FAULTS = {
    f"ALTER TABLE sales.client DROP CONSTRAINT client_kind_check; {_CLIENT.format('nobody', 'x1')}": (
        "1 row of sales.client does not fit"
    ),
    "ALTER TABLE sales.client DROP CONSTRAINT client_kind_check": "all rows of sales.client were read, and fit",
    f"ALTER TABLE sales.client DROP CONSTRAINT client_code_key; {_CLIENT.format('person', 'y')}; "
    f"{_CLIENT.format('person', 'y')}": "2 rows of sales.client do not fit",
    "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_client; "
    "INSERT INTO sales.invoice (client_id, net) VALUES (-7, 1)": "1 row of sales.invoice does not fit",
    'ALTER TABLE "Staff"."Person" ALTER "Name" DROP NOT NULL; '
    'INSERT INTO "Staff"."Person" ("ID") VALUES (-1), (-2)': '2 rows of "Staff"."Person" do not fit',
    "GRANT USAGE ON SCHEMA sales TO check_owner; "
    "ALTER TABLE sales.tariff DROP CONSTRAINT tariff_pkey, ALTER valid_from DROP NOT NULL; "
    "INSERT INTO sales.tariff (valid_from) VALUES ('2031-01-01'), ('2031-01-01'), (NULL)": (
        "3 rows of sales.tariff do not fit"
    ),
    "ALTER TABLE sales.invoice DROP CONSTRAINT no_overlap": _LOOK,
    # Its owner, as whom it is read, may not use the schema.
    "ALTER TABLE sales.tariff DROP CONSTRAINT tariff_pkey": _LOOK,
    # What an expression runs is not known to be PostgreSQL's own.
    "DROP INDEX sales.client_mail": _LOOK,
}


@pytest.mark.parametrize("fault", few(list(FAULTS)))
def test_whether_the_rows_accept_it_is_said_beforehand(changed: Change, fault: str) -> None:
    before, after = changed(*fault.split("; "))
    repairs = [repair for repair in judge(before, after, only=MODULES).repairs("blocker") if "beforehand" in repair]
    told = [repair for repair in repairs if f"-- beforehand: {FAULTS[fault]}" in repair]
    assert told, repairs
    shown = re.search(r"^-- beforehand: (SELECT .*;)$", told[0], re.MULTILINE)
    number = re.search(r"(\d+) rows? of", FAULTS[fault])
    with psycopg.connect(after) as connection:
        if shown is None:
            assert number is None
        else:
            rows = connection.execute(shown[1].encode()).fetchall()
            # Of rows that are alike each key is shown, and how often it is there.
            times = sum(row[-1] if " AS times " in shown[1] else 1 for row in rows)
            assert number is not None
            assert times == int(number[1])
        statement = "\n".join(line for line in told[0].splitlines() if not line.startswith("--"))
        if number is not None:
            with pytest.raises(psycopg.errors.IntegrityError, match=r"unique|violat|null"):
                connection.execute(statement.encode())
        else:
            connection.execute(statement.encode())
        connection.rollback()
