"""A key may stand anywhere in an address: no error and no line of the log shows it."""

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tidegate.adapters.http import MASK, HttpClient, masked
from tidegate.declare.feed import feeds
from tidegate.ingest.condition import condition
from tidegate.ingest.run import Job, run
from tidegate.model import Status
from tidegate.ports import BadPayload, SourceDown
from tidegate.settings import Settings
from tidegate.wiring import local

KEY = "s3cret/key+0f?phish"
ESCAPED = "s3cret%2Fkey%2B0f%3Fphish"


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """A server that answers each path with the status at its end."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = int(self.path.rpartition("/")[2][:3])
            self.send_response(status)
            if status == 302:
                self.send_header("location", f"/away/{ESCAPED}/404")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [302, 403, 429, 500])
def test_no_error_and_no_line_shows_a_key_in_a_path(site, status, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, logger="tidegate")
    url, asked = site
    with HttpClient(retries=1, allow_private=True, sleep=lambda _: None, secrets={KEY}) as client:
        for ask in (
            lambda: client.request("GET", f"{url}/data/{ESCAPED}/{status}"),
            lambda: client.download(f"{url}/data/{ESCAPED}/{status}", tmp_path / "x", max_bytes=9),
        ):
            with pytest.raises((SourceDown, BadPayload)) as fault:
                ask()
            assert MASK in str(fault.value)
            assert "cret" not in str(fault.value)
    assert any(ESCAPED in path for path in asked)  # it was sent all the same
    assert "cret" not in caplog.text
    assert (MASK in caplog.text) == (status >= 429)


def test_a_secret_is_masked_however_it_is_spelled_and_a_short_one_is_none():
    assert masked(f"a {KEY} b {ESCAPED} c", {KEY, "a"}) == f"a {MASK} b {MASK} c"
    assert masked("longer-secret", {"longer-secret", "longer"}) == MASK


def test_an_address_may_name_a_key_and_nobody_is_shown_it(monkeypatch, tmp_path: Path, caplog):
    for name in ("feed_urls", "feed_secrets", "home"):
        monkeypatch.delenv(f"TIDEGATE_{name.upper()}", raising=False)
    settings = Settings(
        home=tmp_path,
        feed_urls={"phishtank": "http://127.0.0.1:9/data/$PHISHTANK_KEY/online-valid.csv.gz"},
        feed_secrets={"PHISHTANK_KEY": KEY},
    )
    assert KEY in settings.secrets
    feed = feeds()["phishtank"]
    with local(settings) as house:
        assert house.ingest.urls["phishtank"].endswith(f"/data/{ESCAPED}/online-valid.csv.gz")
        outcome = run(Job(feed), house.ingest)
        assert outcome.status is Status.BAD_PAYLOAD  # a feed leads to no inner address
        assert MASK in str(outcome.reason)
        said = [outcome, condition(feed, house.choice, house.desk), house.runs.newest(None, 9)]
        said += [house.memory.trouble("phishtank"), caplog.text, settings]
    assert "cret/key" not in repr(said)
    assert "cret%2F" not in repr(said)


def test_an_address_that_names_a_key_which_is_not_set_is_refused(tmp_path):
    with pytest.raises(ValidationError, match=r"feed_urls names \$NO_KEY"):
        Settings(home=tmp_path, feed_urls={"phishtank": "https://feeds.example/$NO_KEY/"})
