"""`tidegate up`: the web server on loopback, the main job, then the timers."""

import fcntl
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate import loop
from tidegate.api import app as web
from tidegate.api import detonate, gate, health, ingest, maps, metrics, probes, published, refreshes
from tidegate.api.access import open_to
from tidegate.ingest import requests
from tidegate.listening import LOOPBACK, listener
from tidegate.loop import Summary
from tidegate.ports import SourceDown
from tidegate.show import err
from tidegate.wiring import Local


def application(house: Local) -> FastAPI:
    """Return all routes of the three apps, and the page, as one application."""
    key = house.settings.webhook_key
    hook_key = key.get_secret_value() if key else None
    routers = [
        *ingest.routers(house, anybody),
        *metrics.routers(house, metrics.at_home(anonymous=house.settings.metrics_anonymous)),
        *published.routers(house, metrics.at_home(anonymous=False)),
        *detonate.routers(house.detonate, anybody, hook_key),
        gate.router(house.gate, anybody),
        maps.router(house.maps, open_to(anybody)),
        refreshes.router(house.maps, open_to(anybody), house.settings.refreshes_per_minute),
        health.router(
            {
                "ingest": health.ingest(house.memory),
                "detonate": health.detonate(house.cases),
                "maps": health.maps(house.maps),
            },
            lambda: probes.ingest(house.desk),
            anybody,
        ),
    ]
    settings = house.settings
    hosts = (LOOPBACK, "localhost")
    pace = settings.api_per_minute
    return web.create(routers, settings.page, hosts, house.meters, per_minute=pace)


class Current:
    """The application, built again when the house is another edition."""

    def __init__(self, house: Local) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._edition, self._app = house.edition, application(house)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app = await run_in_threadpool(self._current)
        await app(scope, receive, send)

    def _current(self) -> FastAPI:
        with self._lock:
            if self._edition != self._house.edition:
                self._edition, self._app = self._house.edition, application(self._house)
            return self._app


def anybody(_: Request) -> bool:
    """On loopback whoever can reach the port is its owner; other sites' pages are kept out."""
    return True


def up(house: Local, *, once: bool, report: Callable[[Summary], None]) -> bool:
    """Serve, run the main job, report it, and stay until a signal; True if something failed.

    When it stays, what the main job failed at comes round again: only a crash counts.
    """
    stopped, port = threading.Event(), house.settings.port
    with (
        _alone(house.settings.home),
        _serving(Current(house), port) as url,
        _attending(house, stopped),
    ):
        err.print(f"Tidegate on {url}", highlight=False)
        house.tell_missing_roles()
        summary = loop.once(house, lambda part: err.print(f"· {part}", highlight=False))
        report(summary)
        if once:
            return summary.failed
        where = f"Open {url}" if house.settings.page else f"{url} has no page: set TIDEGATE_PAGE"
        err.print(f"{where} — Ctrl-C stops.", highlight=False)
        return _stay(house, stopped)


def _stay(house: Local, stopped: threading.Event) -> bool:
    """Stay until a signal; True if it was no signal but a crash that ended it."""
    asked = threading.Event()

    def stop(*_: object) -> None:
        asked.set()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    threads = loop.keep_going(house, stopped)
    stopped.wait()
    err.print("stopping", highlight=False)
    for thread in threads:
        thread.join()
    return not asked.is_set()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the folder: two loops on one state would only get in each other's way."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SourceDown(f"another `tidegate up` uses {home}") from error
        yield


@contextmanager
def _attending(house: Local, stopped: threading.Event) -> Iterator[None]:
    """Work on requests from the first moment on; a bug in that ends everything, loudly."""

    def attend() -> None:
        try:
            requests.attend(house.desk, stopped)
        finally:
            stopped.set()

    thread = threading.Thread(target=attend, name="requests")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def _serving(app: ASGIApp, port: int) -> Iterator[str]:
    try:
        listening = listener(port)
    except OSError as error:
        raise SourceDown(f"port {port} is taken: set TIDEGATE_PORT to a free one") from error
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],), name="web", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
