"""A stand-in of Application Insights' ingestion: keeps what exporters post, or refuses it."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback import serving

KEY = "00000000-0000-0000-0000-000000000001"


@dataclass
class Ingestion:
    """What was told, and with which status it is answered from now on."""

    url: str = ""
    status: int = 200
    posts: int = 0
    shown: set[str] = field(default_factory=set)  # what was shown to be let in
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def connection(self) -> str:
        """The connection string; with a slash at its end the path would have four."""
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.url};LiveEndpoint={self.url}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return what was told of one kind: MessageData, RequestData, MetricData and so on."""
        return [one for one in self.items if one["data"]["baseType"] == kind]


@contextmanager
def ingestion() -> Iterator[Ingestion]:
    """Serve one on loopback."""
    told = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            items = json.loads(body) if self.path.endswith("/track") else []
            told.posts += 1
            told.shown.add(self.headers.get("authorization", ""))
            if told.status == 200:
                told.items += items
            answer = {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}
            data = json.dumps(answer).encode()
            self.send_response(told.status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    with serving(Handler) as told.url:
        yield told
