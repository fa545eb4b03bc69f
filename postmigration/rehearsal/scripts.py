"""The scripts of a migration: which files they are, and what in them must not run in a rehearsal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from postmigration.backups.script import lines_kept
from postmigration.model.errors import CannotJudge

# What psql may be told to do: it stays within the session, or reads a file.
_SUPPORTED = frozenset(
    re.findall(
        r"\S+",
        "a C H T a bind bind_named close_prepared conninfo copyright crosstabview echo elif else encoding endif "
        "endpipeline errverbose f flush flushrequest g gdesc getenv getresults gexec gset gx h help i if include "
        "include_relative ir l p parse print pset q qecho quit r reset restrict sendpipeline set setenv sf "
        "startpipeline sv syncpipeline t timing unrestrict unset warn x z ; \\",
    )
)
_COMMAND = re.compile(rb"\\(?P<name>[A-Za-z_]+|\S)\+?(?P<rest>[^\n\\]*)")
_INCLUDES = {"i": False, "include": False, "ir": True, "include_relative": True}
_COPIED_ROWS = re.compile(
    rb"(?ims)^([ \t]*(?:COPY\b[^;]*\bFROM\s+STDIN\b[^;]*;[^\n]*|\\copy\b[^\n]*\bFROM\s+P?STDIN\b[^\n]*)\n)"
    rb"(.*?)^\\\.[ \t\r]*$"
)
_REFUSED = (
    (rb"\bCOPY\b[^;]*\b(?:FROM|TO)\s+PROGRAM\b", "COPY … PROGRAM", "it runs a program on the machine of the server"),
    (rb"\bCOPY\b[^;]*\bTO\s+''", "COPY … TO a file", "it writes a file on the machine of the server"),
    (rb"\b(?:CREATE|DROP|ALTER)\s+(?:DATABASE|TABLESPACE)\b", "", "it reaches beyond the database that is rehearsed"),
    (rb"\bALTER\s+SYSTEM\b", "ALTER SYSTEM", "it reaches beyond the database that is rehearsed"),
)


def found(named: Sequence[str], option: str) -> list[Path]:
    """The scripts that a user named, in the order in which they are run.

    Args:
        named: directories, of which all `*.sql` are run by their names with numbers in them in order, or single files.
        option: where they were named, for the message.

    Raises:
        CannotJudge: there is no script, or one holds what must not run in a rehearsal.
    """
    scripts: list[Path] = []
    for text in named:
        path = Path(text)
        if path.is_dir():
            here = sorted(path.glob("*.sql"), key=_in_order)
            if not here:
                raise CannotJudge(f"{option}={text} is a directory without scripts: want *.sql files in it")
            scripts += here
        elif path.is_file():
            scripts.append(path)
        else:
            raise CannotJudge(f"{option}={text}: no such file or directory (want *.sql files, or a directory of them)")
    for script in scripts:
        refuse(script, ())
    return [script.resolve() for script in scripts]


def _in_order(path: Path) -> list[tuple[int, str]]:
    """The numbers in a name count as numbers: 2_data comes before 10_indexes."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name) if part]


def refuse(script: Path, within: tuple[Path, ...]) -> None:
    """Makes sure that a script, and what it includes, holds nothing that must not run in a rehearsal.

    Args:
        within: the scripts that include it.

    Raises:
        CannotJudge: it does, or it cannot be read; the message names the file, the line and the command.
    """
    try:
        content = script.read_bytes()
    except OSError as error:
        raise CannotJudge(f"{script} cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise CannotJudge(f"{script} is no script: it holds bytes that no text has")
    code = lines_kept(_COPIED_ROWS.sub(lambda rows: rows[1] + b"\n" * rows[2].count(b"\n"), content))
    for line, name, rest in _commands(code):
        place = f"{script.name}:{line}"
        if name not in _SUPPORTED and not name.startswith("d") and not (name == "copy" and not _runs(rest)):
            raise CannotJudge(
                f"{place}: \\{name} is not run in a rehearsal: it leaves the session or the database; take it out of "
                "the script, or rehearse without it"
            )
        if name in ("g", "gx") and rest.strip()[:1] not in (b"", b"(", b";", b"-"):
            raise CannotJudge(f"{place}: \\{name} with a file or a program is not run in a rehearsal: take it out")
        if b"`" in rest:
            raise CannotJudge(f"{place}: a program in backquotes is not run in a rehearsal: take it out of the script")
        if name in _INCLUDES:
            included = _find_included(script, name, rest, place)
            if included.resolve() in {path.resolve() for path in (*within, script)}:
                raise CannotJudge(f"{place}: {included.name} includes itself: psql would never come to its end")
            refuse(included, (*within, script))
    for pattern, called, why in _REFUSED:
        if statement := re.search(pattern, code, re.I):
            line = code.count(b"\n", 0, statement.start()) + 1
            words = called or b" ".join(statement[0].split()).decode().upper()
            raise CannotJudge(f"{script.name}:{line}: {words} is not run in a rehearsal: {why}")


def _commands(code: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Psql's own commands in a text without literals: the line, the name, and what follows on the line."""
    for command in _COMMAND.finditer(code):
        name = command["name"].decode(errors="replace")
        yield code.count(b"\n", 0, command.start()) + 1, name, command["rest"]


def _runs(copy: bytes) -> bool:
    """Whether psql's own COPY runs a program, or writes a file."""
    return re.search(rb"\bprogram\b|\bto\b(?!\s+p?stdout)", copy, re.I) is not None


def _find_included(script: Path, name: str, rest: bytes, place: str) -> Path:
    text = rest.strip().decode(errors="replace")
    line = script.read_text(errors="replace").splitlines()[int(place.rpartition(":")[2]) - 1]
    if "''" in text:
        quoted = re.search(r"'([^']+)'", line)
        text = quoted[1] if quoted else text
    if ":" in text:
        raise CannotJudge(f"{place}: \\{name} of a file that a variable names cannot be looked into: name the file")
    # What is named without \ir is found from where psql runs, which is where the script is.
    return script.parent / text
