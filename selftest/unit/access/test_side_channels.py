"""What people learn of rows through views, functions and other tables."""

import pytest

from postmigration.access.side_channels import Disclosure, Guarded, describe_disclosures, find_disclosures
from postmigration.model.evidence import Subject
from postmigration.postgres.connection import Snapshot
from selftest.unit.access.conftest import NOTES, STAFF, STRANGER
from selftest.unit.conftest import OpenSnapshot

SCRIPT = f"""
    {NOTES}
    GRANT USAGE ON SCHEMA public TO authenticated;
    CREATE VIEW bodies AS SELECT body FROM note;
    CREATE TABLE log (what jsonb);
    INSERT INTO log SELECT jsonb_build_object('note', ARRAY[id]) FROM note WHERE secret;
    CREATE FUNCTION tenant_of(note uuid) RETURNS SETOF note STABLE SECURITY DEFINER LANGUAGE sql AS
        'SELECT * FROM public.note AS n WHERE n.id = tenant_of.note';
    CREATE VIEW harmless AS SELECT 'first word' AS word;
    CREATE VIEW broken AS SELECT 1 / (SELECT count(*) FROM note WHERE false) AS n;
    GRANT SELECT ON bodies, log, harmless, broken TO authenticated;
"""
GUARDED = {"note": Guarded("t.tenant = CAST(:tenant AS uuid)", ["body"])}


@pytest.fixture(scope="module")
def open_(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def test_views_functions_and_tables_tell_of_rows(open_: Snapshot) -> None:
    found = find_disclosures(open_, lambda _: open_, [STRANGER, STAFF], GUARDED, but=["note"])
    assert {(told.source, told.kind): told.rows for told in found} == {
        ("view bodies", "outsider"): 3,
        ("table log", "outsider"): 1,
        ("function tenant_of(uuid)", "outsider"): 3,
        # Staff may know what is their tenant's, and the texts of others are no news to them.
        ("function tenant_of(uuid)", "internal"): 1,
    }


def test_what_is_judged_elsewhere_is_left_out(open_: Snapshot) -> None:
    but = ["note", "bodies", "log", "tenant_of"]
    assert find_disclosures(open_, lambda _: open_, [STRANGER], GUARDED, but=but) == []


def test_each_source_is_told_of_with_whom_it_tells_first() -> None:
    first = Disclosure("view a", "authenticated", "outsider", "note", "view a", 1_234, "stranger")
    later = Disclosure("view a", "authenticated", "internal", "note", "view a", 1, "staff")
    assert describe_disclosures([first, later]) == [("view a tells stranger of 1,234 note that are not theirs", 1)]
    assert first == Disclosure("view a", "authenticated", "outsider", "note", "other words", 9, "else")
    of_more = Disclosure("view a", "authenticated", "outsider", "task", "view a", 2, "stranger")
    other = Disclosure("view a", "anon", "outsider", "note", "view a", 5, "anon")
    assert describe_disclosures([first, of_more, other]) == [
        ("view a tells stranger of 1,234 note and 2 task that are not theirs; anon of 5 note", 1)
    ]


@pytest.mark.parametrize(
    ("source", "subject"),
    [
        ("view a", Subject("view", "app", "a")),
        ("table api.log", Subject.of_table("api", "log")),
        ("function api.of(uuid, a.b)", Subject("function", "api", "of(uuid, a.b)")),
    ],
)
def test_the_source_is_located(source: str, subject: Subject) -> None:
    assert Disclosure(source, "anon", "outsider", "note", source, 1, "anon").locate("app") == subject
