"""HTTP out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its body in memory. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The only place that knows the word retry. Raises SourceDown and BadPayload.

    Answers of 2xx, 304 and those in `expect` come back; every other status raises: 408, 425, 429,
    5xx and network faults as SourceDown once the retries are spent, the rest as BadPayload.
    """

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        expect: Iterable[int] = (),
        retry: bool = True,
        max_bytes: int = 64 << 20,
    ) -> Response: ...

    def download(
        self,
        url: str,
        to: Path,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
    ) -> Response:
        """Stream the body into the file `to`; the response's own body stays empty."""
        ...


Get = Callable[[str, Mapping[str, str]], Response]
"""What a feed's `pages` is given: ask the address, which may be relative to the feed's own."""
