"""HTTP out: one client with one policy for time-outs, retries, pace, redirects and sizes."""

import ipaddress
import logging
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import SplitResult, quote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from tidegate.ports import Asked, BadPayload, QuotaSpent, Refused, Response, SourceDown

log = logging.getLogger(__name__)

USER_AGENT = "tidegate/0.1 (threat-intelligence loop)"
NOT_MODIFIED = 304
QUOTA = frozenset({429, 509})  # 509 is PhishTank's way of saying 429
TRANSIENT = frozenset({408, 425, 500, 502, 503, 504}) | QUOTA
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
MAX_BYTES = 64 << 20
BODIES = ("json", "content", "data", "files")
MAX_RATIO = 200  # honest text compresses 3 to 20 times; a bomb a thousand times
LONGEST_WAIT = timedelta(days=7)
LONGEST_CONNECT = 20.0  # seconds
# What another host may be told; any other header may be somebody's key.
PLAIN_HEADERS = frozenset({"accept", "if-modified-since", "if-none-match"})
MASK, SHORTEST = "***", 6  # what is shorter would mask ordinary words
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def redacted(url: str) -> str:
    """Return the URL without credentials, query and fragment, for logs and messages."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}{parts.path}"


def masked(text: str, secrets: Collection[str]) -> str:
    """Return the text with every secret in it replaced, as it is or escaped for a URL."""
    spelled = {form for secret in secrets for form in (secret, quote(secret), quote(secret, ""))}
    for form in sorted(spelled, key=len, reverse=True):
        if len(form) >= SHORTEST:
            text = text.replace(form, MASK)
    return text


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read Retry-After in seconds or as a date; None if absent or senseless."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.isascii() and text.isdigit():
            return min(timedelta(seconds=int(text)), LONGEST_WAIT)
        return min(max(parsedate_to_datetime(text) - now, timedelta(0)), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Call:
    """One logical request: what stays the same over retries and redirects."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    expect: frozenset[int]
    max_bytes: int
    to: Path | None = None


@cache
def _trusted(authority: Path | None, *, trust_env: bool) -> ssl.SSLContext:
    """Read the certificates that are trusted: once a process, for that takes many milliseconds."""
    if authority:
        return ssl.create_default_context(cafile=authority)
    return httpx.create_ssl_context(trust_env=trust_env)


@dataclass
class HttpClient:
    """`ports.Http` on httpx. Safe for threads.

    `allow_private` lets it talk to loopback and inner addresses; feeds never get that.
    `pace` is the least time in seconds between two requests to one host. No error and no line of
    the log shows any of `secrets`, wherever in an address it stands. `authority` is a file of
    certificates that are trusted instead of the usual ones, as of a server in one's own house.
    """

    retries: int = 3
    timeout: float = 20.0
    total: float = 300.0
    pace: float = 0.0
    secrets: Collection[str] = field(default=(), repr=False)
    allow_private: bool = False
    authority: Path | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    _next: dict[str, float] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        # A proxy of the environment is for the way out, never for loopback.
        self._client = httpx.Client(
            verify=_trusted(self.authority, trust_env=not self.allow_private),
            # Whoever works on an answer for ten minutes still takes a connection at once.
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, LONGEST_CONNECT)),
            trust_env=not self.allow_private,
            headers={"user-agent": USER_AGENT},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def request(self, method: str, url: str, **asked: Unpack[Asked]) -> Response:
        """See `ports.Http`."""
        with self._discreet():
            return self._request(method, url, asked)

    def _request(self, method: str, url: str, asked: Asked) -> Response:
        given = {name: asked.get(name) for name in BODIES}
        body = {name: value for name, value in given.items() if value is not None}
        params, headers = asked.get("params"), asked.get("headers") or {}
        at, limit = _with(url, params) if params else url, asked.get("max_bytes", MAX_BYTES)
        call = _Call(method, at, headers, body, frozenset(asked.get("expect", ())), limit)
        return self._retrying(call, self.retries if asked.get("retry", True) else 0)

    def download(
        self, url: str, to: Path, *, headers: Mapping[str, str] | None = None, max_bytes: int
    ) -> Response:
        """See `ports.Http`."""
        call = _Call("GET", url, headers or {}, {}, frozenset(), max_bytes, to)
        with self._discreet():
            return self._retrying(call, self.retries)

    @contextmanager
    def _discreet(self) -> Iterator[None]:
        try:
            yield
        except (SourceDown, BadPayload) as fault:
            fault.args = (masked(str(fault), self.secrets),)
            raise

    def _retrying(self, call: _Call, retries: int) -> Response:
        deadline = time.monotonic() + self.total
        for attempt in range(retries + 1):
            try:
                return self._followed(call, deadline)
            except SourceDown as down:
                wait = _wait(down, attempt)
                if attempt == retries or time.monotonic() + wait > deadline:
                    raise
                said = masked(f"{call.method} {redacted(call.url)}: {down}", self.secrets)
                log.info("%s; again in %.1f s", said, wait)
                self.sleep(wait)
        raise AssertionError("unreachable")

    def _followed(self, call: _Call, deadline: float) -> Response:
        url, headers = call.url, call.headers
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(call, url, headers, deadline)
            if answer.status not in REDIRECTS:
                return answer
            if call.method not in {"GET", "HEAD"}:  # a body is for the one it was written to
                raise BadPayload(f"{redacted(url)} redirects a {call.method}")
            target = _joined(url, answer.headers.get("location", ""))
            here, there = urlsplit(url), urlsplit(target)
            if here.scheme == "https" and there.scheme != "https":
                raise BadPayload(f"{redacted(url)} redirects to an unencrypted address")
            if there.netloc != here.netloc:
                headers = {k: v for k, v in headers.items() if k.lower() in PLAIN_HEADERS}
            url = target
        raise BadPayload(f"{redacted(call.url)}: more than {MAX_REDIRECTS} redirects")

    def _once(self, call: _Call, url: str, headers: Mapping[str, str], deadline: float) -> Response:
        self._check_target(url)
        self._keep_pace(urlsplit(url).netloc)
        # Anew for every try; outside of the network's faults, for a file that is gone is none.
        with ExitStack() as files:
            body = _opened(call.body, files)
            sent = self._client.stream(call.method, url, headers=headers, **body)
            parts = urlsplit(url)
            traced = _traced(call.method, parts.scheme, parts.hostname or "")
            with traced as answered, _network_faults(url), sent as answer:
                answered(answer.status_code)
                self._check_peer(answer)
                return self._read(call, answer, deadline)

    def _read(self, call: _Call, answer: httpx.Response, deadline: float) -> Response:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        status = answer.status_code
        if status in REDIRECTS:
            return Response(status, headers, b"")
        good = answer.is_success or status in {NOT_MODIFIED, *call.expect}
        if not good:
            raise _refusal(answer, retry_after(headers, self.clock()))
        if "," in headers.get("content-encoding", ""):
            raise BadPayload(f"{redacted(str(answer.url))}: packed more than once")
        chunks = _limited(answer, call.max_bytes, deadline)
        if call.to is None or not answer.is_success:
            return Response(status, headers, b"".join(chunks))
        with call.to.open("wb") as file:
            file.writelines(chunks)
        return Response(status, headers, b"")

    def _keep_pace(self, host: str) -> None:
        if not self.pace:
            return
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next.get(host, now))
            self._next[host] = start + self.pace
        self.sleep(start - now)

    def _check_target(self, url: str) -> None:
        parts = _split(url)
        host = parts.hostname
        if parts.scheme not in {"http", "https"} or not host:
            raise BadPayload(f"{redacted(url)} is not an http address")
        if self.allow_private:
            return
        if (literal := _literal(host)) is not None:
            _refuse_private(literal, url)
        elif not _proxied(parts):
            with _network_faults(url):
                found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
            for *_, address in found:
                _refuse_private(_address(address[0]), url)

    def _check_peer(self, answer: httpx.Response) -> None:
        """Check what we really talk to: a name may resolve to something else the second time."""
        url = str(answer.url)
        if self.allow_private or _proxied(urlsplit(url)):
            return
        stream = answer.extensions["network_stream"]
        _refuse_private(_address(stream.get_extra_info("server_addr")[0]), url)


def _traced(method: str, scheme: str, host: str) -> AbstractContextManager[Callable[[int], None]]:
    """Tell a trace of the call, where there is any: a command has none, and need not load it."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return nullcontext(lambda _: None)
    from tidegate.tracing import calling  # noqa: PLC0415 - see above

    return calling(method, scheme, host)


def _opened(body: dict[str, Any], files: ExitStack) -> dict[str, Any]:
    """Return the body with its files open: what lies on the disk is sent from there."""
    if "files" not in body:
        return body
    parts = {
        field: (name, files.enter_context(content.open("rb")), media)
        if isinstance(content, Path)
        else (name, content, media)
        for field, (name, content, media) in body["files"].items()
    }
    return {**body, "files": parts}


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadPayload(f"not an http address: {error}") from error
    return parts


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise BadPayload(f"{redacted(url)} redirects to nowhere") from error


def _with(url: str, params: Mapping[str, str]) -> str:
    """Return the URL with these parameters added to its own: httpx would replace those."""
    with _network_faults(url):
        return str(httpx.URL(url).copy_merge_params(params))


def _proxied(parts: SplitResult) -> bool:
    """Say whether a proxy of the environment resolves the name and judges the address."""
    proxies = getproxies()
    known = parts.scheme in proxies or "all" in proxies
    return known and not proxy_bypass(parts.hostname or "")


def _literal(host: str) -> Address | None:
    try:
        return _address(host)
    except ValueError:
        return None


def _address(text: object) -> Address:
    return ipaddress.ip_address(str(text).partition("%")[0])


def _refuse_private(address: Address, url: str) -> None:
    inner = _inner(address)
    if not inner.is_global or inner.is_multicast:
        raise BadPayload(f"{redacted(url)} leads to a private address")


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _refusal(answer: httpx.Response, wait: timedelta | None) -> SourceDown | BadPayload:
    url, status = redacted(str(answer.url)), answer.status_code
    if status in QUOTA:
        return QuotaSpent(f"{url} answered {status}: quota spent", retry_after=wait)
    if status in TRANSIENT:
        return SourceDown(f"{url} answered {status}", retry_after=wait)
    return Refused(f"{url} answered {status}", str(status))


def _limited(answer: httpx.Response, max_bytes: int, deadline: float) -> Iterator[bytes]:
    size = 0
    # As it comes: to wait for a whole chunk would be to wait for a trickle for ever.
    for chunk in answer.iter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise BadPayload(f"{redacted(str(answer.url))}: more than {max_bytes:,} bytes")
        if size > 1 << 20 and size > MAX_RATIO * answer.num_bytes_downloaded:
            raise BadPayload(f"{redacted(str(answer.url))}: a compression bomb")
        if time.monotonic() > deadline:
            raise SourceDown(f"{redacted(str(answer.url))}: too slow")
        yield chunk


def _wait(down: SourceDown, attempt: int) -> float:
    if down.retry_after is not None:
        return down.retry_after.total_seconds()
    return random.uniform(0.5, 1.0) * 2.0**attempt  # noqa: S311 - jitter, not a secret


@contextmanager
def _network_faults(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.DecodingError, httpx.InvalidURL, UnicodeError) as error:
        raise BadPayload(f"{redacted(url)}: {error}") from error
    except (httpx.HTTPError, OSError) as error:
        # `[Errno -2]` tells a reader nothing; what the system says of it does.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceDown(f"{urlsplit(url).hostname} cannot be reached: {reason}") from error
