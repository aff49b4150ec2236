"""`tidegate up` as a process: once, staying, stopped, and killed at any moment.

No network: whatever is not loopback goes to a proxy that is not there, so feeds read their samples.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tidegate.declare.dataset import datasets as declared
from tidegate.simulator.memory import Memory
from tidegate.simulator.seed import alert_id

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"
ENDED = {"done", "done_partial", "failed", "skipped"}


@dataclass
class Up:
    """One running `tidegate up`; what it says is read as it comes."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.strip())

    def wait_for(self, start: str, seconds: float = 90) -> str:
        """Return the first line that begins so, once it is said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := [line for line in self.said if line.startswith(start)]:
                return found[0]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{start!r} was never said, but: {self.said}")

    def end(self, seconds: float = 150) -> tuple[int, str]:
        """Wait for its end; return its code and its standard output."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        # Read while it runs: a summary is longer than what a pipe holds.
        with ThreadPoolExecutor(1) as pool:
            out = pool.submit(self.process.stdout.read)
            try:
                self.process.wait(seconds)
            finally:
                self.process.kill()
                self._reader.join()
                said = out.result()
                self.process.stdout.close()
                self.process.stderr.close()
        return self.process.returncode, said


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(home: Path, *words: str) -> Up:
        ours = {name: v for name, v in os.environ.items() if not name.startswith("TIDEGATE_")}
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
        settings = {"TIDEGATE_HOME": str(home), "TIDEGATE_PORT": "0"}
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "tidegate", "up", *words],
            cwd=tmp_path,
            env=ours | proxies | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(Up(process))
        return started[-1]

    yield start
    for one in started:
        if one.process.stdout and not one.process.stdout.closed:
            one.process.kill()
            one.end()


def outside(home: Path) -> dict[str, Any]:
    """Everything that was done to the tenant, but for times and numbers."""
    with closing(Memory(home / "tenant")) as memory:
        alerts, incidents = memory.all("alerts"), memory.all("incidents")
        return {
            "comments": {one["id"]: len(one["comments"]) for one in alerts},
            "tags": {one["id"]: sorted(one["customTags"]) for one in incidents},
            "indicators": {
                one["indicatorValue"]: one["action"] for one in memory.all("indicators")
            },
            "submitted": Counter(memory.calls("submit")),
            "live responses": len(memory.calls("live response")),
        }


def ran(one: Up) -> dict[str, Any]:
    """Wait for a run with `--once --json`, and return its summary."""
    code, out = one.end()
    assert code == 0, one.said
    [line] = out.splitlines()
    summary: dict[str, Any] = json.loads(line)
    return summary


def test_the_main_job_runs_once_and_a_second_time_for_nothing(up, tmp_path):
    home = tmp_path / "home"
    first = ran(up(home, "--once", "--json"))
    assert {feed["status"] for feed in first["feeds"]} == {"ok"}
    assert {feed["origin"] for feed in first["feeds"]} == {"sample"}
    assert len(first["cases"]) == 10
    assert {case["stage"] for case in first["cases"]} <= ENDED
    assert [one["target"] for one in first["gated"]] == ["defender", "sentinel"]
    assert all(one["applied"]["written"] > 0 for one in first["gated"])
    assert all(one["applied"]["failed"] == {} for one in first["gated"])
    assert {each["result"] for each in first["maps"]} == {200}
    done = outside(home)
    assert set(done["comments"].values()) == {1}

    second = ran(up(home, "--once", "--json"))
    assert {feed["status"] for feed in second["feeds"]} == {"unchanged"}
    assert [one["plan"]["changes"] for one in second["gated"]] == [[], []]
    assert {each["result"] for each in second["maps"]} == {204}
    assert outside(home) == done


def test_a_killed_job_ends_as_an_undisturbed_one(up, tmp_path):
    """Four homes side by side, for most of the time is waiting."""
    moments = {"feeds": 0.1, "alerts": 1.5, "gate": 0.05}
    undisturbed = up(tmp_path / "undisturbed", "--once", "--json")
    killed = {}
    for part in moments:
        killed[part] = up(tmp_path / part, "--once", "--json")
    for part, moment in moments.items():
        killed[part].wait_for(f"· {part}")
        time.sleep(moment)
        killed[part].process.send_signal(signal.SIGKILL)
        assert killed[part].end()[0] == -signal.SIGKILL, killed[part].said
    again = {part: up(tmp_path / part, "--once", "--json") for part in moments}
    ran(undisturbed)
    expected = outside(tmp_path / "undisturbed")
    for part, one in again.items():
        ran(one)
        assert outside(tmp_path / part) == expected, f"killed during {part}"


def new_alert(home: Path) -> str:
    """Raise another alert in the tenant, for a URL that the sandbox does not know."""
    with closing(Memory(home / "tenant")) as memory:
        known = memory.get("alerts", alert_id(3)) or {}
        evidence = [dict(row) for row in known["evidence"]]
        evidence[-1]["url"] = "http://login.phish.example/another"
        made = {**known, "id": "da1_1", "comments": [], "evidence": evidence}
        memory.put("alerts", "da1_1", made)
    return "da1_1"


def test_it_stays_answers_and_stops(up, tmp_path):
    home = tmp_path / "home"
    one = up(home)
    url = one.wait_for("Tidegate on ").removeprefix("Tidegate on ")
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        health = client.get("/api/health")
        assert (health.status_code, health.json()["status"]) == (200, "healthy")
        one.wait_for(f"{url} has no page")
        datasets = client.get("/api/datasets").json()["datasets"]
        assert [one["name"] for one in datasets] == list(declared())
        assert client.post("/api/refresh").status_code in {200, 204}
        assert (
            client.post("/api/refresh", headers={"Origin": "http://x.example"}).status_code == 403
        )

        alert = new_alert(home)
        assert client.post("/api/alerts", json={"alert": alert}).status_code == 202
        deadline = time.monotonic() + 30
        case = client.get(f"/api/cases/{alert}").json()
        while case["stage"] not in ENDED and time.monotonic() < deadline:
            time.sleep(0.1)
            case = client.get(f"/api/cases/{alert}").json()
        assert case["stage"] == "done"
        assert all(effect["done"] for effect in case["effects"])
    one.process.send_signal(signal.SIGTERM)
    stopping = time.monotonic()
    assert one.end(20)[0] == 0
    assert time.monotonic() - stopping < 10
    assert outside(home)["comments"][alert] == 1


def test_two_at_once_do_not_share_a_home(up, tmp_path):
    first = up(tmp_path / "home")
    first.wait_for("Tidegate on ")
    second = up(tmp_path / "home", "--once")
    code, _ = second.end(20)
    assert code == 1
    assert any("another `tidegate up`" in line for line in second.said)
    first.process.send_signal(signal.SIGKILL)
    first.end()
