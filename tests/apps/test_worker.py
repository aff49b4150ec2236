"""The Function apps on the worker that Azure runs them on: it indexes them, and they answer.

What this does not show: the host in front of the worker, its timers, queues, keys and routes.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from driver import APPS

from tidegate.declare.feed import feeds

pytestmark = pytest.mark.slow

LIBRARY = "azure_functions_runtime"
WORKER = Path(__file__).parent / "worker.py"
FUNCTIONS = {
    "ingest": {
        "feeds": "timerTrigger",
        "run_feed": "queueTrigger",
        "run_request": "queueTrigger",
        "give_up_feed": "queueTrigger",
        "give_up_request": "queueTrigger",
    },
    "detonate": {"alerts": "timerTrigger"},
    "maps": {"datasets": "timerTrigger", "read_map": "httpTrigger"},
}


@pytest.fixture
def interpreter() -> str:
    """A Python that has the worker: that of WORKER_PYTHON, with Tidegate in it, or this one."""
    if given := os.environ.get("WORKER_PYTHON"):
        return given
    if find_spec(LIBRARY) is None:
        pytest.skip(f"{LIBRARY} needs Python 3.13; WORKER_PYTHON may name one that has it")
    return sys.executable


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_worker_runs_an_app(name: str, interpreter: str, tmp_path: Path) -> None:
    environment = {
        "TIDEGATE_HOME": str(tmp_path / "home"),
        "TIDEGATE_FEEDS_OFF": json.dumps(sorted(feeds())),  # the timer asks nobody
        "TIDEGATE_MAP_ANONYMOUS": "true",
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [interpreter, str(WORKER), str(APPS / name)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["functions"] == {
        "http_app_func": "httpTrigger",
        "health": "httpTrigger",
        **FUNCTIONS[name],
    }
    well = [200, {"status": "healthy", "apps": {name: "up"}}]
    assert said["answers"]["health"] == said["answers"]["with a key"] == well
    if name == "maps":
        status, listed = said["answers"]["map"]
        assert (status, {one["version"] for one in listed["datasets"]}) == (200, {None})
    status, problem = said["answers"]["problem"]
    assert (status, problem["title"]) == (404, "Not Found")
