"""The simulated workspace: tables of invented rows in a folder, the same for seed and hour."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from os import getpid
from pathlib import Path
from random import Random
from typing import Any

import orjson

from tidegate.simulator import signin_rows, threat_rows
from tidegate.simulator.memory import Document

LABEL = "synthetic.json"


def write_tables(
    folder: Path,
    now: datetime,
    *,
    seed: int = 7,
    signins: int = 20_000,
    indicators: int = 3_000,
    uploads: Sequence[Document] = (),
) -> None:
    """Write SigninLogs and ThreatIntelIndicators as NDJSON, unless the folder has them already.

    `uploads` are the objects that the simulated Sentinel took: rows beside the invented ones.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    label = orjson.dumps(
        {
            "seed": seed,
            "hour": hour,
            "rows": [signins, indicators, len(uploads)],
            "synthetic": True,
        }
    )
    if (folder / LABEL).is_file() and (folder / LABEL).read_bytes() == label:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Every hour has its own sign-ins. Indicators live for weeks: their ids stay.
    people, feeds = Random(f"signins {seed} {hour}"), Random(f"indicators {seed}")  # noqa: S311
    _write(folder / "SigninLogs.ndjson", signin_rows.rows(people, hour, signins))
    threats = chain(threat_rows.rows(feeds, hour, indicators), threat_rows.uploaded(uploads))
    _write(folder / "ThreatIntelIndicators.ndjson", threats)
    # Last, so that a folder which is only half written is written again.
    _replace(folder / LABEL, label)


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    lines = (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    _replace(file, b"".join(lines))


def _replace(file: Path, data: bytes) -> None:
    staged = file.with_suffix(f".{getpid()}")
    staged.write_bytes(data)
    staged.replace(file)
