"""The gate asks a tenant over a real socket how common the files are that it would block."""

import polars as pl
import pytest

from tidegate.adapters.budgeted import LIMITS, MINUTE, Budgeted
from tidegate.adapters.defender_devices import DefenderDevices
from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.gate.prevalence import ask, reasons
from tidegate.ports import Limit
from tidegate.simulator.seed import AGENT, LOADER, TOOL, digest

FILES = [digest(content) for content in (TOOL, LOADER, AGENT)] + ["ab" * 32]
CHOSEN = pl.DataFrame({"kind": ["sha256"] * 4, "value": FILES})


@pytest.fixture
def objects(tmp_path, clock):
    return FileObjects(tmp_path / "objects", clock)


def test_the_common_signed_tools_of_a_tenant_are_not_blocked(devices, objects, clock):
    facts = ask(CHOSEN, devices, objects, clock())
    assert reasons(CHOSEN["kind"], CHOSEN["value"], facts).to_list() == [
        "signed by Example Software Ltd and on 48000 machines",
        None,
        "signed by Example Agents Inc and on 910000 machines",
        None,
    ]


def test_without_the_permission_there_is_no_opinion(tenant, devices, objects, clock):
    tenant.scene.roles -= {"File.Read.All"}
    assert ask(CHOSEN, devices, objects, clock()).is_empty()


def test_what_the_budget_leaves_unasked_is_asked_later(
    api, http, objects, clock, tmp_path, monkeypatch
):
    monkeypatch.setitem(LIMITS, "defender-get-file", (Limit(MINUTE, 2),))
    database = connect(tmp_path / "budgets.sqlite")
    budgeted = Budgeted(api.http, SqliteBudgets(database, clock), clock)
    devices = DefenderDevices(budgeted, http, api.url)
    assert len(ask(CHOSEN, devices, objects, clock())) == 2
    clock.now += MINUTE
    assert len(ask(CHOSEN, devices, objects, clock())) == 4
    database.close()
