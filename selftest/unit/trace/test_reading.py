"""The two databases as a trace reads them."""

from postmigration.model.changes import NewIds
from postmigration.trace.reading import Side, as_key, as_text, name_far, name_identity, own_field
from selftest.unit.trace.worlds import BEFORE, PERSON, VISIT, sample
from selftest.unit.uncommitted import Fill


def test_tables_that_can_be_read_are_traced(now: Fill) -> None:
    side = Side(
        now(
            BEFORE,
            "CREATE VIEW shown AS SELECT 1; CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
            "CREATE ROLE unit_reader; GRANT SELECT ON person, visit TO unit_reader; SET LOCAL ROLE unit_reader",
        ),
        ["public"],
    )
    assert [name for _, name in side.tables] == ["person", "visit"]
    assert side.unread == ["flag: GRANT SELECT ON public.flag to the role that judges"]
    assert [(link.column, link.parent) for link in side.links[VISIT]] == [("person_id", PERSON)]


def test_rows_are_counted_sampled_and_found(now: Fill) -> None:
    side = Side(now(BEFORE), ["public"])
    person = side.tables[PERSON]
    assert (side.count(person), side.count(person, "r.kind = 'guest'")) == (24, 8)
    fields = [own_field(person.columns[name]) for name in ("id", "kind")]
    few = side.sample(person, fields, "r.id < 9", limit=3)
    assert len(few) == 3
    # Always the same ones.
    assert few == side.sample(person, fields, "r.id < 9", limit=3)
    assert side.find(person, fields, ["r.id"], [("3",), ("99",)]) == [{"id": "3", "kind": "guest"}]
    assert side.find(person, fields, ["r.kind", "r.id"], [("guest", "3"), ("guest", "4")]) == [
        {"id": "3", "kind": "guest"}
    ]


def test_what_a_row_refers_to_can_be_read_too(now: Fill) -> None:
    side = Side(now(BEFORE), ["public"])
    fields = {field.name: field for field in side.fields(side.tables[VISIT])}
    far = fields[name_far("person.name", "person_id")]
    assert (far.own, fields["note"].own) == (False, True)
    assert far.sql == "(SELECT p.name FROM public.person p WHERE p.id = r.person_id)"
    (row,) = side.sample(side.tables[VISIT], [fields["person_id"], far], "r.id = 1")
    assert row == {"person_id": "2", "person.name by person_id": "Name B14"}


def test_new_ids_are_read_as_what_their_rows_are_known_by(now: Fill) -> None:
    side = Side(now(BEFORE), ["public"])
    side.take_new_ids([NewIds(table="person", column="id", by=("email",))])
    (row,) = (row for row in sample(side, side.tables[VISIT]) if row["id"] == "1")
    assert row["person_id"] == "User2@Example.org"


def test_values_and_keys_are_written_as_texts(now: Fill) -> None:
    snapshot = now()
    values = "(VALUES (1, 'a', NULL::text)) v(n, t, nothing)"
    row = snapshot.rows(
        f"SELECT {as_text('n')}, {as_text('nothing')}, {as_key(['n', 't'])}, {as_key(['n', 'nothing'])} FROM {values}"
    )[0]
    assert tuple(row) == ("1", None, "1\x1fa", None)


def test_identities_have_names(now: Fill) -> None:
    person = Side(now(BEFORE), ["public"]).tables[PERSON]
    assert [name_identity(person, n) for n in (0, 1)] == ["what person is known by", "what person is known by (2)"]
