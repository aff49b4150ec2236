"""Asks an application without a socket, one request at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI


@dataclass(frozen=True)
class Client:
    """A browser, as far as one request goes."""

    app: FastAPI
    base_url: str = "http://127.0.0.1:8080"

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())


@pytest.fixture
def browse() -> Callable[[FastAPI], Client]:
    return Client
