"""Whether the rows of today would accept a rule, asked without running code of others with our rights."""

import pytest

from postmigration.checks.contents import acceptance
from postmigration.checks.contents.acceptance import tell_acceptance
from selftest.unit.uncommitted import Fill

WORLD = "CREATE TABLE item (id int, price int); INSERT INTO item VALUES (1, 5), (1, -5), (NULL, 7)"
UNKNOWN = "-- beforehand: whether the rows of today fit was not looked at: look first, it is refused while one does not"
# A comparison with a number calls what the owner of the type has made for that.
OWNED = """
    SET LOCAL ROLE unit_owner;
    CREATE TYPE odd AS (n int);
    CREATE FUNCTION count_odd(odd) RETURNS int LANGUAGE sql AS
        $$SELECT CASE current_user WHEN 'unit_owner' THEN 1 ELSE -1 END$$;
    CREATE CAST (odd AS int) WITH FUNCTION count_odd(odd) AS IMPLICIT;
    CREATE TABLE own (v odd); INSERT INTO own VALUES (ROW(7));
    RESET ROLE
"""


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("CHECK ((price > 0));", "1 row of public.item does not fit: it is refused until that is mended"),
        ("PRIMARY KEY (id);", "3 rows of public.item do not fit: it is refused until they are mended"),
        ("UNIQUE (price);", "all rows of public.item were read, and fit"),
        ("FOREIGN KEY (id) REFERENCES public.item(price);", "2 rows of public.item do not fit"),
    ],
)
def test_rows_that_do_not_fit_are_counted(now: Fill, rule: str, said: str) -> None:
    (told,) = tell_acceptance(now(WORLD), [f"ALTER TABLE public.item ADD CONSTRAINT sound {rule}"])
    assert told.startswith(f"-- beforehand: {said}")


def test_code_of_the_owner_runs_with_the_rights_of_the_owner(now: Fill) -> None:
    after = now("CREATE ROLE unit_owner; GRANT CREATE ON SCHEMA public TO unit_owner", OWNED)
    (told,) = tell_acceptance(after, ["ALTER TABLE public.own ADD CONSTRAINT sound CHECK ((v > 0));"])
    assert told.startswith("-- beforehand: all rows of public.own were read, and fit\n")


def test_a_table_that_is_not_there_hinders_no_other(now: Fill) -> None:
    rules = [f"ALTER TABLE public.{name} ADD CONSTRAINT sound UNIQUE (price);" for name in ("gone", "item")]
    first, second = tell_acceptance(now(WORLD), rules)
    assert first == f"{UNKNOWN}\n{rules[0]}"
    assert second.startswith("-- beforehand: all rows of public.item were read, and fit\n")


def test_tables_are_as_large_as_they_are_and_not_as_their_statistics_say(
    now: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "_PAGES", 1)
    after = now(
        "CREATE TABLE whole (id int, year int) PARTITION BY LIST (year)",
        "CREATE TABLE part PARTITION OF whole FOR VALUES IN (1)",
        "INSERT INTO whole SELECT g, 1 FROM generate_series(1, 1000) g; CREATE TABLE few AS SELECT 1 AS id",
    )
    whole, few, child = tell_acceptance(
        after,
        [
            "ALTER TABLE public.whole ADD CONSTRAINT sound CHECK ((id > 0));",
            "ALTER TABLE public.few ADD CONSTRAINT sound CHECK ((id > 0));",
            "ALTER TABLE public.few ADD CONSTRAINT sound FOREIGN KEY (id) REFERENCES public.whole(id);",
        ],
    )
    assert [words.startswith(UNKNOWN) for words in (whole, few, child)] == [True, False, True]
