"""The workflows by their structure, and the script that deploys before an `az` that is played."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(one.name for one in FOLDER.glob("*.yml"))
STAGES = ["dev", "staging", "prod"]
PINNED = re.compile(r"\./\.github/workflows/[a-z-]+\.yml|[\w./-]+@[0-9a-f]{40}")
Workflow = dict[str, Any]


def workflow(name: str) -> Workflow:
    found: Workflow = yaml.load((FOLDER / name).read_text(), yaml.BaseLoader)  # noqa: S506 - on: stays a word
    return found


def faults(said: Workflow) -> list[str]:
    """What is wrong with any workflow: rights, ends, what it runs of others, what it trusts."""
    wrong = [] if said.get("permissions") in ({}, {"contents": "read"}) else ["permissions"]
    for job in said["jobs"].values():
        wrong += _of_job(job)
        wrong += [one for step in [job, *job.get("steps", ())] for one in _of_step(step)]
    return [*wrong, "a secret that is kept"] if "secrets." in yaml.dump(said) else wrong


def _of_job(job: Workflow) -> Iterator[str]:
    rights = job.get("permissions", {})
    if {name for name, right in rights.items() if right == "write"} - {"id-token"}:
        yield "a job that writes"
    if "uses" not in job and "timeout-minutes" not in job:
        yield "no time limit"


def _of_step(step: Workflow) -> Iterator[str]:
    if not PINNED.fullmatch(step.get("uses", "./.github/workflows/none.yml")):
        yield f"{step['uses']} is not pinned by hash"
    if "${{" in step.get("run", ""):
        yield "text is put into a script"


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_do_little_and_ends(name: str):
    assert faults(workflow(name)) == []


def _step(said: Workflow) -> dict[str, str]:
    found: dict[str, str] = said["jobs"]["deploy"]["steps"][-1]
    return found


WORSE: dict[str, Callable[[Workflow], object]] = {
    "no permissions": lambda said: said.pop("permissions"),
    "all permissions": lambda said: said.update(permissions="write-all"),
    "writes": lambda said: said["jobs"]["deploy"]["permissions"].update(contents="write"),
    "for ever": lambda said: said["jobs"]["deploy"].pop("timeout-minutes"),
    "a tag": lambda said: _step(said).update(uses="azure/login@v2"),
    "injection": lambda said: _step(said).update(run="echo ${{ inputs.commit }}"),
    "a secret": lambda said: _step(said).update(env="${{ secrets.AZURE_CREDENTIALS }}"),
}


@pytest.mark.parametrize("fault", WORSE)
def test_what_is_worse_is_seen(fault: str):
    said = copy.deepcopy(workflow("deploy-to.yml"))
    WORSE[fault](said)
    assert len(faults(said)) == 1


def test_the_stages_come_one_after_the_other():
    jobs = workflow("deploy.yml")["jobs"]
    assert list(jobs) == ["test", "package", *STAGES]
    assert [job.get("needs") for job in jobs.values()] == [None, "test", "package", *STAGES[:-1]]
    assert [jobs[one]["with"]["environment"] for one in STAGES] == STAGES
    assert {job["with"]["commit"] for job in jobs.values()} == {"${{ github.sha }}"}


def test_a_rollback_packages_the_commit_that_was_asked_for_and_tests_nothing():
    said = workflow("rollback.yml")
    assert list(said["jobs"]) == ["package", "deploy"]
    assert {job["with"]["commit"] for job in said["jobs"].values()} == {"${{ inputs.commit }}"}
    assert said["on"]["workflow_dispatch"]["inputs"]["environment"]["options"] == STAGES
    assert said["concurrency"] == workflow("deploy.yml")["concurrency"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_cloned_is_the_commit_that_is_named_and_keeps_no_token(name: str):
    jobs = [job for job in workflow(name)["jobs"].values() if "steps" in job]
    named = "inputs.commit || github.sha" if name == "ci.yml" else "inputs.commit"
    for job in jobs:
        clone = job["steps"][0]
        assert clone["uses"].startswith("actions/checkout@")
        assert clone["with"]["persist-credentials"] == "false"
        assert clone["with"]["ref"] == f"${{{{ {named} }}}}"
    deep = [job["steps"][0]["with"].get("fetch-depth") for job in jobs]
    assert set(deep) <= ({"0"} if name == "deploy-to.yml" else {None})  # what it goes back to


def test_what_is_packaged_once_is_what_is_deployed():
    steps = workflow("package.yml")["jobs"]["package"]["steps"]
    kept = {
        one["with"]["name"]: one["with"]["path"] for one in steps if "name" in one.get("with", {})
    }
    assert kept["packages"].split() == ["dist/apps/*.zip", "dist/pages"]  # both below dist/
    assert kept["sbom"] == "dist/sbom"
    steps = workflow("deploy-to.yml")["jobs"]["deploy"]["steps"]
    [brought] = [one["with"] for one in steps if "download-artifact" in one.get("uses", "")]
    assert brought == {"name": "packages", "path": "dist"}


def test_the_pipeline_does_what_the_workflows_do():
    said = yaml.safe_load((ROOT / "azure-pipelines.yml").read_text())
    test, package, *stages = said["stages"]
    assert test["jobs"][0]["steps"][-1]["bash"] == ".ci/run"
    assert (package["stage"], package["dependsOn"]) == ("package", "test")
    told = [one["bash"] for one in package["jobs"][0]["steps"] if "bash" in one]
    assert told[:2] == ["python3 dev.py package", "python3 dev.py sbom"]
    assert [one["stage"] for one in stages] == STAGES
    assert [one["dependsOn"] for one in stages] == ["package", *STAGES[:-1]]
    for one in stages:
        [job] = one["jobs"]
        assert job["environment"] == f"tidegate-{one['stage']}"  # which asks for approval
        steps = job["strategy"]["runOnce"]["deploy"]["steps"]
        assert steps[-1]["inputs"]["inlineScript"].startswith(f".ci/deploy {one['stage']} ")
        assert steps[0]["persistCredentials"] == "false"


def test_what_is_deployed_is_checked_by_a_job_of_its_own():
    """Which says at a glance whether it is the infrastructure that fails."""
    [stage, *_] = yaml.safe_load((ROOT / "azure-pipelines.yml").read_text())["stages"]
    steps = {job["job"]: job["steps"][-1]["bash"] for job in stage["jobs"]}
    jobs = workflow("ci.yml")["jobs"]
    assert steps == {name: job["steps"][-1]["run"] for name, job in jobs.items()}
    assert steps["infra"] == "python3 dev.py check-infra"


def test_no_deployment_is_cut_off_and_each_asks_its_environment():
    job = workflow("deploy-to.yml")["jobs"]["deploy"]
    assert job["concurrency"]["cancel-in-progress"] == "false"
    assert "inputs.environment" in job["environment"]
    assert job["permissions"] == {"contents": "read", "id-token": "write"}


def test_ci_runs_what_the_readme_runs():
    steps = workflow("ci.yml")["jobs"]["test"]["steps"]
    assert steps[-1]["run"] == ".ci/run"
    assert "pull_request_target" not in workflow("ci.yml")["on"]


def test_every_folder_with_a_lock_is_watched():
    said = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    node = next(one for one in said if one["package-ecosystem"] == "npm")
    assert "github-actions" in {one["package-ecosystem"] for one in said}
    folders = ("*", ".ci/*", "tests/**")
    locks = [lock for one in folders for lock in ROOT.glob(f"{one}/package-lock.json")]
    ours = {one.parent for one in locks if "node_modules" not in one.parts}
    assert sorted(node["directories"]) == sorted(f"/{one.relative_to(ROOT)}" for one in ours)


AZ = """#!/bin/sh
case "$*" in
  "functionapp list"*) echo func-app ;;
  "functionapp show"*"--query id "*) echo /sites/func-app ;;
  "functionapp show"*) echo func-app.example ;;
  "rest --method get"*) echo '{"properties": {"platform": {"enabled": true}}}' ;;
  "rest --method put"*) echo "put $(cat)" >> "$TOLD" ;;
  "functionapp keys"*) echo the-key ;;
  "staticwebapp list"*) echo stapp ;;
  "staticwebapp secrets"*) echo the-token ;;
  "account show"*) echo the-tenant ;;
  *good-commit*--query*|*tags.*) echo "$GOOD" ;;
  "group show"*) echo /subscriptions/1 ;;
  *) echo "az $*" >> "$TOLD"; test "$(cat "$SERVES")" != "refused" ;;
esac
"""
SAYS = '#!/bin/sh\necho "{name} $*" >> "$TOLD"\n'
SMOKE = """#!/bin/sh
echo "tidegate $*" >> "$TOLD"
test "$FUNCTION_KEY" = the-key && test "$(cat "$SERVES")" != broken
"""
SWA = """#!/bin/sh
echo "swa $* $(cat dist/pages/staticwebapp.config.json)" >> "$TOLD"
test "$SWA_CLI_DEPLOYMENT_TOKEN" = the-token && test "$(cat "$SERVES")" != pageless
"""
PACKAGE = f"""#!/bin/sh
test "$1" = -c && exec {sys.executable} "$@"
echo "python3 $*" >> "$TOLD"
echo good > "$SERVES"
"""


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    told, serves = tmp_path / "told", tmp_path / "serves"
    for name, text in {
        "bin/az": AZ,
        "bin/git": SAYS.format(name="git") + "echo newest\n",
        "bin/python3": PACKAGE,
        ".venv/bin/tidegate": SMOKE,
        "bin/npm": SAYS.format(name="npm"),
        ".ci/pages/node_modules/.bin/swa": SWA,
        "dist/pages/staticwebapp.config.json": "TENANT_ID",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    script = shutil.copy(ROOT / ".ci" / "deploy", tmp_path / ".ci" / "deploy")

    def run(*, state: str, good: str) -> tuple[int, list[str]]:
        serves.write_text(state)
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "TOLD": str(told), "SERVES": str(serves), "GOOD": good}
        done = subprocess.run(  # noqa: S603 - our own script
            [script, "dev", "rg-tidegate-wus3-dev"], env=given, check=False, capture_output=True
        )
        said = done.stdout + done.stderr
        assert b"the-key" not in said
        assert b"the-token" not in said
        return done.returncode, told.read_text().splitlines()

    return run


def deployed(told: list[str]) -> list[str]:
    return [line.split("/")[-1].split(".zip")[0] for line in told if "config-zip" in line]


BEFORE, ALL = "0" * 40, ["ingest", "detonate", "maps"]


def test_what_is_well_is_remembered(deploy: Callable[..., tuple[int, list[str]]]):
    code, told = deploy(state="well", good=BEFORE)
    assert code == 0
    assert deployed(told) == ALL
    assert sum(line.startswith("tidegate smoke https://func-app.example ") for line in told) == 3
    [door] = [json.loads(line[4:]) for line in told if line.startswith("put ")]
    assert door["properties"] == {
        "platform": {"enabled": True},
        "globalValidation": {"excludedPaths": ["/api/health", "/api/openapi.json"]},
    }
    page = "swa deploy dist/pages --env production the-tenant"
    last = max(number for number, line in enumerate(told) if line.startswith("tidegate smoke"))
    assert told.index("npm ci --ignore-scripts --silent --prefix .ci/pages") > last
    assert told.index(page) > last  # pages of before go on with the apps of today
    assert told[-1].startswith("az tag update")
    assert "good-commit=" in told[-1]


@pytest.mark.parametrize("state", ["broken", "refused", "pageless"])
def test_what_is_not_well_goes_back(state: str, deploy: Callable[..., tuple[int, list[str]]]):
    code, told = deploy(state=state, good=BEFORE)
    assert code == 1
    assert deployed(told) == (ALL[:1] if state == "refused" else ALL) + ALL
    assert told.index(f"git checkout --quiet {BEFORE}") < told.index("python3 dev.py package")
    assert not any(line.startswith("az tag") for line in told)


@pytest.mark.parametrize("good", ["", "None", "--orphan"])
def test_without_a_good_commit_nothing_is_gone_back_to(
    good: str, deploy: Callable[..., tuple[int, list[str]]]
):
    code, told = deploy(state="broken", good=good)
    assert code == 1
    assert deployed(told) == ALL
