"""What the Function apps share: a house that is opened late and once, and routes on it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable

from fastapi import APIRouter, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.api import app as web
from tidegate.wiring import Local, local

# The telemetry exporter would export its own calls; the clients log whole URLs.
for chatty in ("azure", "httpx", "httpcore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


class House:
    """The process's house. Its parts are built when it is first needed, before anybody uses it."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._opened: Local | None = None

    def __call__(self) -> Local:
        """Return the house; whoever comes first opens it for all."""
        with self._lock:
            if self._opened is None:
                opened = local()
                for part in self._parts:
                    getattr(opened, part)
                self._opened = opened
            return self._opened


class Routes:
    """An ASGI application on a house, built at its first request: loading the app stays fast."""

    def __init__(self, house: House, routers: Callable[[Local], Iterable[APIRouter]]) -> None:
        self._house = house
        self._routers = routers
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:
            self._app = await asyncio.to_thread(self._built)
        await self._app(scope, receive, send)

    def _built(self) -> ASGIApp:
        with self._lock:
            return self._app or web.create(self._routers(self._house()))


def keyholder(_: Request) -> bool:
    """Whoever got here showed the function key, which the platform asks for."""
    return True
