"""How files are replaced: whole, and all of them or none; and how one shows that it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec


def partial(path: Path) -> Path:
    """Where a file is written before it takes the place of an older one."""
    target = path.resolve()
    # What is no file, as /dev/null is none, is written to and not replaced.
    return target.with_name(f".{target.name}.partial") if target.is_file() or not target.exists() else target


def replace_all(texts: Mapping[Path, str]) -> None:
    """Replaces files, all of them or, where there is no room for one, none.

    Args:
        texts: what each file is to hold.

    Raises:
        OSError: one cannot be written; its `filename` says which.
    """
    with ExitStack() as undo:
        written = {path.resolve(): partial(path) for path in texts}
        for path, text in texts.items():
            if partial(path) != path.resolve():
                undo.callback(partial(path).unlink, missing_ok=True)
            try:
                partial(path).write_text(text, encoding="utf-8")
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None
        for path, file in written.items():
            if file != path:
                file.replace(path)


def replace_private(path: Path, content: bytes, announce: Callable[[os.stat_result], object] | None = None) -> None:
    """Replaces a file that nobody else may read; what was written is there after a crash of the machine too.

    Args:
        content: what it is to hold.
        announce: is told what the new file is like, before it takes the place of the older one.

    Raises:
        OSError: it cannot be written; the new file may have taken its place nevertheless.
    """
    target = path.resolve()
    written = partial(path)
    # Whoever else may write to the directory could have left a link there.
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        if announce is not None:
            announce(os.fstat(file.fileno()))
    written.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def seal(lines: Iterable[bytes]) -> bytes:
    """The content of a file of some lines, with one at its end that proves that nothing is lacking."""
    body = b"".join(line + b"\n" for line in lines)
    return body + msgspec.json.encode({"sha256": hashlib.sha256(body).hexdigest()}) + b"\n"


def unseal(content: bytes) -> tuple[list[bytes], bool]:
    """The lines of a sealed file, and whether they are those that were written."""
    body, _, last = content.rstrip(b"\n").rpartition(b"\n")
    try:
        sum_ = msgspec.json.decode(last, type=dict[str, str]).get("sha256")
    except msgspec.DecodeError:
        sum_ = None
    return body.split(b"\n"), sum_ == hashlib.sha256(body + b"\n").hexdigest()
