"""Servers on loopback answer at once, and two do not share a port."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter

import pytest

from tidegate.listening import LOOPBACK, listener


def test_an_answer_waits_for_no_acknowledgement_of_its_first_part():
    waits: list[int] = []

    async def answer(_: StreamReader, writer: StreamWriter) -> None:
        taken = writer.get_extra_info("socket")
        waits.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def ask() -> None:
        listening = listener(0)
        async with await asyncio.start_server(answer, sock=listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(ask())
    assert waits == [1]


def test_a_port_is_taken_once():
    with listener(0) as first:
        host, port = first.getsockname()
        assert host == LOOPBACK
        with pytest.raises(OSError, match="in use"):
            listener(port)
