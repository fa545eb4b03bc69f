"""How files are replaced: whole, and all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path


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
