"""The page of a run is found where a pipeline keeps it, or beside the file that names it."""

from pathlib import Path

import pytest

from postmigration.report.formats.links import link_check

GITLAB = {"CI_JOB_URL": "https://gitlab/job/7", "CI_PROJECT_DIR": "/builds/shop"}
GITHUB = {"GITHUB_SERVER_URL": "https://github", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "9"}


@pytest.mark.parametrize(
    ("page", "environment", "address"),
    [
        ("/r/a b.html", {}, "a%20b.html#check-01"),
        ("/builds/shop/r/a b.html", GITLAB, "https://gitlab/job/7/artifacts/file/r/a%20b.html#check-01"),
        ("/elsewhere/a.html", GITLAB, "a.html#check-01"),
        ("/r/a.html", GITHUB, "https://github/a/b/actions/runs/9#artifacts"),
        ("/r/a.html", {**GITHUB, "GITHUB_RUN_ID": ""}, "a.html#check-01"),
    ],
)
def test_a_check_has_an_address(page: str, environment: dict[str, str], address: str) -> None:
    assert link_check(Path(page), "check-01", environment) == address
