"""What the app `ingest` tells Application Insights: one trace from a request to the last call.

What this does not show: the host's own rows, how the portal joins them, and what ingestion samples.
"""

import json
import logging
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from driver import APPS, raw
from ingestion_standin import Ingestion, ingestion
from test_ingest_on_azure import FEEDS, World, web, world
from test_worker import PYTHON

from tidegate.ingest.requests import find

pytestmark = pytest.mark.slow

__all__ = ["web", "world"]  # fixtures
TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1" * 32  # see traced_worker.py
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    with ingestion() as running:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", running.connection)
        monkeypatch.setenv("WEBSITE_SITE_NAME", "func-tidegate-ingest")
        yield running


def operations(items: list[dict]) -> set[str]:
    return {one["tags"].get("ai.operation.id", "") for one in items}


def test_one_trace_leads_from_a_request_to_the_feeds_and_says_no_value(
    told: Ingestion, world: World
):
    """One test for all of it: a process has one telemetry."""
    app = world.instance()
    headers = {"traceparent": PARENT}
    body = json.dumps({"feeds": list(FEEDS)}).encode()
    status, _ = raw(app["http_app_func"], "POST", "/api/ingest", body, headers)
    assert status in {200, 202}
    [request] = world.deliver(app, queue="requests", function="run_request")
    house = world.houses[0]
    assert [one.status for one in find(request, house.desk).outcomes] == ["ok"] * len(FEEDS)
    person = "lee@corp.example"
    address = f"https://evil.example/a?u={person}"
    logging.getLogger("tidegate.tests").warning("198.51.100.7 by kim@corp.example, %s", "ab" * 32)
    try:
        raise ValueError(address)  # noqa: TRY301
    except ValueError:
        logging.getLogger("tidegate.tests").exception("a bug")
    house.telemetry.flush()

    calls = told.of("RemoteDependencyData")
    assert operations(calls) == {TRACE}
    assert len(calls) == len(world.asked) == len(FEEDS)
    assert {one["data"]["baseData"]["resultCode"] for one in calls} == {"200"}
    [work] = told.of("RequestData")  # of the queue; that of HTTP is the host's
    assert (work["data"]["baseData"]["name"], work["tags"]["ai.operation.id"]) == (
        "run_request",
        TRACE,
    )
    assert {one["tags"]["ai.cloud.role"] for one in told.items} == {"tidegate.func-tidegate-ingest"}

    lines = told.of("MessageData")
    fetched = [one for one in lines if "Fetched" in one["data"]["baseData"]["message"]]
    assert operations(fetched) == {TRACE}
    assert len(fetched) == len(FEEDS)
    works_for = {one["data"]["baseData"]["properties"]["correlation"] for one in fetched}
    assert works_for.isdisjoint({"-", "[hash]"})
    [asked] = [one for one in lines if one["data"]["baseData"]["message"].startswith("POST")]
    assert asked["data"]["baseData"]["message"].startswith("POST /api/ingest 20")
    assert operations([asked]) == {TRACE}
    assert re.fullmatch("[0-9a-f]{32}", asked["data"]["baseData"]["properties"]["correlation"])
    figures = {
        metric["name"]
        for one in told.of("MetricData")
        for metric in one["data"]["baseData"]["metrics"]
    }
    assert figures >= {
        "tidegate.feed.indicators",
        "tidegate.feed.age",
        "tidegate.store.request_units",
        "tidegate.store.run.request_units",
    }
    [bug] = told.of("ExceptionData")
    assert "ValueError" in json.dumps(bug)
    everything = json.dumps(told.items)
    for secret in ("198.51.100", person, "kim", "evil", "ab" * 32, "?u=", "/feodo"):
        assert secret not in everything, secret


def test_on_azures_own_worker_the_hosts_trace_goes_on_by_way_of_the_queue(
    told: Ingestion, world: World, monkeypatch: pytest.MonkeyPatch
):
    if not PYTHON.exists():
        pytest.skip("Azure's own worker needs Python 3.13, which was not found")
    monkeypatch.setenv("PYTHON_ENABLE_OPENTELEMETRY", "true")  # as it is deployed
    monkeypatch.setenv("AZURITE", world.azurite.connection)
    monkeypatch.setenv("ROUTES", json.dumps(world.transport.hosts))
    done = subprocess.run(  # noqa: S603 - our own code
        [
            str(PYTHON),
            str(Path(__file__).parent / "traced_worker.py"),
            str(APPS / "ingest"),
            PARENT,
        ],
        input=json.dumps({"feeds": FEEDS}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(world.asked) == sorted(FEEDS)
    [work] = told.of("RequestData")
    calls = told.of("RemoteDependencyData")
    assert len(calls) == len(FEEDS)
    lines = {one["data"]["baseData"]["message"]: one for one in told.of("MessageData")}
    told_of = [one for text, one in lines.items() if text.startswith(("POST", "Fetched"))]
    assert len(told_of) == 1 + len(FEEDS)
    assert operations([work, *calls, *told_of]) == {TRACE}
    # The host began another trace for the message, which the work only names.
    assert OTHER in work["data"]["baseData"]["properties"]["_MS.links"]


TALKS = """
import logging, random, sys
from tidegate.adapters.azure import telemetry
from tidegate.adapters.azure.telemetry import Sent, Telemetry
from tidegate.tracing import continued
# As it waits, but a twentieth of it; what has no limit has none here, either.
telemetry.IMPATIENT |= {what: 0.25 for what in telemetry.IMPATIENT if "timeout" in what}
telemetry = Telemetry(Sent(sys.argv[1], None, "x", float(sys.argv[2])))
logging.getLogger("tidegate").setLevel(logging.INFO)
for number in range(500):
    parent = f"00-{random.getrandbits(128):032x}-b7ad6b7169203331-01" if "host" in sys.argv else ""
    with continued(f"work {number}", parent):
        logging.getLogger("tidegate.x").info("line %d", number)
telemetry.flush()
telemetry.close()
"""


def talk(connection: str, share: float = 1, begun_by: str = "us") -> None:
    """Say 500 things in a process of its own. Who waited for an answer would not end in time."""
    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", TALKS, connection, str(share), begun_by],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("status", [429, 500, 403])
def test_nobody_waits_for_an_ingestion_that_refuses(told: Ingestion, status: int):
    told.status = status
    talk(told.connection)
    assert told.posts


def test_nobody_waits_for_an_ingestion_that_takes_and_never_answers(told: Ingestion):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        talk(replace(told, url=url).connection)
        silent.settimeout(1)
        silent.accept()[0].close()  # somebody had called


def test_nobody_waits_for_an_ingestion_that_is_gone(told: Ingestion):
    talk(replace(told, url="http://127.0.0.1:9").connection)


@pytest.mark.parametrize("begun_by", ["us", "host"])
def test_a_share_of_the_traces_is_sent_and_every_line(told: Ingestion, begun_by: str):
    talk(told.connection, 0.2, begun_by)
    assert len(told.of("MessageData")) == 500
    assert 40 < len(told.of("RequestData")) < 180


HOSTILE = """
import json, logging, sys
from tidegate.adapters.azure.telemetry import Sent, Telemetry
from tidegate.tracing import calling, continued
hostile = json.load(sys.stdin)
telemetry = Telemetry(Sent(sys.argv[1], None, "x", values=sys.argv[2] == "told"))
log = logging.getLogger("tidegate.x")
for one in hostile:
    log.info("about %s", one)
    log.info(f"'{one}'.", extra={"detail": one, "details": [one]})
    try:
        with continued("run_feed", ""), calling("GET", "https", "feed.example"):
            raise ValueError(one)
    except ValueError:
        log.exception("failed for %s", one)
telemetry.flush()
telemetry.close()
"""
VALUES = [
    "198.51.100.7",
    "2001:db8::7",
    "evil.example",
    "https://kim:hunter2@evil.example/a?token=hunter2",
    "ab" * 16,
    "cd" * 32,
    "kim@corp.example",
    "CORP\\kim.lee",
    "C:\\Users\\Kim Lee\\invoice.docm",
    "payload.exe",
]


@pytest.mark.parametrize("values", ["told", "kept"])
def test_no_value_reaches_ingestion_unless_the_setting_says_so(told: Ingestion, values: str):
    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", HOSTILE, told.connection, values],
        input=json.dumps(VALUES),
        text=True,
        check=True,
        timeout=120,
    )
    # Their parts, too; what is written as JSON within JSON has its backslashes doubled twice.
    parts = {part for one in VALUES for part in re.split(r"[\\/ ]", one) if len(part) > 4}
    everything = json.dumps(told.items)
    arrived = {part for part in parts if part in everything} - {"https:", "Users"}
    assert len(told.of("MessageData")) == 2 * len(VALUES)
    assert len(told.of("ExceptionData")) == 2 * len(VALUES)
    assert len(told.of("RemoteDependencyData")) == len(VALUES)
    assert arrived == (parts - {"https:", "Users"} if values == "told" else set())


SIGNED = """
import logging, sys
sys.path.insert(0, sys.argv[2])
from azure.core.pipeline.transport import _requests_basic as transport
from rerouted import Identity, Rerouted
cloud = ".in.applicationinsights.azure.com"
transport.RequestsTransport = lambda **_: Rerouted({cloud: sys.argv[1]})
from tidegate.adapters.azure.telemetry import Sent, Telemetry
who = Identity()
key = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
telemetry = Telemetry(Sent(f"{key};IngestionEndpoint=https://westus3-1{cloud}", who, "x"))
logging.getLogger("tidegate.x").info("hello")
telemetry.flush()
print(who.scopes[0])
"""


def test_ingestion_is_shown_the_token_of_the_identity(told: Ingestion):
    command = [sys.executable, "-c", SIGNED, told.url, str(Path(__file__).parents[1] / "azure")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - our own code
    assert done.stdout.split() == ["https://monitor.azure.com//.default"]
    assert [one["data"]["baseData"]["message"] for one in told.of("MessageData")] == ["hello"]
    [shown] = told.shown
    assert shown.startswith("Bearer ey")
