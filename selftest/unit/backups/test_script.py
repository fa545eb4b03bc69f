"""A dump is read as psql reads it, wherever a block of its bytes ends."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmigration.backups import script
from postmigration.backups.script import Command, Copy, Script, Statement
from postmigration.model.errors import CannotJudge

STATEMENTS = (
    "SELECT 'a;b', 'it''s', E'\\'; \\\\', U&'\\0061', \"odd;\"\"name\", 1 - 2 / 3;",
    "SELECT date'2020-01-01', note_e'x;\\';",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $body$ SELECT ';' || $$;$$ || $1; $body$;",
    "CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 'END'; END;",
    "CREATE OR REPLACE PROCEDURE p(begin_at int) BEGIN ATOMIC SELECT 1; END;",
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT ')');",
    "SELECT /* ; /* nested ' */ ; */ 1 -- ; '\n + 1;",
    "SELECT a$b, x$1$y, '-- PostgreSQL database dump complete\n\\! rm';",
    "COMMENT ON TABLE t IS 'COPY t FROM stdin;\n1\n\\.\n';",
)
ROWS = ("1\tx\\\\.\n", "\\N\t\n", "';\t$$\n", "\\\\!\t--\n", "")
END = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k\n\n"

ITEMS = st.lists(
    st.one_of(
        st.sampled_from(STATEMENTS).map(lambda text: ("statement", text)),
        st.sampled_from(("\\restrict k", "\\connect db")).map(lambda text: ("command", text)),
        st.lists(st.sampled_from(ROWS)).map(lambda rows: ("rows", "".join(rows))),
    ),
    max_size=6,
)


def read(content: bytes) -> list[tuple[str, str]]:
    found = []
    for item in Script(io.BytesIO(content), "before").items():
        match item:
            case Statement(text):
                found.append(("statement", text.decode()))
            case Command(text):
                found.append(("command", text.decode()))
            case Copy(_, blocks):
                found.append(("rows", b"".join(blocks).decode()))
    return found


@given(ITEMS, st.integers(1, 40), st.sampled_from(["\n", "\n\n", "\n-- a ; ' comment\n", "\n/* ; ' */\n"]))
def test_a_dump_is_read_as_what_it_was_written_of(items: list[tuple[str, str]], block: int, between: str) -> None:
    written = "".join(
        (f"COPY t (a) FROM stdin;\n{text}\\." if kind == "rows" else text) + between for kind, text in items
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "_BLOCK", block)
        assert read((written + END).encode()) == [*items, ("command", "\\unrestrict k")]


@given(ITEMS.filter(bool), st.integers(1, 40), st.data())
def test_a_dump_that_ends_early_is_refused(items: list[tuple[str, str]], block: int, data: st.DataObject) -> None:
    written = "".join((f"COPY t (a) FROM stdin;\n{text}\\." if kind == "rows" else text) + "\n" for kind, text in items)
    cut = data.draw(st.integers(0, len(written.encode())))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "_BLOCK", block)
        with pytest.raises(CannotJudge, match=r"^before (is truncated|has a command to psql)"):
            read(written.encode()[:cut])
