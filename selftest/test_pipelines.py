"""The pipeline files of the examples are what GitHub and GitLab accept, and call the suite as it is called."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from postmigration.gate.commands import cli
from postmigration.gate.scaffold.files import write_project
from postmigration.report.formats.links import link_check
from selftest.conftest import ROOT

EXAMPLES = ROOT / "examples"
_MORE = {"vendor.gitlab-ci": ("--data-transform", "gitlab-ci")}
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}
DEPLOYMENTS = {"github-deployment.yml": "vendor.github-workflows", "gitlab-deployment.yml": "vendor.gitlab-ci"}
ALL = {**SCHEMAS, **DEPLOYMENTS}
PHASES = ("backup", "rehearse", "staging", "plan", "production", "watch")


def accepted(schema: str, file: str) -> subprocess.CompletedProcess[str]:
    """Asks the published schema, which comes with the program, so that no network is needed."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *_MORE.get(schema, ()), file],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ALL)
def test_the_schema_accepts_it(name: str) -> None:
    done = accepted(ALL[name], str(EXAMPLES / name))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("github-actions.yml", "runs-on:", "run-on:"),
        ("gitlab-ci.yml", "    when: always\n    expose_as", "    when: sometimes\n    expose_as"),
    ],
)
def test_the_schema_refuses_what_is_wrong(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text()
    assert right in text
    broken = tmp_path / name
    broken.write_text(text.replace(right, wrong))
    assert accepted(SCHEMAS[name], str(broken)).returncode == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_keeps_the_reports_and_passes_no_secret_on_the_command_line(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    assert "reports/" in text
    assert "always" in text
    (called,) = (line for line in text.splitlines() if ".venv/bin/pytest" in line)
    assert called.split("- ")[-1].strip() == ".venv/bin/pytest"
    assert "--allow" not in text


def test_the_schema_accepts_what_init_writes(tmp_path: Path) -> None:
    write_project(tmp_path / "project", [], None)
    file = tmp_path / "project" / ".github" / "workflows" / "validate.yml"
    done = accepted("vendor.github-workflows", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    text = file.read_text()
    (called,) = (line for line in text.splitlines() if ".venv/bin/pytest" in line)
    assert called.strip() == "run: .venv/bin/pytest"
    file.write_text(text.replace("runs-on:", "run-on:"))
    assert accepted("vendor.github-workflows", str(file)).returncode == 1


def test_every_example_is_checked() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == set(ALL)


def jobs(name: str) -> dict[str, dict[str, Any]]:
    """The jobs of a deployment, in their order."""
    content = YAML(typ="safe").load(EXAMPLES / name)
    found = content["jobs"] if "jobs" in content else {job: content[job] for job in content["stages"]}
    assert tuple(found) == PHASES
    return dict(found)


def test_a_deployment_goes_on_only_behind_the_exit_status_of_the_phase_before() -> None:
    github, gitlab = (jobs(name) for name in DEPLOYMENTS)
    assert [job.get("needs") for job in github.values()] == [None, *PHASES[:-1]]
    # GitLab starts a stage when all jobs of the one before have succeeded.
    assert [job["stage"] for job in gitlab.values()] == list(PHASES)
    for job in (*github.values(), *gitlab.values()):
        assert not job.get("continue-on-error")
        assert not job.get("allow_failure")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_calls_each_command_as_it_is_declared_and_with_no_secret(name: str) -> None:
    called: list[str] = []
    for job in jobs(name).values():
        lines = [step.get("run", "") for step in job.get("steps", ())] + job.get("script", [])
        called += [line for text in lines for line in text.splitlines()]
    assert not [line for line in called if "secrets." in line or "--db-url" in line or "--allow" in line]
    for line in called:
        if ".venv/bin/postmigration " in line and " role " not in line:
            words = line.split(".venv/bin/postmigration ")[1].replace('"', "").split()
            parser = cli.make_parser(words[:1])
            assert parser.parse_args(words).run, line
    kinds = [kind for kind in ("fingerprint", "verify-backup", "rehearse", "plan", "watch") if kind in " ".join(called)]
    assert len(kinds) == 5
    assert sum(line.lstrip().startswith(".venv/bin/pytest --environment=") for line in called) == 2


def test_the_plan_is_judged_of_the_database_that_is_deployed_to() -> None:
    github, gitlab = (jobs(name) for name in DEPLOYMENTS)
    asking = {
        name: job
        for name, job in github.items()
        if any("postmigration plan" in step.get("run", "") for step in job["steps"])
    }
    assert asking.keys() == {name for name, job in gitlab.items() if "postmigration plan" in "".join(job["script"])}
    assert asking.keys() == {"plan", "watch"}
    for name, job in asking.items():
        assert job["environment"] == "production-read"
        assert job["env"]["POSTMIGRATION_DB_URL"] == "${{ secrets.JUDGE_URL }}"
        # A variable of that environment; one that no environment has is no variable of the job.
        assert gitlab[name]["environment"] == {"name": "production", "action": "access"}


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "validation%20of%20it.html#check-05"),
        (
            {"CI_JOB_URL": "https://gitlab.example/a/b/-/jobs/7", "CI_PROJECT_DIR": "/builds/a/b"},
            "https://gitlab.example/a/b/-/jobs/7/artifacts/file/reports/validation%20of%20it.html#check-05",
        ),
        # What does not lie in the project is no artifact.
        (
            {"CI_JOB_URL": "https://gitlab.example/a/b/-/jobs/7", "CI_PROJECT_DIR": "/elsewhere"},
            "validation%20of%20it.html#check-05",
        ),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "9"},
            "https://github.com/a/b/actions/runs/9#artifacts",
        ),
        ({"GITHUB_SERVER_URL": "https://github.com"}, "validation%20of%20it.html#check-05"),
    ],
    ids=["nowhere", "GitLab", "GitLab, outside of the project", "GitHub", "half of GitHub"],
)
def test_links_lead_to_the_page_from_where_the_summary_is_read(environment: dict[str, str], address: str) -> None:
    page = Path("/builds/a/b/reports/validation of it.html")
    assert link_check(page, "check-05", environment) == address
