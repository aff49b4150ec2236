"""The Function app `detonate`: alerts come in by webhook or are read. Triggers only."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
from fastapi import APIRouter

from tidegate import loop
from tidegate.api import detonate, health
from tidegate.functions import House, Routes
from tidegate.wiring import Local

house = House("detonate")


def routers(opened: Local) -> Iterator[APIRouter]:
    yield detonate.router(opened.detonate)
    yield health.router({"detonate": health.detonate(opened.detonate)})


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


@app.function_name("alerts")
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
async def run_alerts(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: loop.detonate_due(house()))
