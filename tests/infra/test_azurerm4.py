"""The files for azurerm 4 have its arguments, and are otherwise those for 5."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import terraform_reader
import test_terraform
from terraform_schema import SCHEMA, Body

ROOT = Path(__file__).parents[2]
# As the declarations of azurerm 4.55 have them; all else that we use is there by the same name.
RENAMED = {
    "azurerm_application_insights": {
        "ip_masking_enabled": "disable_ip_masking",
        "local_authentication_enabled": "local_authentication_disabled",
    },
    "azurerm_cosmosdb_account": {"local_authentication_enabled": "local_authentication_disabled"},
    "azurerm_private_dns_zone_virtual_network_link": {
        "private_dns_zone_id": "private_dns_zone_name"
    },
}


def four() -> dict[str, Body]:
    schema = dict(SCHEMA)
    for name, renamed in RENAMED.items():
        body = schema[name]
        needed, other = (
            frozenset(renamed.get(one, one) for one in each) for each in (body.needed, body.other)
        )
        schema[name] = replace(body, needed=needed, other=other)
    link = schema["azurerm_private_dns_zone_virtual_network_link"]
    schema["azurerm_private_dns_zone_virtual_network_link"] = replace(
        link, needed=link.needed | {"resource_group_name"}
    )
    return schema


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    spec = importlib.util.spec_from_file_location("azurerm4", ROOT / "terraform" / "azurerm4.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = module.written(tmp_path / "terraform4")
    assert not list(folder.rglob("*.py"))
    monkeypatch.setattr(terraform_reader, "TERRAFORM", folder)
    return terraform_reader.files()


def test_every_resource_has_the_arguments_of_four(texts, monkeypatch):
    monkeypatch.setattr(test_terraform, "SCHEMA", four())
    assert list(test_terraform.wrong_bodies(texts)) == []
    assert list(test_terraform.wrong_arguments(texts)) == []


def test_as_they_are_they_would_be_refused(monkeypatch):
    monkeypatch.setattr(test_terraform, "SCHEMA", four())
    found = list(test_terraform.wrong_bodies(terraform_reader.files()))
    assert {one.split(".")[0].split(": ")[1] for one in found} == RENAMED.keys()


def test_nothing_of_five_is_left(texts):
    whole = "".join(texts.values())
    assert 'version = "~> 4.55"' in whole
    assert "data_plane_available = false" in whole
    assert whole.count("resource_manager_id") == 2
    assert "5.2" not in whole


def test_a_text_that_has_changed_is_told(tmp_path, monkeypatch):
    copy = tmp_path / "terraform"
    test = "import sys; sys.path.insert(0, 'terraform'); import azurerm4; "
    test += "azurerm4.RULES = (('versions.tf', 'no such text', ''),); "
    test += f"azurerm4.written(__import__('pathlib').Path({str(copy)!r}))"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", test], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "stands there 0 times" in done.stderr
