"""The logs where there are none."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from tidegate.ports import SourceDown


@dataclass(frozen=True, slots=True)
class NoLogs:
    """`ports.LogSource` that tells everybody why there are none."""

    reason: str

    def now(self) -> datetime:
        """See `ports.LogSource`."""
        self._tell()

    def query(self, *_: object, **__: Any) -> NoReturn:
        """See `ports.LogSource`."""
        self._tell()

    def _tell(self) -> NoReturn:
        raise SourceDown(self.reason)
