"""A plain SQL dump as psql reads it, but nothing is run: statements, rows of COPY and psql's own commands, in turn.

psql cannot be asked to read it: where a COPY fails, psql reads on and takes the rows for SQL. Memory does not grow with
the dump, only with its longest statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from postmigration.model.errors import CannotJudge

_BLOCK = 1 << 18

# Whatever can hold no end of the statement, as far as it is complete in the buffer. A string in which backslashes
# escape starts with an E; only the byte before its quote tells. As a whole it is not possessive, but limited for the
# sake of memory: up to Python 3.11.4 a possessive one ends a byte too early or late where its last alternative fails.
_PLAIN = re.compile(
    rb"(?:[^'\"$;\\/-]++|(?<![Ee])'[^']*+'|\"[^\"]*+\"|/(?=[^*])|-(?=[^-])){0,10000}",
)
_ESCAPED = re.compile(rb"'(?:[^'\\]++|\\.|'')*+'", re.DOTALL)
_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?+\$")
_LONGEST_TAG = 130
_QUOTED = re.compile(
    rb"(?<![\w$\x80-\xff])[eE]'(?:[^'\\]++|\\.|'')*+'|'[^']*+'|\"[^\"]*+\"|--[^\n]*+|/\*.*?\*/"
    rb"|(?<![\w\x80-\xff])(\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?+\$).*?\1",
    re.DOTALL,
)
_ROUTINE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b", re.I)
_ATOMIC = re.compile(rb"\bBEGIN\s+ATOMIC\b", re.I)
_RULE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?RULE\b", re.I)
_COPY = re.compile(rb"COPY\s.*\sFROM\s+stdin\s*;\Z", re.I | re.DOTALL)
_RESET = re.compile(rb"RESET\s+ALL\s*;", re.I)
_HEADER = re.compile(rb"-- (Dumped from database version|Dumped by pg_dump version|Started on) (\S+(?: \S+)*)")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$") | frozenset(
    range(128, 256)
)


class Stream(Protocol):
    """What a dump is read from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


@dataclass(frozen=True)
class Statement:
    """A statement with its semicolon."""

    text: bytes


@dataclass(frozen=True)
class Copy:
    """A COPY with its rows, as blocks of whole lines that can be taken once, before the next item is asked for."""

    text: bytes
    blocks: Iterator[bytes]


@dataclass(frozen=True)
class Command:
    """A line for psql itself: a backslash and a word."""

    text: bytes


Item = Statement | Copy | Command


class Script:
    """A plain SQL dump.

    Args:
        stream: its bytes.
        name: what it is called in messages.
    """

    def __init__(self, stream: Stream, name: str) -> None:
        self.name = name
        self.header: dict[str, str] = {}
        self._stream = stream
        self._buffer = b""
        self._start = self._at = 0
        self._ended = False
        self._cluster = self._commented = self._complete = False

    def items(self) -> Iterator[Item]:
        """What the dump holds, in turn.

        Raises:
            CannotJudge: it ends too early, or has a command to psql within a statement.
        """
        while self._next():
            if self._buffer.startswith(b"\\", self._at):
                yield Command(self._line().strip())
                continue
            text = self._statement()
            # Supabase's CLI deletes the comments of a schema and closes it with this statement.
            self._complete = _RESET.match(text) is not None and (self._complete or not self._commented)
            if _COPY.match(text):
                self._line()
                blocks = self._rows(text)
                yield Copy(text, blocks)
                for _ in blocks:
                    pass
            else:
                yield Statement(text)
        if not self._complete:
            raise CannotJudge(
                f"{self.name} is truncated: it does not end with the comment with which pg_dump closes a dump; "
                "copy it again, or name another backup"
            )

    def _next(self) -> bool:
        """Goes to the next item, past blanks and comments."""
        while True:
            self._start = self._at
            if self._at == len(self._buffer):
                if self._ended:
                    return False
                self._more()
            elif self._buffer[self._at] in b" \t\r\n;":
                blank = re.compile(rb"[ \t\r\n;]++").match(self._buffer, self._at)
                self._at = blank.end() if blank else self._at
            elif self._buffer.startswith(b"--", self._at):
                self._comment(self._line())
            elif self._buffer.startswith(b"/*", self._at):
                self._block_comment()
            elif len(self._buffer) - self._at < 2 and not self._ended:
                self._more()
            else:
                return True

    def _comment(self, line: bytes) -> None:
        line = line.strip()
        if line == b"-- PostgreSQL database cluster dump":
            self._cluster = True
        elif line == b"-- PostgreSQL database cluster dump complete":
            self._complete = True
        elif line == b"-- PostgreSQL database dump complete":
            self._complete = not self._cluster
        elif line == b"-- PostgreSQL database dump":
            self._commented = True
        elif found := _HEADER.match(line):
            self.header.setdefault(found[1].decode(), found[2].decode(errors="replace"))

    def _statement(self) -> bytes:
        while True:
            while (plain := _PLAIN.match(self._buffer, self._at)) and plain.end() > self._at:
                self._at = plain.end()
            if self._at == len(self._buffer):
                self._more()
                continue
            match self._buffer[self._at : self._at + 1]:
                case b";":
                    self._at += 1
                    text = self._buffer[self._start : self._at]
                    if not _open(text):
                        return text
                case b"'":
                    self._string()
                case b"$":
                    self._dollar()
                case b"/" if self._buffer.startswith(b"/*", self._at):
                    self._block_comment()
                case b"-" if self._buffer.startswith(b"--", self._at):
                    self._line()
                case b"\\":
                    raise CannotJudge(
                        f"{self.name} has a command to psql within a statement, {_cut_statement(self._line())}, which "
                        "no pg_dump writes: name the file as pg_dump wrote it"
                    )
                case _:
                    # A literal without its end, or half of what may begin a comment.
                    self._more()

    def _string(self) -> None:
        before = self._buffer[self._start : self._at][-2:]
        if before[-1:] not in (b"E", b"e") or (before[:-1] and before[0] in _WORD_BYTES):
            string = re.compile(rb"'[^']*+'").match(self._buffer, self._at)
        else:
            string = _ESCAPED.match(self._buffer, self._at)
            if string and string.end() == len(self._buffer) and not self._ended:
                string = None  # a quote that follows would belong to it
        if string:
            self._at = string.end()
        else:
            self._more()

    def _dollar(self) -> None:
        if self._at > self._start and self._buffer[self._at - 1] in _WORD_BYTES:
            self._at += 1
            return
        tag = _DOLLAR.match(self._buffer, self._at)
        if tag is None:
            if len(self._buffer) - self._at < _LONGEST_TAG and not self._ended:
                self._more()
            else:
                self._at += 1
            return
        end = self._buffer.find(tag[0], tag.end())
        if end < 0:
            self._more()
        else:
            self._at = end + len(tag[0])

    def _block_comment(self) -> None:
        depth, at = 1, self._at + 2
        while depth:
            found = re.compile(rb"/\*|\*/").search(self._buffer, at)
            if found is None:
                self._more()
                depth, at = 1, self._at + 2
            else:
                depth += 1 if found[0] == b"/*" else -1
                at = found.end()
        self._at = at

    def _line(self) -> bytes:
        """The rest of the line."""
        while (end := self._buffer.find(b"\n", self._at)) < 0 and not self._ended:
            self._more()
        start, self._at = self._at, len(self._buffer) if end < 0 else end + 1
        return self._buffer[start : self._at]

    def _rows(self, copy: bytes) -> Iterator[bytes]:
        """The rows up to the line that ends them, which is a backslash and a full stop."""
        while True:
            self._start = self._at
            if len(self._buffer) - self._at < len(b"\\.\r\n") and not self._ended:
                self._more(copy)
            elif self._buffer.startswith(b"\\.", self._at):
                self._line()
                return
            else:
                end = self._buffer.find(b"\n\\.", self._at) + 1 or self._buffer.rfind(b"\n", self._at) + 1
                if end == 0:
                    self._more(copy)
                    continue
                block, self._at = self._buffer[self._at : end], end
                yield block

    def _more(self, within: bytes = b"") -> None:
        """Reads on. Twice as much each time, so that a long literal is not searched for its end again and again."""
        kept = len(self._buffer) - self._start
        block = b"" if self._ended else self._stream.read(max(_BLOCK, kept))
        if not block and (self._ended or kept):
            what = within or self._buffer[self._start : self._start + 200]
            raise CannotJudge(
                f"{self.name} is truncated: it ends within {_cut_statement(what)}; copy it again, or name another "
                "backup"
            )
        self._buffer = self._buffer[self._start :] + block
        self._at -= self._start
        self._start = 0
        self._ended = not block


def strip_quotes(text: bytes) -> bytes:
    """A statement without its literals, quoted identifiers and comments."""
    return _QUOTED.sub(b"''", text)


def lines_kept(text: bytes) -> bytes:
    """A script without its literals, quoted identifiers and comments, in which each line is where it was."""
    return _QUOTED.sub(lambda quoted: b"''" + b"\n" * quoted[0].count(b"\n"), text)


def _open(text: bytes) -> bool:
    """Whether the semicolon at the end of the text is one within the statement."""
    if _ROUTINE.match(text):
        code = strip_quotes(text).upper()
        if not _ATOMIC.search(code):
            return False
        words = re.findall(rb"\b(?:BEGIN|CASE|END)\b", code)
        return sum(-1 if word == b"END" else 1 for word in words) > 0
    if _RULE.match(text):
        code = strip_quotes(text)
        return code.count(b"(") > code.count(b")")
    return False


def _cut_statement(text: bytes) -> str:
    """The words with which a statement starts, which hold no row."""
    words = re.match(rb"\s*(\\?[^\s'($]{1,60}(?:\s+[^\s'($\\]{1,60}){0,2})", text)
    return "'" + (words[1].decode(errors="replace") if words else "…") + " …'"
