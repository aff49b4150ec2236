"""Figures as Prometheus reads them: counted once, bounded labels, nothing said that is nobody's."""

import asyncio
import subprocess
import sys

import httpx
import pytest
from fastapi import APIRouter, Request
from opentelemetry.metrics import get_meter
from prometheus_client.parser import text_string_to_metric_families

from tidegate.adapters.metrics import Lookups, Metrics
from tidegate.adapters.prometheus import Exposition
from tidegate.api import app as web
from tidegate.api import metrics as route
from tidegate.declare.feed import feeds
from tidegate.gate.carry import Applied
from tidegate.gate.run import Gated
from tidegate.ingest.pulse import Pulse, pulses
from tidegate.model import Outcome, Status

LABELS = ("http_request_method", "http_response_status_code", "http_route")
PULSES = [Pulse("cins", 120.0, 900, quarantined=False), Pulse("otx", None, 0, quarantined=True)]


@pytest.fixture
def exposition():
    made = Exposition()
    yield made
    made.close()


@pytest.fixture
def metrics(exposition) -> Metrics:
    return Metrics(
        exposition.provider.get_meter("tidegate"), Lookups(lambda: PULSES, lambda: {"cins": 12.5})
    )


def read(text: bytes) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and its labels' values, as a scraper has them."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def outcome(**more) -> Outcome:
    counts = {"rows": 110, "kept": 100, "new": 7, "changed": 2, "withdrawn": 3}
    counts |= {"suppressed": 4, "repeated": 1, "requests": 3, "seconds": 1.5}
    return Outcome("cins", Status.OK, rejected={"odd": 5, "long": 1}, **(counts | more))


def test_a_run_is_counted_by_feed_and_by_what_became_of_its_rows(exposition, metrics):
    metrics.ran(outcome())
    metrics.ran(outcome())
    metrics.ran(Outcome("cins", Status.SOURCE_DOWN, requests=1, seconds=0.2))
    found = read(exposition.text())
    became = {
        name[1]: value
        for name, value in found.items()
        if name[0] == "tidegate_feed_indicators_total"
    }
    expected = {"new": 14, "changed": 4, "withdrawn": 6, "suppressed": 8, "rejected": 12}
    assert became == {**expected, "repeated": 2}
    assert found["tidegate_feed_runs_total", "cins", "ok"] == 2
    assert found["tidegate_feed_runs_total", "cins", "source_down"] == 1
    assert found["tidegate_feed_requests_total", "cins"] == 7
    assert found["tidegate_feed_run_duration_seconds_sum", "cins"] == pytest.approx(3.2)
    assert found["tidegate_feed_run_duration_seconds_bucket", "cins", "1.0"] == 1


def test_what_cycles_of_the_gate_changed_is_counted_by_target(exposition, metrics):
    metrics.gated(Gated("defender", applied=Applied(5, 2, {"a": "refused"})))
    metrics.gated(Gated("defender", applied=Applied(1, 0, {})))
    metrics.gated(Gated("sentinel", reason="no answer"))  # nothing was applied
    found = read(exposition.text())
    became = {name[1:]: value for name, value in found.items() if "gate_changes" in name[0]}
    changed = {("written", "defender"): 6, ("removed", "defender"): 2, ("refused", "defender"): 1}
    assert became == changed


def test_what_a_run_cost_is_counted_by_source(exposition, metrics):
    metrics.charged("cins", 31.5)
    metrics.charged("cins", 0.5)
    found = read(exposition.text())
    assert found["tidegate_store_run_request_units_sum", "cins"] == 32
    assert found["tidegate_store_run_request_units_count", "cins"] == 2


def test_feeds_are_looked_at_when_somebody_reads(exposition, metrics):
    found = read(exposition.text())
    ages = {name for name in found if name[0] == "tidegate_feed_age_seconds"}
    assert ages == {("tidegate_feed_age_seconds", "cins")}
    assert found["tidegate_feed_age_seconds", "cins"] == 120
    assert found["tidegate_feed_rows", "cins"] == 900
    assert found["tidegate_feed_quarantined", "cins"] == 0
    assert found["tidegate_feed_quarantined", "otx"] == 1
    assert found["tidegate_store_request_units", "cins"] == 12.5


def test_one_reading_looks_once(exposition):
    looked: list[int] = []

    def look() -> list[Pulse]:
        looked.append(1)
        return PULSES

    Metrics(exposition.provider.get_meter("tidegate"), Lookups(look, dict))
    exposition.text()
    exposition.text()
    assert len(looked) == 1


def test_a_pulse_comes_from_the_memory_of_feeds(lab):
    known, memory = [feeds()["cins"], feeds()["ipsum"]], lab.world.feeds
    assert [one.age for one in pulses(known, memory, lab.now)] == [None] * 2
    lab.live(known[0], b"192.0.2.1\n192.0.2.2\n")
    lab.pass_(seconds=30)
    assert next(pulses(known, memory, lab.now)) == Pulse("cins", 30.0, 2, quarantined=False)
    lab.live(known[0], b"192.0.2.1\n" + b"junk\n" * 9)
    assert next(pulses(known, memory, lab.now)) == Pulse("cins", 30.0, 2, quarantined=True)


def application(exposition: Exposition, may: route.May):
    things = APIRouter(prefix="/api")

    @things.get("/things/{name}")
    def thing(name: str) -> str:
        if name == "bug":
            raise RuntimeError(name)
        return name

    routers = [things, route.router(exposition.text, exposition.content_type, may)]
    return web.create(routers, meters=exposition.provider)


def test_requests_are_counted_by_the_template_of_their_route(exposition, browse):
    client = browse(application(exposition, lambda _: True))
    for path in ("evil.example", "198.51.100.7", "bug"):
        client.get(f"/api/things/{path}")
    client.get("/api/nothing/evil.example")
    client.get("/evil.example")
    client.request("BREW", "/api/things/pot")
    answer = client.get("/api/metrics")
    assert answer.headers["content-type"] == exposition.content_type
    families = text_string_to_metric_families(answer.text)
    [durations] = [one for one in families if one.name == "http_server_request_duration_seconds"]
    counts = {
        tuple(map(one.labels.get, LABELS)): one.value
        for one in durations.samples
        if one.name.endswith("_count")
    }
    assert counts == {
        ("GET", "200", "/api/things/{name}"): 2,
        ("GET", "500", "/api/things/{name}"): 1,
        ("GET", "404", ""): 2,
        ("_OTHER", "405", "/api/things/{name}"): 1,
    }
    assert b"evil" not in answer.content
    assert b"198.51" not in answer.content


@pytest.mark.parametrize(
    ("host", "anonymous", "status"),
    [
        ("127.0.0.1", False, 200),
        ("::1", False, 200),
        ("192.0.2.1", False, 403),
        ("192.0.2.1", True, 200),
        ("no address", False, 403),
    ],
)
def test_others_than_this_machine_read_only_what_is_open(exposition, host, anonymous, status):
    app = application(exposition, route.at_home(anonymous=anonymous))

    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            return (await client.get("/api/metrics")).status_code

    assert asyncio.run(ask()) == status


def test_a_request_without_a_caller_is_a_stranger():
    may = route.at_home(anonymous=False)
    assert not may(Request({"type": "http", "client": None}))


def test_without_a_reader_counting_is_free_and_harmless():
    idle = Metrics(get_meter("tidegate"), Lookups(lambda: PULSES, dict))
    idle.ran(outcome())


def loaded(code: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("off", [True, False])
def test_the_sdk_is_loaded_only_where_figures_are_wanted(tmp_path, off):
    code = f"""
import sys
from tidegate.settings import Settings
from tidegate.wiring import local
with local(Settings(home={str(tmp_path)!r}, metrics={not off})) as house:
    house.figures, house.ingest
    print("opentelemetry.sdk" in sys.modules, "prometheus_client" in sys.modules)
"""
    assert loaded(code) == [str(not off)] * 2


@pytest.mark.slow
def test_a_command_that_serves_nobody_loads_no_telemetry(tmp_path):
    code = f"""
import sys
from tidegate.settings import Settings
from tidegate.wiring import local
from tidegate.model import Outcome, Status
with local(Settings(home={str(tmp_path)!r})) as house:
    house.ingest.counted(Outcome("cins", Status.OK))
    print("opentelemetry" in sys.modules)
"""
    assert loaded(code) == ["False"]
