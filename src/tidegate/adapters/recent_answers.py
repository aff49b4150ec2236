"""Answers of a moment ago: a refresh that died, and is run again, asks the workspace no more.

An answer is kept under the digest of its question: workspace, text and span of time. What is
partial is not kept, for the next try may be whole.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO

import orjson
import polars as pl

from tidegate.ports import Cache, LogSource, LogTable, go_on

log = logging.getLogger(__name__)

HOLDS = timedelta(minutes=2)  # spans end at whole minutes
MAX_ROWS = 200_000
MAX_BYTES = 16 << 20  # what a cache on another machine still takes in a moment


@dataclass(frozen=True, slots=True)
class RecentAnswers:
    """`ports.LogSource` over another, which is the workspace of this name."""

    logs: LogSource
    cache: Cache
    workspace: str

    def now(self) -> datetime:
        """See `ports.LogSource`."""
        return self.logs.now()

    def query(
        self,
        kql: str,
        start: datetime,
        end: datetime,
        *,
        finest: timedelta | None = None,
        check: Callable[[], None] = go_on,
    ) -> LogTable:
        """See `ports.LogSource`."""
        key = self._key(kql, start, end)
        if (kept := _unpacked(self.cache.get(key))) is not None:
            return kept
        answer = self.logs.query(kql, start, end, finest=finest, check=check)
        if not answer.partial and answer.rows.height <= MAX_ROWS:
            packed = _packed(answer)
            if len(packed) <= MAX_BYTES:
                self.cache.put(key, packed, HOLDS)
        return answer

    def _key(self, kql: str, start: datetime, end: datetime) -> str:
        asked = orjson.dumps([self.workspace, kql, start, end])
        return f"logs-{sha256(asked).hexdigest()}"


def _packed(answer: LogTable) -> bytes:
    file = BytesIO()
    answer.rows.write_parquet(file, compression="zstd", statistics=False)
    # As pairs, for their order is that of the columns.
    return orjson.dumps(list(answer.columns.items())) + b"\n" + file.getvalue()


def _unpacked(data: bytes | None) -> LogTable | None:
    """Return the answer; a broken entry is none."""
    if data is None:
        return None
    types, _, rows = data.partition(b"\n")
    try:
        return LogTable(dict(orjson.loads(types)), pl.read_parquet(BytesIO(rows)))
    except (ValueError, TypeError, OSError, pl.exceptions.PolarsError) as error:
        log.warning("a kept answer cannot be read: %s", type(error).__name__)
        return None
