"""How long the simulated tenant takes for a request with 10,000 alerts and 2,000 files in it.

python tests/bench/tenant.py [ALERTS] [FILES]
"""

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

from tidegate.simulator import entra
from tidegate.simulator.estate import (
    Happening,
    Machine,
    alert_id,
    device_id,
    know_file,
    of_file,
    put_file,
    put_machine,
    raise_alert,
    see_file,
)
from tidegate.simulator.samples import digest, sha1_of
from tidegate.simulator.scene import Limits, Scene
from tidegate.simulator.server import Tenant

DEVICES = 500
TRIES = 300


def fill(scene: Scene, alerts: int, files: int) -> None:
    """Put so many alerts on so many files into the tenant."""
    with scene.memory.changing():
        for number in range(DEVICES):
            put_machine(scene, Machine(f"load-{number}"))
        for number in range(files):
            device, content = f"load-{number % DEVICES}", b"sample %d" % number
            put_file(scene, device, f"{number}.exe", content)
            see_file(scene, device, content)
            know_file(scene, f"{number}.exe", content)
        for number in range(alerts):
            file = number % files
            what = of_file(f"{file}.exe", b"sample %d" % file)
            at = scene.clock() - timedelta(seconds=alerts - number)
            happened = Happening("Load", f"load-{file % DEVICES}", (what,))
            raise_alert(scene, 100 + number, at, happened)


class Asking:
    """One connection with a token for each audience."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(url.partition("//")[2])
        self.tokens = {scope: self._token(scope) for scope in (entra.DEFENDER, entra.GRAPH)}

    def __call__(self, method: str, path: str, body: object = None) -> bytes:
        scope = entra.GRAPH if path.startswith("/v1.0") else entra.DEFENDER
        headers = {"authorization": f"Bearer {self.tokens[scope]}"}
        if path.startswith("/rest"):
            headers = {"authorization": "api_key simulated"}
        headers["content-type"] = "application/json"
        said = None if body is None else json.dumps(body)
        self.connection.request(method, path, said, headers)
        answer = self.connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {read[:200]!r}")
        return read

    def _token(self, scope: str) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": entra.CLIENT,
            "client_secret": entra.SECRET,
            "scope": scope,
        }
        kind = {"content-type": "application/x-www-form-urlencoded"}
        where = "/simulated/oauth2/v2.0/token"
        self.connection.request("POST", where, urlencode(form), kind)
        return str(json.loads(self.connection.getresponse().read())["access_token"])


def measure(name: str, call: Callable[[int], object], tries: int = TRIES) -> None:
    """Print how long one call takes."""
    took = []
    for number in range(tries):
        start = time.perf_counter()
        call(number)
        took.append((time.perf_counter() - start) * 1e3)
    worst = sorted(took)[int(tries * 0.99)]
    print(f"{name:44} median {statistics.median(took):7.2f} ms   99 % {worst:7.2f} ms")


def calls(ask: Asking, scene: Scene, alerts: int, files: int) -> None:
    """Measure what our adapters ask for."""
    soon = (scene.clock() - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    recent, all_of = (quote(f"lastUpdateTime ge {at}") for at in (soon, "2020-01-01T00:00:00Z"))
    newer = quote(f"lastUpdateDateTime ge {soon}")

    def alert(number: int) -> str:
        return alert_id(100 + number * 7 % alerts)

    def sample(number: int) -> bytes:
        return b"sample %d" % (number * 3 % files)

    def machine(number: int) -> str:
        return device_id(f"load-{number % DEVICES}")

    scan = {"Comment": "c", "ScanType": "Quick"}
    get_file = {"type": "GetFile", "params": [{"key": "Path", "value": "x"}]}
    live = {"Comment": "c", "Commands": [get_file]}
    hunt = {"Query": ""}
    made: dict[int, str] = {}

    def run(number: int) -> None:
        path = f"/api/machines/{machine(number)}/runliveresponse"
        made[number] = json.loads(ask("POST", path, live))["id"]

    graph = "/v1.0/security"
    measure("GET alerts, a poll", lambda _: ask("GET", f"/api/alerts?$filter={recent}"))
    measure("Graph: GET alerts, a poll", lambda _: ask("GET", f"{graph}/alerts_v2?$filter={newer}"))
    measure("GET alert", lambda n: ask("GET", f"/api/alerts/{alert(n)}"))
    measure("PATCH alert", lambda n: ask("PATCH", f"/api/alerts/{alert(n)}", {"comment": "x"}))
    page = f"/api/alerts?$filter={all_of}&$expand=evidence&$top=1000&$skip=9000"
    measure("GET alerts, a page of 1,000", lambda _: ask("GET", page), 20)
    measure("GET machine", lambda n: ask("GET", f"/api/machines/{machine(n)}"))
    measure("GET file", lambda n: ask("GET", f"/api/files/{digest(sample(n))}"))
    measure(
        "GET machines of a file", lambda n: ask("GET", f"/api/files/{sha1_of(sample(n))}/machines")
    )
    measure("POST live response", run)
    measure("GET action", lambda n: ask("GET", f"/api/machineactions/{made[n]}"))
    actions = "/api/machineactions?$filter=machineId%20eq%20"
    measure("GET actions of a machine", lambda n: ask("GET", f"{actions}'{machine(n)}'&$top=500"))
    path = "/api/machines/{}/runAntiVirusScan"
    measure("POST response", lambda n: ask("POST", path.format(machine(n)), scan))
    measure("Graph: GET alert", lambda n: ask("GET", f"{graph}/alerts_v2/{alert(n)}"))
    measure("Graph: GET incident", lambda n: ask("GET", f"{graph}/incidents/{1100 + n}"))
    measure(
        "Graph: PATCH incident",
        lambda n: ask("PATCH", f"{graph}/incidents/{1100 + n}", {"customTags": []}),
    )

    def hunted(number: int) -> bytes:
        hunt["Query"] = f'x | where SHA256 == "{digest(sample(number))}"'
        return ask("POST", f"{graph}/runHuntingQuery", hunt)

    measure("Graph: hunting", hunted)


def main(alerts: int = 10_000, files: int = 2_000) -> None:
    """Fill a tenant, and ask it."""
    with TemporaryDirectory() as folder:
        tenant = Tenant(Path(folder), timedelta(0))
        url = tenant.start()
        without_end = 10**9
        tenant.scene.limits = Limits(*[without_end] * 5)
        start = time.perf_counter()
        fill(tenant.scene, alerts, files)
        print(f"{alerts:,} alerts and {files:,} files in {time.perf_counter() - start:.1f} s")
        calls(Asking(url), tenant.scene, alerts, files)
        tenant.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
