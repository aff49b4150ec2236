"""The simulated tenant as a web server on loopback: all of its services on one port."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from tidegate.listening import LOOPBACK, listener
from tidegate.simulator import (
    actions,
    defender,
    entra,
    files,
    graph,
    graph_alerts,
    hunting,
    indicators,
    live_response,
    loganalytics,
    machines,
    sentinel,
    vmray,
)
from tidegate.simulator.memory import Memory
from tidegate.simulator.scene import Engine, Scene
from tidegate.simulator.seed import seed

PARTS = (
    entra,
    defender,
    machines,
    files,
    actions,
    live_response,
    indicators,
    graph,
    graph_alerts,
    hunting,
    sentinel,
    loganalytics,
    vmray,
)


def application(scene: Scene) -> FastAPI:
    """Return the tenant as an application, for a server or for a test client."""
    app = FastAPI(openapi_url=None)
    for part in PARTS:
        app.include_router(part.router(scene))
    app.add_exception_handler(HTTPException, _worded)
    return app


def _worded(_: Request, error: Exception) -> Response:
    """Answer in the words of the service: the detail is the whole body."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse(error.detail, error.status_code, error.headers)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Tenant:
    """The server in a thread of this process. Its memory is in `state`, and outlives it."""

    state: Path
    delay: timedelta = timedelta(seconds=0.7)
    clock: Callable[[], datetime] = _now
    logs: Engine | None = None
    scene: Scene = field(init=False)
    _server: uvicorn.Server | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self, port: int = 0) -> str:
        """Start to serve on loopback; return the base URL. Port 0 takes any that is free."""
        self.scene = Scene(Memory(self.state), self.clock, self.delay, logs=self.logs)
        seed(self.scene)
        listening = listener(port)
        config = uvicorn.Config(
            application(self.scene), ws="none", lifespan="off", log_level="error", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="simulated-tenant", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return f"http://{LOOPBACK}:{listening.getsockname()[1]}"

    def reset(self) -> None:
        """Forget everything that happened, and begin with the seeded alerts again."""
        self.scene.memory.clear()
        self.scene.restore()
        seed(self.scene)

    def stop(self) -> None:
        """Stop to serve; what the tenant remembers stays."""
        if self._server and self._thread:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()
            self.scene.memory.close()
            self._server = None
