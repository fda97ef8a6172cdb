"""A connection knows when its caller left, whoever hears of it when."""

import asyncio

import pytest
from aiohttp import web

from simulator.web.connection import Connection

pytestmark = pytest.mark.anyio


async def handler(request: web.BaseRequest) -> web.StreamResponse:
    raise NotImplementedError


async def connection() -> Connection:
    return Connection(web.Server(handler), loop=asyncio.get_running_loop())


async def test_a_caller_that_is_there_has_not_left() -> None:
    assert (await connection()).left_at is None


async def test_the_first_sign_of_it_counts() -> None:
    """The end of its words comes before the end of the connection."""
    made = await connection()
    made.eof_received()
    first = made.left_at
    assert first is not None
    made.connection_lost(None)
    assert made.left_at == first


async def test_a_connection_may_be_lost_without_a_word() -> None:
    made = await connection()
    made.connection_lost(ConnectionResetError())
    assert made.left_at is not None
