"""The Function apps on the worker that Azure runs them on: it indexes them, and they answer.

What this does not show: the host in front of the worker, its timers, queues, keys and routes.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from driver import APPS

from tidegate.declare.feed import feeds

pytestmark = pytest.mark.slow

PYTHON = APPS.parent / ".venv-worker" / ("Scripts" if os.name == "nt" else "bin") / "python"
WORKER = Path(__file__).parent / "worker.py"
FUNCTIONS = {
    "ingest": {
        "feeds": "timerTrigger",
        "run_feed": "queueTrigger",
        "run_request": "queueTrigger",
        "give_up_feed": "queueTrigger",
        "give_up_request": "queueTrigger",
    },
    "detonate": {
        "hear": "httpTrigger",
        "alerts": "timerTrigger",
        "finished": "timerTrigger",
        "sweep": "timerTrigger",
        "gate": "timerTrigger",
        "run_case": "queueTrigger",
        "run_recheck": "queueTrigger",
        "give_up_case": "queueTrigger",
        "give_up_recheck": "queueTrigger",
    },
    "maps": {"datasets": "timerTrigger", "read_map": "httpTrigger"},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_worker_runs_an_app(name: str, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("Azure's own worker needs Python 3.13, which was not found")
    environment = {
        "TIDEGATE_HOME": str(tmp_path / "home"),
        "TIDEGATE_FEEDS_OFF": json.dumps(sorted(feeds())),  # the timer asks nobody
        "TIDEGATE_MAP_ANONYMOUS": "true",
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [str(PYTHON), str(WORKER), str(APPS / name)],
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
