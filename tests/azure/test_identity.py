"""The house on Azure with production URLs and tokens: only the network is another."""

from pathlib import Path

import pytest
from azurite_lab import ACCOUNT, guarded
from cosmos_standin import Standin, served
from rerouted import Identity, Rerouted

from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.ports import SourceDown
from tidegate.settings import Settings
from tidegate.wiring import azure

pytestmark = pytest.mark.slow


def test_every_store_is_reached_with_the_identitys_tokens(tmp_path: Path):
    standin, identity = Standin([INDICATORS, RUNS]), Identity()
    settings = Settings(
        home=tmp_path / "home",
        cosmos_url=f"https://{standin.host}",
        storage_url=f"https://{ACCOUNT}.blob.core.windows.net",
    )
    with served(standin) as cosmos, guarded(tmp_path) as (running, certificate):
        hosts = {**running.addresses, ".documents.azure.com": cosmos}
        transport = Rerouted(hosts, certificate)
        with azure(settings, credential=identity, transport=transport) as house:
            with pytest.raises(SourceDown, match="container does not exist"):
                house.objects.get("a")
            with pytest.raises(SourceDown, match="queue does not exist"):
                house.turns.length()
            # What the infrastructure makes; the house makes it for emulators alone.
            house.objects.create()
            house.turns.create()
            house.objects.put("a", b"one")
            house.turns.put("feodo")
            assert house.turns.length() == 1
            assert house.runs.newest(None, 1) == []
            assert list(house.objects.names("a")) == ["a"]
    audiences = {scope.removesuffix("/.default") for scope in identity.scopes}
    assert audiences == {"https://storage.azure.com", f"https://{standin.host}"}
