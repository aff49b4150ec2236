"""Writes these files as azurerm 4 takes them: `python3 terraform/azurerm4.py`, into terraform4/.

What is other there was read from the arguments of azurerm 4.55. Standard library only.
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RULES = (  # file, as it is for 5, as it is for 4; each stands there once
    ("versions.tf", 'version = "~> 5.2"', 'version = "~> 4.55"'),
    (
        "versions.tf",
        "  features {\n",
        (
            "  features {\n"
            "    # Else the provider waits for accounts that answer inside the network alone.\n"
            "    storage {\n      data_plane_available = false\n    }\n\n"
        ),
    ),
    (
        "modules/observability/main.tf",
        "  ip_masking_enabled           = true\n  local_authentication_enabled = false\n",
        "  disable_ip_masking            = false\n  local_authentication_disabled = true\n",
    ),
    (
        "modules/cosmos/main.tf",
        "  local_authentication_enabled       = false\n",
        "  local_authentication_disabled      = true\n",
    ),
    (
        "modules/network/main.tf",
        (
            "  name                = var.names.one.vnet\n"
            "  private_dns_zone_id = azurerm_private_dns_zone.this[each.key].id\n"
            "  virtual_network_id  = azurerm_virtual_network.this.id\n"
            "  tags                = var.tags\n"
        ),
        (
            "  name                  = var.names.one.vnet\n"
            "  resource_group_name   = var.group\n"
            "  private_dns_zone_name = azurerm_private_dns_zone.this[each.key].name\n"
            "  virtual_network_id    = azurerm_virtual_network.this.id\n"
            "  tags                  = var.tags\n"
        ),
    ),
    (
        "modules/redis/main.tf",
        (
            "  name                = var.names.one.vnet\n"
            "  private_dns_zone_id = azurerm_private_dns_zone.this.id\n"
            "  virtual_network_id  = var.network_id\n"
            "  tags                = var.tags\n"
        ),
        (
            "  name                  = var.names.one.vnet\n"
            "  resource_group_name   = var.group\n"
            "  private_dns_zone_name = azurerm_private_dns_zone.this.name\n"
            "  virtual_network_id    = var.network_id\n"
            "  tags                  = var.tags\n"
        ),
    ),
    (
        "modules/storage/main.tf",
        "azurerm_storage_container.data[each.value.container].id",
        "azurerm_storage_container.data[each.value.container].resource_manager_id",
    ),
    (
        "modules/storage/main.tf",
        "azurerm_storage_queue.this[each.key].id",
        "azurerm_storage_queue.this[each.key].resource_manager_id",
    ),
)


def written(to: Path) -> Path:
    """Write the copy anew. It has to lie as deep as this folder: it reads ../infra."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(HERE, to, ignore=shutil.ignore_patterns(".terraform*", "*.py", "__pycache__"))
    for name, five, four in RULES:
        file = to / name
        text = file.read_text(encoding="utf-8")
        if text.count(five) != 1:
            sys.exit(f"{name}: {five.strip()!r} stands there {text.count(five)} times")
        file.write_text(text.replace(five, four), encoding="utf-8")
    return to


if __name__ == "__main__":
    written(HERE.parent / "terraform4")
