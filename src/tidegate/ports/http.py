"""HTTP out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict, Unpack


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its body in memory. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Asked(TypedDict, total=False):
    """What a request may say besides its address. `files` are (name, bytes or path, media type)."""

    headers: Mapping[str, str]
    params: Mapping[str, str]
    json: object
    content: bytes
    data: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes | Path, str]]
    expect: Iterable[int]
    retry: bool
    max_bytes: int


class Http(Protocol):
    """The only place that knows the word retry. Raises SourceDown and BadPayload.

    Answers of 2xx, 304 and those in `expect` come back; every other status raises: 408, 425, 429,
    5xx and network faults as SourceDown once the retries are spent, the rest as BadPayload. A body
    of more than `max_bytes` (64 MiB unless said otherwise) is a BadPayload.
    """

    def request(self, method: str, url: str, **asked: Unpack[Asked]) -> Response: ...

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
