"""The one HTTP client, against real servers on loopback."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters import http
from tidegate.adapters.http import HttpClient, redacted, retry_after
from tidegate.ports import BadPayload, QuotaSpent, Refused, SourceDown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUBLIC = "192.0.2.1"  # plays a public address: a test must name no real one


@dataclass
class Asked:
    """One request as the server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """A web server that plays its answers in turn, the last one for ever."""

    answers: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Callable[..., None]:
    """An answer; underscores in header names stand for dashes."""

    def play(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.send_header("content-length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return play


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: Callable[..., None]) -> Site:
        site = Site(list(answers) or [answer()])

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.asked.append(Asked(self.command, self.path, headers, body))
                with suppress(BrokenPipeError, ConnectionResetError):
                    site.next()(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - as http.server has it

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        # The poll is what stopping waits for.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        return site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def clients(slept: list[float]) -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def make(**more: Any) -> HttpClient:
        settings = {"allow_private": True, "sleep": slept.append, "clock": lambda: NOW} | more
        made.append(HttpClient(**settings))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(clients: Callable[..., HttpClient]) -> HttpClient:
    return clients()


@pytest.fixture
def feeds(clients: Callable[..., HttpClient], monkeypatch: pytest.MonkeyPatch) -> HttpClient:
    """The client of feeds, with no proxy around."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return clients(allow_private=False)


# --- retries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 509])
def test_what_passes_is_tried_again(sites, client, slept, status):
    site = sites(answer(status), answer(status), answer(200, b"at last"))
    assert client.request("GET", site.url).body == b"at last"
    assert len(site.asked) == 3
    assert 0.5 <= slept[0] <= 1.0 <= slept[1] <= 2.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 418, 422, 451, 501, 505])
def test_what_stays_is_not_tried_again(sites, client, slept, status):
    site = sites(answer(status))
    with pytest.raises(Refused, match=f"answered {status}") as refused:
        client.request("GET", site.url)
    assert refused.value.code == str(status)
    assert len(site.asked) == 1
    assert slept == []


@pytest.mark.parametrize("status", [429, 509])
def test_a_spent_quota_says_how_long_to_wait(sites, client, slept, status):
    site = sites(answer(status, Retry_After="90000"))
    with pytest.raises(QuotaSpent) as spent:
        client.request("GET", site.url)
    assert spent.value.retry_after == timedelta(hours=25)
    assert slept == []  # longer than a request may last: the caller waits


def test_the_last_failure_is_raised_once_the_retries_are_spent(sites, clients, slept):
    site = sites(answer(503))
    with pytest.raises(SourceDown, match="answered 503"):
        clients(retries=2).request("GET", site.url)
    assert len(site.asked) == 3
    assert len(slept) == 2


@pytest.mark.parametrize("said", ["7", format_datetime(NOW + timedelta(seconds=7), usegmt=True)])
def test_retry_after_is_obeyed(sites, client, slept, said):
    site = sites(answer(503, Retry_After=said), answer())
    client.request("GET", site.url)
    assert slept == [7]


@given(st.one_of(st.text(), st.integers().map(str), st.just("9" * 5_000), st.dates().map(str)))
def test_any_retry_after_is_read_or_ignored(said):
    wait = retry_after({"retry-after": said}, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=7)


def test_retry_can_be_switched_off(sites, client, slept):
    site = sites(answer(503))
    with pytest.raises(SourceDown):
        client.request("POST", site.url, retry=False)
    assert len(site.asked) == 1
    assert slept == []


def test_a_refused_connection_is_an_outage(client, slept):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceDown):
        client.request("GET", f"http://127.0.0.1:{port}/")
    assert len(slept) == 3


def test_an_answer_that_breaks_off_is_an_outage(sites, clients):
    def cut(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("content-length", "100")
        to.end_headers()
        to.wfile.write(b"half")

    with pytest.raises(SourceDown):
        clients(retries=0).request("GET", sites(cut).url)


def test_expected_statuses_come_back(sites, client):
    site = sites(answer(404, b"none"))
    assert client.request("GET", site.url, expect=(404,)).status == 404
    assert client.request("GET", site.url, expect=(404,)).body == b"none"


# --- sizes and time ---------------------------------------------------------------------------


def test_a_body_may_be_as_large_as_allowed(sites, client):
    site = sites(answer(200, b"x" * 1_000))
    assert len(client.request("GET", site.url, max_bytes=1_000).body) == 1_000
    with pytest.raises(BadPayload, match="more than 999 bytes"):
        client.request("GET", site.url, max_bytes=999)


def test_a_compressed_body_is_unpacked(sites, client):
    site = sites(answer(200, gzip.compress(b"plain"), Content_Encoding="gzip"))
    assert client.request("GET", site.url).body == b"plain"


def test_a_compression_bomb_is_refused(sites, client):
    bomb = gzip.compress(bytes(20 << 20))
    with pytest.raises(BadPayload, match="compression bomb"):
        client.request("GET", sites(answer(200, bomb, Content_Encoding="gzip")).url)


def test_a_body_that_is_packed_twice_is_refused(sites, client):
    bomb = gzip.compress(gzip.compress(b"x"))
    with pytest.raises(BadPayload, match="packed more than once"):
        client.request("GET", sites(answer(200, bomb, Content_Encoding="gzip, gzip")).url)


def test_broken_compression_is_a_bad_payload(sites, client):
    with pytest.raises(BadPayload):
        client.request("GET", sites(answer(200, b"no gzip", Content_Encoding="gzip")).url)


def test_a_trickle_meets_the_deadline(sites, clients):
    def trickle(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("content-length", "1000")
        to.end_headers()
        for _ in range(1_000):
            to.wfile.write(b"x")
            time.sleep(0.01)

    started = time.monotonic()
    with pytest.raises(SourceDown, match="too slow"):
        clients(total=0.1).request("GET", sites(trickle).url)
    assert time.monotonic() - started < 2


def test_silence_meets_the_time_out(sites, clients):
    released = threading.Event()
    site = sites(lambda _: released.wait(5))
    with pytest.raises(SourceDown, match="timed out"):
        clients(timeout=0.05, retries=0).request("GET", site.url)
    released.set()


def test_a_wait_beyond_the_deadline_is_not_begun(sites, clients, slept):
    site = sites(answer(503, Retry_After="30"))
    with pytest.raises(SourceDown) as down:
        clients(total=20).request("GET", site.url)
    assert slept == []
    assert down.value.retry_after == timedelta(seconds=30)


# --- redirects --------------------------------------------------------------------------------


def test_relative_and_absolute_redirects_are_followed(sites, client):
    other = sites(answer(200, b"there"))
    site = sites(answer(302, Location="/b?c=1"), answer(307, Location=other.url))
    assert client.request("GET", f"{site.url}/a", headers={"accept": "x"}).body == b"there"
    assert [asked.path for asked in site.asked] == ["/a", "/b?c=1"]
    assert other.asked[0].headers["accept"] == "x"


def test_redirects_end(sites, client):
    site = sites(answer(302, Location="/again"))
    with pytest.raises(BadPayload, match="more than 5 redirects"):
        client.request("GET", site.url)
    assert len(site.asked) == 6


def test_another_host_gets_no_key(sites, client):
    keys = {"Authorization": "a", "Auth-Key": "b", "X-Anything": "c", "If-None-Match": "d"}
    other = sites()
    site = sites(answer(302, Location="/here"), answer(302, Location=other.url))
    client.request("GET", site.url, headers=keys)
    assert {name.lower() for name in keys} <= site.asked[1].headers.keys()
    sent = {name.lower() for name in keys} & other.asked[0].headers.keys()
    assert sent == {"if-none-match"}


def test_a_body_is_not_sent_elsewhere(sites, client):
    other = sites()
    site = sites(answer(307, Location=other.url))
    with pytest.raises(BadPayload, match="redirects a POST"):
        client.request("POST", site.url, data={"client_secret": "s"})
    assert other.asked == []


@pytest.mark.parametrize("where", ["http://[", "http://a:99999999/", "ftp://a.example/", "//"])
def test_a_senseless_redirect_is_a_bad_payload(sites, client, where):
    with pytest.raises(BadPayload):
        client.request("GET", sites(answer(302, Location=where)).url)


def scripted(client: HttpClient, play: Callable[[httpx.Request], httpx.Response]) -> list[str]:
    """Let the client talk to `play` instead of a network, which seems to be at `PUBLIC`."""
    asked: list[str] = []

    class Stream:
        def get_extra_info(self, _: str) -> tuple[str, int]:
            return PUBLIC, 443

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        given = play(request)
        given.extensions["network_stream"] = Stream()
        return given

    client.close()
    client._client = httpx.Client(transport=httpx.MockTransport(handle))
    return asked


def test_https_does_not_lead_to_http(client):
    there = {"location": "http://feeds.example/list"}
    scripted(client, lambda _: httpx.Response(301, headers=there))
    with pytest.raises(BadPayload, match="unencrypted"):
        client.request("GET", "https://feeds.example/list")


# --- inner addresses --------------------------------------------------------------------------


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    really = http._refuse_private

    def refuse(address: Any, url: str) -> None:
        if str(address) != PUBLIC:
            really(address, url)

    monkeypatch.setattr(http, "_refuse_private", refuse)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let any name resolve to these addresses in turn, the last one for ever."""
    left = list(addresses)

    def getaddrinfo(_: object, port: int, *__: Any, **___: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.1.2.3",
        "0.0.0.0",  # noqa: S104 - to be refused
        "224.0.0.1",
        "[::1]",
        "[fe80::1%25eth0]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "2130706433",
        "127.1",
    ],
)
def test_inner_addresses_are_refused(feeds, host):
    with pytest.raises(BadPayload):
        feeds.request("GET", f"http://{host}/")


def test_a_name_that_resolves_to_loopback_is_refused(feeds, sites, monkeypatch):
    site = sites()
    resolving(monkeypatch, "127.0.0.1")
    with pytest.raises(BadPayload, match="private address"):
        feeds.request("GET", site.url.replace("127.0.0.1", "feeds.example"))
    assert site.asked == []


@pytest.mark.usefixtures("public")
def test_a_name_that_changes_its_mind_is_refused(feeds, sites, monkeypatch):
    site = sites(answer(200, b"secret"))
    resolving(monkeypatch, PUBLIC, "127.0.0.1")
    with pytest.raises(BadPayload, match="private address"):
        feeds.request("GET", site.url.replace("127.0.0.1", "feeds.example"))


@pytest.mark.usefixtures("public")
def test_a_redirect_to_an_inner_address_is_refused(feeds, monkeypatch):
    resolving(monkeypatch, PUBLIC)
    there = {"location": "https://169.254.169.254/metadata"}
    asked = scripted(feeds, lambda _: httpx.Response(302, headers=there))
    with pytest.raises(BadPayload, match="private address"):
        feeds.request("GET", "https://feeds.example/list")
    assert asked == ["https://feeds.example/list"]


def test_a_proxy_for_https_excuses_no_http_address(feeds, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    resolving(monkeypatch, "127.0.0.1")
    with pytest.raises(BadPayload, match="private address"):
        feeds.request("GET", "http://feeds.example/")
    with pytest.raises(BadPayload, match="private address"):
        feeds.request("GET", "https://169.254.169.254/")


def test_behind_a_proxy_names_are_the_proxys_business(feeds, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    resolving(monkeypatch, "127.0.0.1")
    scripted(feeds, lambda _: httpx.Response(200, content=b"through"))
    assert feeds.request("GET", "https://feeds.example/").body == b"through"


def test_a_name_that_does_not_resolve_is_an_outage(feeds, monkeypatch):
    def fails(*_: Any, **__: Any) -> None:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(SourceDown):
        feeds.request("GET", "https://feeds.example/")


@pytest.mark.parametrize(
    "url", ["", "feeds.example", "ftp://feeds.example/", "http://[", "http:///"]
)
def test_what_is_no_http_address_is_a_bad_payload(feeds, url):
    with pytest.raises(BadPayload):
        feeds.request("GET", url)


# --- what is said -----------------------------------------------------------------------------


def test_messages_show_no_secrets(sites, client, caplog):
    site = sites(answer(403))
    secret = site.url.replace("http://", "http://user:pass@") + "/list?key=hidden#part"
    with pytest.raises(BadPayload) as bad:
        client.request("GET", secret, params={"token": "hidden"})
    assert str(bad.value) == f"{site.url}/list answered 403"
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@feeds.example:8443/a?b=c#d", "https://feeds.example:8443/a"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("http://[", "(not a URL)"),
        ("http://a:b", "(not a URL)"),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert redacted(url) == shown


# --- bodies -----------------------------------------------------------------------------------


def test_parameters_join_those_of_the_address(sites, client):
    site = sites()
    client.request("GET", f"{site.url}/a?page=2", params={"$top": "10", "q": "a b&c"})
    client.request("GET", f"{site.url}/a?page=2", params={})
    assert [asked.path for asked in site.asked] == [
        "/a?page=2&%24top=10&q=a+b%26c",
        "/a?page=2",
    ]


def test_forms_json_and_bytes_are_sent_as_such(sites, client):
    site = sites()
    client.request("POST", site.url, data={"a": "1 2"})
    client.request("POST", site.url, json={"a": 1})
    client.request("POST", site.url, content=b"\x00\x01")
    assert [asked.body for asked in site.asked] == [b"a=1+2", b'{"a":1}', b"\x00\x01"]
    assert site.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_files_are_sent_as_multipart_also_the_second_time(sites, client):
    site = sites(answer(503), answer())
    file = ("a.exe", b"MZ\x00", "application/octet-stream")
    client.request("POST", site.url, data={"share": "no"}, files={"sample": file})
    assert len(site.asked) == 2
    for asked in site.asked:
        assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert b'name="sample"; filename="a.exe"' in asked.body
        assert b"MZ\x00" in asked.body
        assert b'name="share"' in asked.body


def test_a_file_on_the_disk_is_sent_from_there_also_the_second_time(sites, client, tmp_path):
    sample = tmp_path / "a.exe"
    sample.write_bytes(b"MZ\x00 from the disk")
    site = sites(answer(503), answer())
    file = ("a.exe", sample, "application/octet-stream")
    client.request("POST", site.url, data={"share": "no"}, files={"sample": file})
    assert len(site.asked) == 2
    for asked in site.asked:
        assert b'name="sample"; filename="a.exe"' in asked.body
        assert b"MZ\x00 from the disk" in asked.body
        assert b'name="share"' in asked.body
        assert int(asked.headers["content-length"]) == len(asked.body)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_file_on_the_disk_is_closed_however_it_ends(
    sites, clients, tmp_path, monkeypatch, status
):
    sample, opened = tmp_path / "a.exe", []
    sample.write_bytes(b"x")
    really = Path.open

    def watched(self: Path, *args: Any, **more: Any) -> Any:
        opened.append(really(self, *args, **more))
        return opened[-1]

    monkeypatch.setattr(Path, "open", watched)
    client = clients(retries=2)
    with suppress(BadPayload, SourceDown):
        client.request("POST", sites(answer(status)).url, files={"s": ("a", sample, "b/c")})
    assert len(opened) == (3 if status == 503 else 1)
    assert all(file.closed for file in opened)


def test_a_file_that_is_not_there_is_no_fault_of_the_network(sites, client, tmp_path):
    site = sites()
    with pytest.raises(FileNotFoundError):
        client.request("POST", site.url, files={"s": ("a", tmp_path / "gone", "b/c")})
    assert site.asked == []


# --- downloads --------------------------------------------------------------------------------


def test_a_download_goes_into_the_file(sites, client, tmp_path):
    site = sites(answer(200, b"rows", ETag='"1"'))
    got = client.download(site.url, tmp_path / "list", max_bytes=10)
    assert (got.status, got.body, got.headers["etag"]) == (200, b"", '"1"')
    assert (tmp_path / "list").read_bytes() == b"rows"


def test_what_is_not_modified_leaves_the_file_alone(sites, client, tmp_path):
    site = sites(answer(304, ETag='"1"'))
    (tmp_path / "list").write_bytes(b"old")
    got = client.download(
        site.url, tmp_path / "list", headers={"if-none-match": '"1"'}, max_bytes=9
    )
    assert got.status == 304
    assert site.asked[0].headers["if-none-match"] == '"1"'
    assert (tmp_path / "list").read_bytes() == b"old"


def test_a_second_try_starts_the_file_anew(sites, client, tmp_path):
    def cut(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("content-length", "100")
        to.end_headers()
        to.wfile.write(b"a longer half")

    site = sites(cut, answer(200, b"whole"))
    client.download(site.url, tmp_path / "list", max_bytes=100)
    assert (tmp_path / "list").read_bytes() == b"whole"


# --- pace -------------------------------------------------------------------------------------


def test_requests_to_one_host_keep_their_distance(sites, clients, slept):
    one, other = sites(), sites()
    client = clients(pace=50.0)
    for site in (one, one, one, other):
        client.request("GET", site.url)
    assert slept == pytest.approx([0, 50, 100, 0], abs=5)
