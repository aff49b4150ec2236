"""A month of feeds on the real server: steady, restless, copying, odd, silent and noisy."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import uvicorn
from fastapi import FastAPI

from tidegate import serve
from tidegate.declare.feed import feeds
from tidegate.hygiene import Policy
from tidegate.ingest.run import Job, run
from tidegate.ports import Response, SourceDown
from tidegate.settings import Settings
from tidegate.warninglists import Warninglists, parse
from tidegate.wiring import Local, local, now

STEPS, STEP = 15, timedelta(days=2)
RESOLVERS = b'{"type": "cidr", "matching_attributes": ["ip-src"], "list": ["203.0.113.0/27"]}'
SHOWN = (
    "abuseipdb",
    "blocklist_de",
    "cins",
    "emerging_threats",
    "ipsum",
    "openphish",
    "spamhaus_drop",
    "tor_exits",
)


def lines(*ranges: tuple[str, int, int]) -> bytes:
    return "".join(
        f"{net}.{n}\n" for net, first, last in ranges for n in range(first, last)
    ).encode()


def _cins(step: int, _: Random) -> bytes:
    return lines(("192.0.2", step, 170 + 2 * step), ("198.51.100", 0, 90 + 3 * step))


def _copied(step: int, _: Random) -> bytes:
    return lines(("192.0.2", 20, 120), ("198.51.100", 10, 60 + step % 4))


def _noisy(step: int, dice: Random) -> bytes:
    return lines(("203.0.113", 0, 110 + dice.randrange(30)), ("198.51.100", 80, 100 + step))


def _phish(step: int, dice: Random) -> bytes:
    names = [f"http://login{dice.randrange(10**6)}.example/{step}" for _ in range(180)]
    return "\n".join(names[: 120 + dice.randrange(60)]).encode()


def _merged(step: int, _: Random) -> bytes:
    both = lines(("192.0.2", 0, 170), ("198.51.100", 0, 90 + step), ("203.0.113", 64, 120))
    return both.replace(b"\n", b"\t3\n")


def _drop(step: int, _: Random) -> bytes:
    odd = 20 if step in {6, STEPS - 1} else 0
    rows = [f'{{"cidr":"203.0.{n}.0/24","sblid":"SBL{n}"}}' for n in range(40 + step)]
    rows += [f'{{"cidr":"203.0..{n}/24","sblid":"SBL{n}"}}' for n in range(odd)]
    return "\n".join([*rows, f'{{"type":"metadata","records":{len(rows)}}}']).encode()


def _exits(step: int, dice: Random) -> bytes | Exception:
    if step > STEPS - 5:
        return SourceDown("check.torproject.org: connection refused")
    return lines(("203.0.113", 100, 180 + dice.randrange(40)))


BODIES: dict[str, Callable[[int, Random], bytes | Exception]] = {
    "cins": _cins,
    "emerging_threats": _copied,
    "blocklist_de": _noisy,
    "openphish": _phish,
    "ipsum": _merged,
    "spamhaus_drop": _drop,
    "tor_exits": _exits,
}


@dataclass
class Answers:
    """`ports.Http` that answers what the feed said then."""

    body: bytes | Exception = b""

    def download(self, url: str, to: Path, **_: object) -> Response:
        if isinstance(self.body, Exception):
            raise self.body
        to.write_bytes(self.body)
        return Response(200, {}, b"")


def live_through_a_month(home: Path) -> None:
    """Run all feeds every other day, up to an hour ago."""
    dice, web = Random(30), Answers()  # noqa: S311 - the same month every time
    lists = Warninglists.of([parse("resolvers", RESOLVERS)])
    with local(Settings(home=home)) as opened:
        at = now() - timedelta(hours=1) - STEP * (STEPS - 1)
        policy = Policy(simulated=True, lists=lists)
        world = replace(opened.ingest, http=web, policy=policy, clock=lambda: at)
        for step in range(STEPS):
            for name, body in BODIES.items():
                web.body = body(step, dice)
                run(Job(feeds()[name]), world)
            at += STEP


@dataclass
class FeedsHouse:
    """The server, which can be taken away and brought back on the same port."""

    house: Local
    port: int = 0
    _server: uvicorn.Server | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def application(self) -> FastAPI:
        return serve.application(self.house)

    def open(self) -> None:
        app = self.application()
        # It listens before there is a server, so that nobody is turned away who comes at once.
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()


@contextmanager
def feeds_house(home: Path, page: Path | None) -> Iterator[FeedsHouse]:
    off = sorted(feeds().keys() - set(SHOWN))
    with local(Settings(home=home, page=page, feeds_off=off)) as opened:
        found = FeedsHouse(opened)
        found.open()
        try:
            yield found
        finally:
            found.close()
