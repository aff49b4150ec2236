"""Advanced hunting through Microsoft Graph: where a file was seen."""

import re
from dataclasses import dataclass

from pydantic import AliasChoices, Field

from tidegate.adapters.theirs import Items, Said, Theirs, read
from tidegate.model import Device
from tidegate.ports import BadPayload, Http

SHA256 = re.compile("[0-9a-f]{64}")
SPAN = "P30D"
MAX_BYTES = 16 << 20
QUERY = """\
union isfuzzy=true DeviceFileEvents, DeviceProcessEvents, DeviceImageLoadEvents
| where SHA256 == "{sha256}"
| summarize arg_max(Timestamp, DeviceName) by DeviceId
| order by Timestamp desc
| take {most}
| project DeviceId, DeviceName"""


class _Column(Theirs):
    name: str = Field("", validation_alias=AliasChoices("name", "Name"))


class _Row(Theirs):
    DeviceId: Said = ""
    DeviceName: Said = ""


class _Answer(Theirs):
    # Graph writes these in small letters, Defender's older API does not.
    columns: Items[_Column] = Field(validation_alias=AliasChoices("schema", "Schema"))
    results: Items[_Row] = Field(validation_alias=AliasChoices("results", "Results"))


@dataclass(frozen=True)
class GraphHunting:
    """`ports.Hunting`. `http` carries the token; `url` ends with the API's version."""

    http: Http
    url: str

    def devices_with(self, sha256: str, most: int) -> list[Device]:
        # It becomes part of a query, and comes out of an alert.
        if not SHA256.fullmatch(sha256):
            raise BadPayload("hunting: not a SHA-256")
        answer = self.http.request(
            "POST",
            f"{self.url}/security/runHuntingQuery",
            json={"Query": QUERY.format(sha256=sha256, most=int(most)), "Timespan": SPAN},
            max_bytes=MAX_BYTES,
        )
        found = read(_Answer, answer)
        if "DeviceId" not in {column.name for column in found.columns}:
            raise BadPayload("hunting: an answer without the column that was asked for")
        devices = {row.DeviceId: Device(row.DeviceId, row.DeviceName) for row in found.results}
        return [device for device in devices.values() if device.id][:most]
