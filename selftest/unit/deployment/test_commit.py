"""The commit that a directory is of, as git says it, and nothing that its repository names is run."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.deployment.commit import find_commit
from selftest.conftest import ROOT

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with one commit."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}

    def run(*arguments: str) -> str:
        head = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run([*head, *arguments], env=clean, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "-q")
    (tmp_path / "1.sql").write_text("SELECT 1;\n")
    run("add", ".")
    run("commit", "-qm", "one")
    return run


def test_a_commit_is_known_and_so_are_changes_to_it(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git("rev-parse", "HEAD")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "new.html").write_text("what runs leave is no change")
    # Of another repository, by which a hook of git calls its programs.
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))
    assert find_commit(tmp_path) == find_commit(tmp_path / "reports") == commit
    (tmp_path / "1.sql").write_text("SELECT 2;\n")
    assert find_commit(tmp_path) == f"{commit}+changes"
    git("add", ".")
    assert find_commit(tmp_path) == f"{commit}+changes"


def test_nothing_that_a_repository_names_is_run(git: Git, tmp_path: Path) -> None:
    commit = git("rev-parse", "HEAD")
    pest = tmp_path / "pest.sh"
    pest.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    pest.chmod(0o755)
    (tmp_path / ".git" / "info" / "attributes").write_text("*.sql filter=x filter=a=b\n")
    git("config", "core.hooksPath", str(tmp_path))
    git("config", "core.fsmonitor", str(pest))
    for name in ("x", "a=b"):
        git("config", f"filter.{name}.clean", str(pest))
        git("config", f"filter.{name}.required", "true")
    # The same bytes, so that git must read the file to know.
    os.utime(tmp_path / "1.sql", (1, 1))
    assert find_commit(tmp_path) == commit
    assert not (tmp_path / "ran").exists()
    git("status")
    assert (tmp_path / "ran").exists(), "the repository is not as hostile as it should be"


def test_without_a_repository_a_commit_or_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_commit(tmp_path) == ""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert find_commit(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_commit(ROOT) == ""
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr("postmigration.deployment.commit._SECONDS", 0.05)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_commit(ROOT) == ""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    assert find_commit(ROOT) == ""
