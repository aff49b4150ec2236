"""The Function app `maps`: the datasets, and their refreshes when they are due. Triggers only."""

import asyncio
import os
from collections.abc import Iterator

# An instance is small, and the largest datasets need most of it: what Polars has done with is given
# back at once. It reads this when it is first imported.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:0")

import azure.functions as func
from fastapi import APIRouter

from tidegate import functions, visitors
from tidegate.api import health, maps, refreshes
from tidegate.wiring import Local

METHODS = ["GET", "HEAD", "POST"]
house = functions.House("figures", "maps")


def routers(opened: Local) -> Iterator[APIRouter]:
    access = visitors.access(opened.settings, functions.keyholder)
    yield maps.router(opened.maps, access)
    yield refreshes.router(opened.maps, access, opened.settings.refreshes_per_minute)
    yield health.router({"maps": health.maps(opened.maps)})


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(functions.Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


async def answer_all(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Visitors and signed-in people show no function key: the routes decide on whom they answer."""
    return await app.middleware.handle_async(req, context)


for name, route in visitors.of_the_map().items():
    read = app.route(route=route, methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
    app.function_name(name)(read(answer_all))


@app.function_name("datasets")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
async def refresh_datasets(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.refresh_datasets(house()))
