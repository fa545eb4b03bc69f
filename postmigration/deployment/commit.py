"""Which commit a directory is of, as git says it; nothing that its repository names is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 10
_CHANGED = "+changes"
# What git may need to know of its user; nothing else of the environment reaches it, and no GIT_DIR does.
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "SYSTEMROOT", "TMPDIR")
# What would have git run programs.
_UNSET = {"core.fsmonitor": "", "core.hooksPath": os.devnull, "safe.bareRepository": "explicit"}
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def find_commit(root: Path) -> str:
    """The commit of the repository that a directory is of.

    Returns:
        Its name, with `+changes` where files that the repository knows are not as they were committed; empty without a
        repository or git, or where git does not answer.
    """
    program = shutil.which("git")
    if program is None or not Path(program).is_absolute():
        return ""
    commit = (_ask(program, root, _UNSET, "rev-parse", "--verify", "HEAD") or "").strip()
    if not _COMMIT.fullmatch(commit):
        return ""
    # A filter is a program too, through which git reads files to see whether they were changed.
    named = _ask(program, root, _UNSET, "config", "--null", "--show-scope", "--name-only", "--get-regexp", r"^filter\.")
    words = (named or "").split("\0")
    filters = {key: "" for scope, key in zip(words[::2], words[1::2], strict=False) if scope in ("local", "worktree")}
    changed = _ask(
        program,
        root,
        _UNSET | filters,
        *("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"),
    )
    # Where git cannot tell, nobody may rely on the commit.
    return commit if changed == "" else commit + _CHANGED


def _ask(program: str, root: Path, settings: Mapping[str, str], *arguments: str) -> str | None:
    """What git answers; None where it fails."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    # What a partial clone lacks is not fetched, which a remote may do by a program of its own.
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    try:
        done = subprocess.run(  # noqa: S603 # git, and nothing that the repository names
            [program, "-C", root, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
