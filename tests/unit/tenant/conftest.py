"""The simulated tenant on loopback, on a clock that the test turns, and our adapters before it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidegate.adapters.defender import DefenderAlerts
from tidegate.adapters.defender_devices import DefenderDevices
from tidegate.adapters.entra import DEFENDER_SCOPE, GRAPH_SCOPE, Authorized, ClientCredentials
from tidegate.adapters.graph import GraphIncidents
from tidegate.adapters.graph_alerts import GraphAlerts
from tidegate.adapters.http import HttpClient
from tidegate.adapters.hunting import GraphHunting
from tidegate.simulator import entra

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "defender-vmray"


@dataclass
class Client:
    """Speaks to the tenant in its own words."""

    url: str
    http: Authorized

    def __call__(self, method, path, expect=(), **more):
        answer = self.http.request(method, f"{self.url}{path}", expect=expect, **more)
        return json.loads(answer.body) if answer.body else None


@pytest.fixture
def memory(tenant):
    return tenant.scene.memory


@pytest.fixture
def http(clock):
    with HttpClient(allow_private=True, retries=0, clock=clock) as client:
        yield client


@pytest.fixture
def authorized(tenant, http, clock):
    """Return a client whose token has the roles that the tenant gives away just then."""

    def make(scope):
        endpoint = f"{tenant.url}/simulated/oauth2/v2.0/token"
        tokens = ClientCredentials(http, endpoint, entra.CLIENT, entra.SECRET, scope, clock)
        return Authorized(http, tokens)

    return make


@pytest.fixture
def api(tenant, authorized):
    return Client(tenant.url, authorized(DEFENDER_SCOPE))


@pytest.fixture
def graph(tenant, authorized):
    return Client(f"{tenant.url}/v1.0", authorized(GRAPH_SCOPE))


@pytest.fixture
def devices(api, http):
    return DefenderDevices(api.http, http, api.url)


@pytest.fixture
def incidents(graph):
    return GraphIncidents(graph.http, graph.url)


@pytest.fixture
def hunting(graph):
    return GraphHunting(graph.http, graph.url)


@pytest.fixture
def defender_alerts(api):
    return DefenderAlerts(api.http, api.url)


@pytest.fixture
def graph_alerts(graph):
    return GraphAlerts(graph.http, graph.url)


@pytest.fixture(params=["defender_alerts", "graph_alerts"])
def alerts(request):
    """Both ways to the same alerts."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def machine(memory):
    """Change what the tenant knows of a machine."""

    def change(device, **changes):
        memory.put("machines", device, {**memory.get("machines", device), **changes})

    return change


@pytest.fixture
def recorded():
    """Return a recording or documented example; skip where the collection is not beside us."""

    def find(name):
        if not RECORDED.is_dir():
            pytest.skip("the collection of recordings is not beside the project")
        return json.loads((RECORDED / name).read_text())

    return find
