"""Scripts are found in order, and what must not run in a rehearsal is refused by its name and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.rehearsal.scripts import found

REFUSED = {
    "SELECT 1;\n\\! rm -rf /\n": r"1\.sql:2: \\! is not run in a rehearsal",
    "\\connect other\n": r"1\.sql:1: \\connect is not run",
    "\n\n\\c - somebody\n": r"1\.sql:3: \\c is not run",
    "\\copy t from program 'curl example.org'\n": r"1\.sql:1: \\copy is not run",
    "\\copy t to '/tmp/x'\n": r"\\copy is not run",
    "SELECT 1 \\g /tmp/x\n": r"1\.sql:1: \\g with a file or a program is not run",
    "SELECT 1 \\g |sh\n": r"\\g with a file or a program is not run",
    "\\o /tmp/x\n": r"\\o is not run",
    "\\w /tmp/x\n": r"\\w is not run",
    "SELECT 1; \\watch 1\n": r"\\watch is not run",
    "\\set now `date`\n": r"a program in backquotes is not run",
    "\\prompt 'who?' who\n": r"\\prompt is not run",
    "\\password\n": r"\\password is not run",
    "\\lo_import /etc/passwd\n": r"\\lo_import is not run",
    "\\cd /tmp\n": r"\\cd is not run",
    "COPY t\nFROM PROGRAM 'ls';": r"1\.sql:1: COPY … PROGRAM is not run in a rehearsal: it runs a program",
    "SELECT 1;\nCOPY (SELECT 1) TO '/tmp/x';": r"1\.sql:2: COPY … TO a file is not run",
    "DROP DATABASE postgres;": r"1\.sql:1: DROP DATABASE is not run in a rehearsal: it reaches beyond the database",
    "ALTER SYSTEM SET fsync = off;": r"ALTER SYSTEM is not run",
    "\\i :file\n": r"1\.sql:1: \\i of a file that a variable names cannot be looked into",
    "\\ir 1.sql\n": r"1\.sql:1: 1\.sql includes itself",
    "\\ir missing.sql\n": r"missing\.sql cannot be read: No such file or directory",
    "\0\1\2": r"1\.sql is no script: it holds bytes that no text has",
}

HARMLESS = """
\\set x 'a \\! b'
-- \\! in a comment, COPY t FROM PROGRAM 'x'
/* \\connect */
SELECT E'it\\'s \\! here', '\\!', $$ \\! DROP DATABASE x; $$, "a\\!b" \\gset
COPY t FROM stdin;
\\! it's data
1\t\\N
\\.
\\copy t from stdin
\\! data too
\\.
\\echo done \\\\ SELECT 1;
\\dt
\\d+ t
\\timing on
\\if false
\\endif
COPY t TO stdout;
SELECT 1 \\g
SELECT 1 \\; SELECT 2;
\\restrict key
"""


@pytest.mark.parametrize("text", REFUSED)
def test_what_must_not_run_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(text)
    with pytest.raises(CannotJudge, match=REFUSED[text]):
        found([str(tmp_path)], "--migration")


def test_what_is_included_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("SELECT 1;\n\\ir parts/2.sql\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "2.sql").write_text("\\ir '3.sql'\n")
    (tmp_path / "parts" / "3.sql").write_text("\n\\! ls\n")
    with pytest.raises(CannotJudge, match=r"^3\.sql:2: \\! is not run"):
        found([str(tmp_path / "1.sql")], "--migration")


def test_what_only_looks_like_it_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(HARMLESS)
    assert found([str(tmp_path)], "--migration") == [tmp_path / "1.sql"]


def test_scripts_are_run_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10_last.sql", "2_second.sql", "1_first.sql", "README.md"):
        (tmp_path / name).write_text("SELECT 1;")
    names = [path.name for path in found([str(tmp_path), str(tmp_path / "1_first.sql")], "--migration")]
    assert names == ["1_first.sql", "2_second.sql", "10_last.sql", "1_first.sql"]


def test_scripts_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"--rollback=.* is a directory without scripts: want \*\.sql files in it"):
        found([str(tmp_path)], "--rollback")
    with pytest.raises(CannotJudge, match=r"--migration=nowhere: no such file or directory"):
        found(["nowhere"], "--migration")
