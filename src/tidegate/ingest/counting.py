"""Counts the requests of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from tidegate.ports import Asked, Http, Response


@dataclass(slots=True)
class Counted:
    """`ports.Http` that knows how often it was asked. Retries below it are not its business."""

    http: Http
    requests: int = 0

    def request(self, method: str, url: str, **asked: Unpack[Asked]) -> Response:
        """See `ports.Http`."""
        self.requests += 1
        return self.http.request(method, url, **asked)

    def download(
        self, url: str, to: Path, *, headers: Mapping[str, str] | None = None, max_bytes: int
    ) -> Response:
        """See `ports.Http`."""
        self.requests += 1
        return self.http.download(url, to, headers=headers, max_bytes=max_bytes)
