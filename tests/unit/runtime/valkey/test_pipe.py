"""Many commands in one write, and answers that never come to the wrong one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hiredis
import pytest

from runtime.valkey.pipe import Address, Pipe, packed

pytestmark = pytest.mark.anyio

ONE, TWO = ("GET", "one"), ("GET", "two")


class Server:
    """Says what it is told to say to each write, and keeps what it was sent."""

    def __init__(self) -> None:
        self.says: list[bytes | None] = []
        self.writes: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        while write := await reader.read(65536):
            self.writes.append(write)
            said = self.says.pop(0)
            if said is None:
                break
            writer.write(said)
        writer.close()

    def pipe(self, greeting: tuple[tuple[str, ...], ...] = ()) -> Pipe:
        return Pipe(Address("127.0.0.1", self.port, greeting=greeting))


@asynccontextmanager
async def serving(*says: bytes | None) -> AsyncIterator[Server]:
    made = Server()
    made.says = list(says)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield made


async def test_all_commands_are_one_write_and_answered_in_their_order() -> None:
    async with serving(b"$3\r\nabc\r\n:2\r\n") as server:
        pipe = server.pipe()

        assert await pipe.exchange([ONE, TWO]) == [b"abc", 2]
        assert server.writes == [packed(ONE) + packed(TWO)]
        pipe.close()


async def test_answers_that_come_in_pieces_are_waited_for() -> None:
    async with serving(b":1\r\n$3\r\na", b"") as server:
        pipe = server.pipe()
        asking = asyncio.ensure_future(pipe.exchange([ONE, TWO]))
        while server.writer is None or not server.writes:
            await asyncio.sleep(0)
        server.writer.write(b"bc\r\n")

        assert await asking == [1, b"abc"]
        pipe.close()


async def test_a_refusal_stands_in_its_place() -> None:
    async with serving(b"-OOM no memory\r\n:2\r\n") as server:
        pipe = server.pipe()
        refused, answer = await pipe.exchange([ONE, TWO])

        assert isinstance(refused, hiredis.ReplyError)
        assert str(refused).startswith("OOM")
        assert answer == 2
        pipe.close()


async def test_who_leaves_takes_the_answers_along() -> None:
    async with serving(b"", b":2\r\n") as server:
        pipe = server.pipe()
        asking = asyncio.ensure_future(pipe.exchange([ONE]))
        while not server.writes:
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

        assert await pipe.exchange([TWO]) == [2]
        assert server.connections == 2
        pipe.close()


@pytest.mark.parametrize("nonsense", [b":1\r\n:2\r\n", b"!?\r\n"])
async def test_answers_to_nothing_end_the_connection(nonsense: bytes) -> None:
    async with serving(nonsense, b":3\r\n") as server:
        pipe = server.pipe()
        with pytest.raises(OSError):  # noqa: PT011
            await pipe.exchange([ONE])

        assert await pipe.exchange([TWO]) == [3]
        assert server.connections == 2
        pipe.close()


async def test_a_connection_that_ends_is_opened_again_by_the_next_exchange() -> None:
    async with serving(None, b":2\r\n") as server:
        pipe = server.pipe()
        with pytest.raises(OSError):  # noqa: PT011
            await pipe.exchange([ONE])

        assert await pipe.exchange([TWO]) == [2]
        pipe.close()


async def test_every_connection_begins_with_its_greeting() -> None:
    async with serving(b"+OK\r\n", b":1\r\n", None, b"+OK\r\n", b":2\r\n") as server:
        greeting = ("AUTH", "secret")
        pipe = server.pipe((greeting,))
        assert await pipe.exchange([ONE]) == [1]
        with pytest.raises(OSError):  # noqa: PT011
            await pipe.exchange([ONE])
        assert await pipe.exchange([ONE]) == [2]

        assert server.writes.count(packed(greeting)) == 2
        pipe.close()


async def test_nothing_is_asked_where_the_greeting_is_refused() -> None:
    async with serving(b"-WRONGPASS no\r\n") as server:
        pipe = server.pipe((("AUTH", "secret"),))
        with pytest.raises(ConnectionRefusedError) as raised:
            await pipe.exchange([ONE])

        assert "secret" not in str(raised.value) + repr(pipe._address)
        assert len(server.writes) == 1
