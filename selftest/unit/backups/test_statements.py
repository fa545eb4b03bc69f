"""What a statement of a dump is, by its text, and what becomes of it."""

from __future__ import annotations

import pytest

from postmigration.backups.statements import Meaning, Role, meaning, readable, split


@pytest.mark.parametrize(
    ("text", "role", "words", "after_rows"),
    [
        ("SET client_encoding = 'UTF8';", Role.SETTING, "setting client_encoding", False),
        ("SELECT pg_catalog.set_config('search_path', '', false);", Role.SETTING, "setting search_path", False),
        ("SET session_replication_role = replica;", Role.IGNORED, "setting", False),
        ("DROP TABLE public.item;", Role.CLEANUP, "cleanup", False),
        ("ALTER TABLE ONLY public.item DROP CONSTRAINT item_pkey;", Role.CLEANUP, "cleanup public.item", False),
        ("CREATE TABLE public.item (\n  id int);", Role.NEEDED, "table public.item", False),
        ("CREATE  SCHEMA other;", Role.NEEDED, "schema other", False),
        ("CREATE TYPE public.mood AS ENUM ('a');", Role.NEEDED, "type public.mood", False),
        ("SELECT pg_catalog.setval('public.item_id_seq', 3, true);", Role.NEEDED,
         "value of sequence public.item_id_seq", False),
        ("COPY public.item (id, name) FROM stdin;", Role.ROWS, "rows of public.item", False),
        ("INSERT INTO public.item VALUES (1);", Role.ROWS, "rows of public.item", False),
        ("INSERT INTO pg_catalog.pg_class VALUES (1);", Role.LEFT_OUT, "change of a system catalog", False),
        ("ALTER TABLE ONLY public.item ADD CONSTRAINT item_pkey PRIMARY KEY (id);", Role.APPLICATION,
         "constraint item_pkey on public.item", True),
        ("ALTER TABLE public.item ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b;", Role.APPLICATION,
         "foreign key f on public.item", True),
        ("CREATE UNIQUE INDEX i ON public.item USING btree (id);", Role.APPLICATION, "index i on public.item", True),
        ("CREATE TRIGGER t BEFORE INSERT ON public.item EXECUTE FUNCTION f();", Role.APPLICATION,
         "trigger t on public.item", True),
        ("CREATE POLICY p ON public.item;", Role.APPLICATION, "policy p on public.item", True),
        ("CREATE OR REPLACE FUNCTION public.f() RETURNS int;", Role.APPLICATION, "function public.f", False),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT 1;", Role.APPLICATION, "materialized view public.m", False),
        ("GRANT SELECT ON TABLE public.item TO anon;", Role.OPTIONAL, "grant", False),
        ("ALTER TABLE public.item OWNER TO somebody;", Role.OPTIONAL, "owner", False),
        ("COMMENT ON TABLE public.item IS 'x';", Role.OPTIONAL, "comment", False),
        ("CREATE EXTENSION IF NOT EXISTS hstore;", Role.EXTENSION, "extension hstore", False),
        ("CREATE ROLE anon;", Role.ACCOUNT, "role anon", False),
        ("ALTER ROLE anon SET search_path = x;", Role.LEFT_OUT, "role setting anon", False),
        ("CREATE EVENT TRIGGER e ON ddl_command_end;", Role.LEFT_OUT, "event trigger e", True),
    ],
)  # fmt: skip
def test_a_statement_is_known_by_its_words(text: str, role: Role, words: str, after_rows: bool) -> None:
    found = meaning(text.encode())
    assert found is not None
    assert (found.role, str(found), found.after_rows) == (role, words, after_rows)


@pytest.mark.parametrize("text", ["DELETE FROM public.item;", "VACUUM;", "SELECT 1;", "COPY public.item TO stdout;"])
def test_what_no_pg_dump_writes_is_unknown(text: str) -> None:
    assert meaning(text.encode()) is None


def test_names_are_told_with_quotes_only_where_they_are_needed() -> None:
    found = Meaning(Role.APPLICATION, "index", '"Odd ""i"""', 'other."item"')
    assert (found.schema, found.bare_name) == ("other", 'Odd "i"')
    assert str(found) == 'index "Odd ""i""" on other.item'
    assert (Meaning(Role.NEEDED, "table", "item").schema, Meaning(Role.IGNORED, "cleanup").bare_name) == ("", "")
    assert split('Public."It.em"."a""b"') == ["public", "It.em", 'a"b']
    assert readable('"public"."Item"') == 'public."Item"'
