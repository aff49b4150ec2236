"""The simulated workspace: tables of invented rows in a folder, the same for seed and hour."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from os import getpid
from pathlib import Path
from random import Random
from typing import Any

import orjson

from tidegate.simulator import (
    actor_rows,
    alert_rows,
    cloud_rows,
    network_rows,
    signin_rows,
    threat_rows,
)
from tidegate.simulator.memory import Document

LABEL = "synthetic.json"
ACTORS = 120
# So many rows for each hundred sign-ins.
SHARES = {"security_log": 40, "device_events": 30, "waf_log": 15, "activity": 8, "alerts": 2}


def write_tables(
    folder: Path,
    now: datetime,
    *,
    seed: int = 7,
    signins: int = 20_000,
    indicators: int = 3_000,
    uploads: Sequence[Document] = (),
) -> None:
    """Write all tables as NDJSON, unless the folder has them already.

    `signins` is the size of SigninLogs, to which the other logs are in proportion. `uploads` are
    the objects that the simulated Sentinel took: rows beside the invented ones.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    label = orjson.dumps(
        {
            "seed": seed,
            "hour": hour,
            "rows": [signins, indicators, len(uploads)],
            "tables": TABLES,
            "synthetic": True,
        }
    )
    if (folder / LABEL).is_file() and (folder / LABEL).read_bytes() == label:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in _tables(seed, hour, signins, indicators, uploads):
        _write(folder / f"{table}.ndjson", rows)
    # Last, so that a folder which is only half written is written again.
    _replace(folder / LABEL, label)


TABLES = 9


def _tables(
    seed: int, hour: datetime, signins: int, indicators: int, uploads: Sequence[Document]
) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    def rng(what: str) -> Random:
        return Random(f"{what} {seed} {hour}")  # noqa: S311

    def size(what: str) -> int:
        return signins * SHARES[what] // 100

    # Every hour has its own events. Indicators and actors live for weeks: their ids stay.
    feeds, actors = Random(f"indicators {seed}"), Random(f"actors {seed}")  # noqa: S311
    threats = threat_rows.rows(feeds, hour, indicators)
    alerted = list(alert_rows.alerts(rng("alerts"), hour, size("alerts")))
    yield "SigninLogs", signin_rows.rows(rng("signins"), hour, signins)
    yield "ThreatIntelIndicators", chain(threats, threat_rows.uploaded(uploads))
    yield "ThreatIntelObjects", actor_rows.objects(actors, hour, ACTORS)
    yield (
        "CommonSecurityLog",
        network_rows.security_log(rng("firewalls"), hour, size("security_log")),
    )
    yield (
        "DeviceNetworkEvents",
        network_rows.device_events(rng("devices"), hour, size("device_events")),
    )
    yield "AzureDiagnostics", cloud_rows.waf_log(rng("waf"), hour, size("waf_log"))
    yield "AzureActivity", cloud_rows.activity(rng("activity"), hour, size("activity"))
    yield "SecurityAlert", alerted
    yield "SecurityIncident", alert_rows.incidents(rng("incidents"), alerted, hour)


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    lines = (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    _replace(file, b"".join(lines))


def _replace(file: Path, data: bytes) -> None:
    staged = file.with_suffix(f".{getpid()}")
    staged.write_bytes(data)
    staged.replace(file)
