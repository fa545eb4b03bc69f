import pytest

from postmigration.diff.objects.matching import Pair
from postmigration.diff.objects.texts import write_texts, write_type
from postmigration.postgres.schema_objects import ObjectName
from selftest.unit.diff.objects.made import Made, column, first, part, relation


def pair(made: Made) -> Pair:
    name, facts = first(made)
    return Pair(name, facts, facts, name)


def test_what_a_sentence_may_name_is_there_and_nothing_else() -> None:
    one = pair(column("stay", "note", "text", {"default": "'x'::text"}))
    texts = write_texts(one, "yes", "no", one.facts)
    assert "{name} of {on}: {id} was {was}, is {now}{unknown}".format_map(texts) == (
        "column public.stay.note of public.stay: note was yes, is no"
    )
    assert (texts["type"], texts["default"]) == ("text", " DEFAULT 'x'::text")


@pytest.mark.parametrize(
    ("facts", "default"),
    [
        ({"identity": "always"}, " GENERATED ALWAYS AS IDENTITY"),
        ({"generated": "a + 1"}, " GENERATED ALWAYS AS (a + 1) STORED"),
        ({"generated": "a + 1", "generated as": "virtual"}, " GENERATED ALWAYS AS (a + 1) VIRTUAL"),
        ({}, ""),
    ],
)
def test_what_fills_a_column_follows_its_type(facts: dict[str, str], default: str) -> None:
    one = pair(column("stay", "n", "integer", facts))
    assert write_texts(one, "", "", one.facts)["default"] == default


def test_a_switch_is_set_back_to_what_it_was() -> None:
    one = pair(relation("stay"))
    on, off = (write_texts(one, was, "", one.facts) for was in ("True", "False"))
    assert (on["enable"], on["force"], on["unasked"]) == ("ENABLE", "FORCE", "")
    assert (off["enable"], off["force"]) == ("DISABLE", "NO FORCE")
    # What guards is not taken away unasked.
    assert off["unasked"]


def test_a_label_gets_its_name_back_where_names_alone_are_others() -> None:
    name = ObjectName("type public.mood", "type", "public", "mood")
    one = Pair(name, {"~on": "public.mood"}, {"~on": "public.mood"}, name)
    was = '["sad", "it\'s"]'
    assert write_texts(one, was, '["sad", "ok"]', one.facts)["renamed_label"] == (
        "ALTER TYPE public.mood RENAME VALUE 'ok' TO 'it''s';"
    )
    assert write_texts(one, was, '["sad"]', one.facts)["renamed_label"] == ""
    assert write_texts(one, was, '["it\'s", "sad"]', one.facts)["renamed_label"] == ""
    assert write_texts(one, "none", "3", one.facts)["renamed_label"] == ""


def test_an_object_is_made_by_its_statement() -> None:
    sql = "CREATE INDEX by_day ON ONLY public.stay USING btree (day)"
    one = pair(part("index", "by_day", "stay", {"~sql": sql}))
    texts = write_texts(one, "", "", one.facts)
    assert texts["create"] == "CREATE INDEX by_day ON public.stay USING btree (day);"
    assert texts["sql"] == sql
    view = pair(relation("shown", {"~sql": "CREATE VIEW public.shown AS SELECT 1;"}, "view"))
    assert write_texts(view, "", "", view.facts)["replace"] == "CREATE OR REPLACE VIEW public.shown AS SELECT 1;"
    kept = pair(relation("kept", {"~sql": "CREATE MATERIALIZED VIEW public.kept AS SELECT 1"}, "materialized view"))
    assert write_texts(kept, "", "", kept.facts)["replace"].startswith("DROP MATERIALIZED VIEW public.kept; CREATE")


def test_a_comment_and_a_publication_are_written_again() -> None:
    name = ObjectName("comment on table public.stay", "comment", "public", "public.stay")
    one = Pair(name, {"text": "it's"}, {}, name)
    assert write_texts(one, "", "", {"text": "it's"})["commented"] == "COMMENT ON TABLE public.stay IS 'it''s';"
    facts = {"pubinsert": "True", "pubdelete": "True", "pubupdate": "False"}
    assert write_texts(one, "", "", facts)["publishes"] == "insert, delete"


@pytest.mark.parametrize(
    ("facts", "sql"),
    [
        ({"~replica": "f"}, "FULL"),
        ({"~replica": "d"}, "DEFAULT"),
        ({"~replica": "i", "~replica index": "by_day"}, "USING INDEX by_day"),
    ],
)
def test_a_replica_identity_is_written_as_it_was(facts: dict[str, str], sql: str) -> None:
    one = pair(relation("stay", facts))
    assert write_texts(one, "", "", one.facts)["was_sql"] == sql


@pytest.mark.parametrize(
    ("was", "now", "sql"),
    [
        ({"type": "bigint"}, {"type": "integer"}, "ALTER TABLE t ALTER COLUMN c TYPE bigint;"),
        ({"type": "uuid"}, {"type": "text"}, "ALTER TABLE t ALTER COLUMN c TYPE uuid USING c::text::uuid;"),
        (
            {"type": "integer", "default": "0"},
            {"type": "text", "default": "'0'"},
            "ALTER TABLE t ALTER COLUMN c DROP DEFAULT; ALTER TABLE t ALTER COLUMN c TYPE integer "
            "USING c::text::integer; ALTER TABLE t ALTER COLUMN c SET DEFAULT 0;",
        ),
    ],
)
def test_a_column_gets_its_type_again_with_its_default(was: dict[str, str], now: dict[str, str], sql: str) -> None:
    assert write_type("t", "c", was, now) == sql
