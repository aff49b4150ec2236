"""The bill follows the work, and what it assumes of the code is what the code does."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from terraform_reader import files, read
from typer.testing import CliRunner

from tidegate.adapters.azure.cosmos_documents import documents
from tidegate.cli import app
from tidegate.cost import ENVIRONMENTS, WORKLOADS, Environment, Price, Workload, bill, break_even
from tidegate.cost.bill import TIMERS
from tidegate.cost.prices import prices
from tidegate.cost.units import SIGHTING_KB, units
from tidegate.declare.dataset import datasets
from tidegate.declare.feed import feeds
from tidegate.model import Kind, Sighting, Tlp
from tidegate.sightings import SCHEMA, frame

APPS = Path(__file__).parents[2] / "apps"
DEV, PROD = ENVIRONMENTS["dev"], ENVIRONMENTS["prod"]
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_price_counts_what_is_not_free():
    price = Price(usd=2.0, per="GB", page="somewhere", date=NOW.date(), verified=False, free=5.0)
    assert (price.of(4), price.of(6)) == (0, 2)


def test_every_price_is_used_and_every_line_has_one():
    lines = [
        line for e in ENVIRONMENTS for line in bill(WORKLOADS[e], ENVIRONMENTS[e], prices()).lines
    ]
    assert {line.price for line in lines} == set(prices())


@pytest.mark.parametrize(
    ("more", "of"),
    [
        ({"indicators": 200_000}, "cosmos_serverless_units"),
        ({"changed": 0.5}, "cosmos_serverless_units"),
        ({"retention": 15}, "cosmos_serverless_units"),
        ({"alerts": 400}, "cosmos_serverless_units"),
        ({"feeds": 100}, "functions_memory"),
        ({"refreshes": 5_000}, "functions_memory"),
        ({"lookups": 50_000}, "functions_executions"),
    ],
)
def test_more_work_costs_more(more, of):
    assert _usd(replace(Workload(), **more), of) > _usd(Workload(), of)


def test_endpoints_and_zones_are_those_that_are_deployed():
    """Without those of the apps and of the cache, which are choices."""
    stores = [read(files()[name]) for name in ("vault", "cosmos")]
    single = [one for each in stores for one in each.of("resource", "azurerm_private_endpoint")]
    services = re.findall(r"= \{ account = ", files()["storage"])
    zones = json.loads((APPS.parent / "infra/resources.json").read_text("utf-8"))["endpoints"]
    assert {one.endpoints for one in ENVIRONMENTS.values()} == {len(single) + len(services)}
    assert {one.zones for one in ENVIRONMENTS.values()} == {len(zones)}


def _usd(work: Workload, name: str) -> float:
    return sum(line.quantity for line in bill(work, DEV, prices()).lines if line.price == name)


def test_the_sum_by_hand():
    """1,000 rows that never change: written anew twice in their 30 days, 10.7 units each."""
    still = Workload(feeds=0, indicators=1_000, changed=0, alerts=0, lookups=0)
    found = units(still)
    assert found.total == found.renewals == pytest.approx(365 / 12 * 1_000 * 2 / 30 * 10.7)


def test_measured_units_replace_the_published_ones():
    still = Workload(feeds=0, indicators=1_000, changed=0, alerts=0, lookups=0)
    assert units(still, written=21.4).total == pytest.approx(2 * units(still).total)


def test_at_the_break_even_both_cost_the_same():
    million = break_even(1000, 1.0, prices()) / 1e6
    assert prices()["cosmos_serverless_units"].of(million) == pytest.approx(87.6)
    assert break_even(1000, 0.0, prices()) == pytest.approx(break_even(1000, 1.0, prices()) / 10)


def test_a_second_region_doubles_autoscale():
    one = bill(WORKLOADS["prod"], replace(PROD, regions=1), prices())
    assert bill(WORKLOADS["prod"], PROD, prices()).autoscale == pytest.approx(2 * one.autoscale)


def test_timers_fire_as_often_as_the_apps_say():
    text = "\n".join(file.read_text("utf-8") for file in APPS.glob("*/function_app.py"))
    found = re.findall(r'function_name\("(\w+)"\)\n@app\.timer_trigger\(schedule="([^"]+)"', text)
    assert {name: _a_day(cron) for name, cron in found} == TIMERS


def _a_day(cron: str) -> int:
    _, minute, *rest = cron.split()
    assert rest == ["*"] * 4
    return 1440 // int(minute.partition("/")[2] or 1)


def test_feeds_and_datasets_are_as_busy_as_they_are_declared():
    running = [feed for feed in feeds().values() if feed.enabled]
    declared = sum(DAY / feed.every for feed in running) / len(running)
    assert pytest.approx(declared, rel=0.1) == 24 * 60 / Workload().every
    assert Workload().refreshes == sum(DAY / one.refresh for one in datasets().values())


def test_a_document_is_as_large_as_assumed():
    one = Sighting(
        Kind.URL,
        "http://host.example/" + "a" * 60,
        "urlhaus",
        confidence=80,
        first_seen=NOW - DAY,
        last_seen=NOW,
        expires=NOW + 30 * DAY,
        tags=("elf", "mirai", "attack:T1059.001"),
        threat="malware_download",
        reference="https://urlhaus.example/url/1234567/",
        tlp=Tlp.CLEAR,
    )
    (document,) = documents(frame([one]).select(*SCHEMA), "urlhaus", NOW)
    size = len(json.dumps(document)) + 250  # what the service adds: _rid, _self, _etag, _ts
    assert SIGHTING_KB * 0.7 <= size / 1024 <= 1.0


def test_the_command_takes_the_preset_and_what_is_given():
    done = CliRunner().invoke(app, ["cost", "--env", "prod", "--alerts", "7", "--json"])
    told = json.loads(done.stdout)
    assert (told["environment"], told["workload"]["alerts"]) == ("prod", 7)
    assert told["workload"]["indicators"] == WORKLOADS["prod"].indicators
    assert told["usd"] == pytest.approx(sum(line["usd"] for line in told["lines"]))


def test_the_command_says_that_prices_were_not_compared():
    done = CliRunner().invoke(app, ["cost"])
    assert "not compared" in done.stdout


@pytest.mark.parametrize("wrong", [["--changed", "2"], ["--retention", "0"], ["--feeds", "-1"]])
def test_senseless_work_is_wrong_use(wrong):
    assert CliRunner().invoke(app, ["cost", *wrong]).exit_code == 2


def test_serverless_is_what_an_environment_has_unless_it_says_otherwise():
    names = {line.price for line in bill(Workload(), Environment("x"), prices()).lines}
    assert "cosmos_serverless_units" in names
    assert "cosmos_autoscale_units" not in names
