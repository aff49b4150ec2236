"""The Function app `maps`: the datasets, and their refreshes when they are due. Triggers only."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
from fastapi import APIRouter

from tidegate.api import health, maps
from tidegate.functions import House, Routes, keyholder
from tidegate.maps.refresh import refresh_all
from tidegate.wiring import Local

house = House("maps")


def routers(opened: Local) -> Iterator[APIRouter]:
    yield maps.router(opened.maps, keyholder)
    yield health.router({"maps": health.maps(opened.maps)})


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


@app.function_name("datasets")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
async def refresh_datasets(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: list(refresh_all(house().maps)))
