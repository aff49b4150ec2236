"""The packages of the Function apps: what is in them, that they run, and what deploys them.

Staged without what others wrote, which the environment of the tests has; `make package` adds that.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tidegate.declare.feed import feeds

ROOT = Path(__file__).parents[2]
STAGED = Path(__file__).parent / "staged.py"
WORKER = ROOT / ".venv-worker" / ("Scripts" if os.name == "nt" else "bin") / "python"
NAMES = ("ingest", "detonate", "maps")
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(.*)", re.MULTILINE)


def loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stage = loaded("stage", ROOT / "apps" / "stage.py")


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    to = tmp_path_factory.mktemp("dist")
    packages = to / "packages"
    stage.unpack(stage.wheel(to / "wheel"), packages)
    stage.compiled(packages, sys.executable)
    made = {name: stage.stage(name, packages, to / "apps" / name) for name in NAMES}
    for app in made.values():
        stage.compiled(app, sys.executable, "-l")
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_staged_app_runs(name: str, apps: dict[str, Path], tmp_path: Path):
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, STAGED, apps[name], "--timers"],
        cwd=tmp_path,
        env={
            "TIDEGATE_HOME": str(tmp_path / "home"),
            "TIDEGATE_FEEDS_OFF": json.dumps(sorted(feeds())),  # the timer asks nobody
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["answers"]["health"] == [200, {"status": "healthy", "apps": {name: "up"}}]
    assert said["answers"]["problem"][0] == 404
    assert said["ours"].startswith(str(apps[name]))
    assert said["uncompiled"] == []
    assert said["only here"] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_azures_own_worker_runs_a_staged_app(name: str, apps: dict[str, Path], tmp_path: Path):
    if not WORKER.exists():
        pytest.skip("Azure's own worker needs Python 3.13, which was not found")
    done = subprocess.run(  # noqa: S603 - our own code
        [WORKER, ROOT / "tests" / "apps" / "worker.py", str(apps[name])],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(apps[name] / stage.PACKAGES),
            "TIDEGATE_HOME": str(tmp_path / "home"),
            "TIDEGATE_FEEDS_OFF": json.dumps(sorted(feeds())),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])["answers"]
    assert answers["health"] == [200, {"status": "healthy", "apps": {name: "up"}}]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_in_it(name: str, apps: dict[str, Path]):
    app = apps[name]
    files = {one.relative_to(app).as_posix() for one in app.rglob("*") if one.is_file()}
    inner = f"{stage.PACKAGES.as_posix()}/"
    assert {one for one in files if not one.startswith((inner, "__pycache__/"))} == {
        "function_app.py",
        "host.json",
        ".funcignore",
    }
    tops = {one.removeprefix(inner).split("/")[0] for one in files if one.startswith(inner)}
    assert {one.split("-")[0] for one in tops} == {"tidegate"}
    leaves = {Path(one).name for one in files}
    assert [one for one in leaves if re.match(r"(sample|expected)\.|rows\.json$", one)] == []


@pytest.mark.slow
def test_all_that_is_read_at_run_time_is_in_it(apps: dict[str, Path]):
    packed = apps["ingest"] / stage.PACKAGES / "tidegate"
    source = ROOT / "src" / "tidegate"
    evidence = re.compile(r"(sample|expected)\.|rows\.json$|.*\.pyc$")
    for one in source.rglob("*"):
        if one.is_file() and not evidence.match(one.name):
            there = packed / one.relative_to(source)
            assert there.read_bytes() == one.read_bytes()


@pytest.mark.slow
def test_the_same_content_is_the_same_zip(apps: dict[str, Path]):
    app = apps["maps"]
    first = stage.zipped(app).read_bytes()
    os.utime(app / "host.json", (0, 0))
    assert stage.zipped(app).read_bytes() == first
    (app / "host.json").write_text("{}")
    assert stage.zipped(app).read_bytes() != first


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {found[1]: found[2] for found in PIN.finditer(text)}


def test_azure_gets_the_versions_that_were_tested():
    tested = (ROOT / "requirements" / "test.txt").read_text()
    for name, version in pins("azure").items():
        assert f"\n{name}=={version} " in f"\n{tested}"


def test_all_that_the_apps_declare_is_locked_and_hashed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    declared = [*project["project"]["dependencies"], *extras["azure"], *groups["functions"]]
    locked = pins("azure")
    assert {re.split(r"[<>=;\[ ]", one)[0] for one in declared} <= locked.keys()
    text = (ROOT / "requirements" / "azure.txt").read_text()
    for block in re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block


def test_what_is_for_one_machine_or_the_platform_is_not_packed():
    brought = {"azure-functions-runtime", "azure-functions-worker", "grpcio"}
    assert pins("azure").keys() & ({"duckdb", "duckdb-kql", "uvicorn"} | brought) == set()


def host(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "apps" / name / "host.json").read_text())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_host_is_told_what_it_needs(name: str):
    said = host(name)
    assert said["version"] == "2.0"
    assert said["telemetryMode"] == "OpenTelemetry"
    # In that mode the host ignores what it would be told of Application Insights.
    assert said["logging"].keys() == {"logLevel"}
    assert re.fullmatch(r"00:[0-5]\d:00", said["functionTimeout"])
    # The routes are those of FastAPI, which begin with /api themselves.
    assert said["extensions"]["http"]["routePrefix"] == ""
    assert said["healthMonitor"]["enabled"] is True
    # A queue has retries of its own, and a timer says so by itself: one more would multiply them.
    assert "retry" not in said


@pytest.mark.parametrize("name", NAMES)
def test_an_app_with_queues_says_how_they_are_read(name: str):
    queues = "queue_trigger" in (ROOT / "apps" / name / "function_app.py").read_text()
    said = host(name)["extensions"].get("queues", {})
    assert queues == bool(said)
    if queues:
        assert said["messageEncoding"] == "none"  # as adapters/azure/queue.py writes them
        assert said["maxDequeueCount"] >= 5
        assert said["newBatchThreshold"] <= said["batchSize"]


def azure_yaml() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text())
    return found


def test_azd_deploys_each_app_as_it_was_staged():
    services = azure_yaml()["services"]
    assert services.keys() == {*NAMES, "web"}
    for name in NAMES:
        assert services[name] == {
            "project": f"dist/apps/{name}",
            "language": "py",
            "host": "function",
            "remoteBuild": False,
        }
    assert (ROOT / services["web"]["project"] / "package.json").is_file()


def test_azd_stages_by_a_command_that_there_is():
    jobs = loaded("dev", ROOT / "dev.py").JOBS
    for hook in azure_yaml()["hooks"]["prepackage"].values():
        _, file, job = hook["run"].split()
        assert file == "dev.py"
        assert job in jobs
    targets = (ROOT / "Makefile").read_text()
    assert all(f" {job}" in targets for job in jobs if job != "test")
