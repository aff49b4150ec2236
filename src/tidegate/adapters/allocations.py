"""Who holds an address, and where: read from the user's own `.mmdb` files, never asked for."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import maxminddb

from tidegate.adapters.geo import IPV4_ONLY, opened
from tidegate.ports import Allocation

CODE = 2  # letters of a country's code


class Tables:
    """`ports.Allocations`: of several files each fact is the first that has it."""

    def __init__(self, *paths: Path) -> None:
        """Open the files. Raises BadPayload."""
        self._readers = [opened(path) for path in paths]

    def of(self, text: str) -> Allocation:
        """See `ports.Allocations`. What holds for part of a network only is not said of it."""
        found = Allocation()
        try:
            network = ip_network(text)
        except ValueError:
            return found
        for record in (_record(reader, network) for reader in self._readers):
            found = replace(
                found,
                country=found.country or _country(record),
                asn=found.asn or _number(record),
                as_name=found.as_name or _name(record),
            )
        return found


def _record(reader: maxminddb.Reader, network: IPv4Network | IPv6Network) -> Mapping[str, Any]:
    if reader.metadata().ip_version == IPV4_ONLY != network.version:
        return {}
    record, bits = reader.get_with_prefix_len(str(network.network_address))
    return record if isinstance(record, dict) and bits <= network.prefixlen else {}


def _country(record: Mapping[str, Any]) -> str | None:
    """Read MaxMind's shape, or a flat one."""
    nested = record.get("country") or record.get("registered_country")
    code = nested.get("iso_code") if isinstance(nested, dict) else nested
    found = record.get("country_code") or code
    return found if isinstance(found, str) and len(found) == CODE else None


def _number(record: Mapping[str, Any]) -> int | None:
    text = str(record.get("autonomous_system_number") or record.get("asn") or "")
    number = text.upper().removeprefix("AS")
    return int(number) if number.isdecimal() else None


def _name(record: Mapping[str, Any]) -> str | None:
    found = record.get("autonomous_system_organization") or record.get("as_name")
    return str(found) if found else None
