"""Where the page of a run is found by whoever reads of it elsewhere: in a pull request, or in the log of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote


def link_check(page: Path, anchor: str, environment: Mapping[str, str]) -> str:
    """The address of a check on the page: in the pipeline's artifacts, or beside the file that names it.

    Args:
        page: the file.
        anchor: the check's place on it.
        environment: the environment variables, by which pipelines say where they keep files.
    """
    job, root = environment.get("CI_JOB_URL", ""), environment.get("CI_PROJECT_DIR", "")
    if job and root and page.is_relative_to(root):
        return f"{job}/artifacts/file/{quote(page.relative_to(root).as_posix())}#{anchor}"
    server, repository, run = (environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if server and repository and run:
        # Artifacts are archives there, which no link leads into.
        return f"{server}/{repository}/actions/runs/{run}#artifacts"
    return f"{quote(page.name)}#{anchor}"
