"""One connection to the store that says many commands in one write and reads all their answers.

For what is asked at every request: the library's client takes longer over one command than this
does over all that wait. hiredis packs and parses, as it does for that client. Knows no script,
and nothing of what is asked; a connection that breaks is opened again by the next exchange.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hiredis

Command = tuple[str | bytes | int, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and how to begin. context: None for no TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None = None
    greeting: tuple[Command, ...] = field(default=(), repr=False)
    """Said first on every connection: who we are, and which database is meant."""


def packed(command: Command) -> bytes:
    """As it is sent."""
    # Its stub knows only commands of one word.
    return cast(bytes, hiredis.pack_command(cast(Any, command)))


class Pipe:
    """Exchanges with one server, one at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._line: _Line | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """An answer for each, in their order; one that was refused is a hiredis.ReplyError.

        Raises OSError. Cancelled: the connection ends with it, since its answers are still to
        come.
        """
        line = self._line
        if line is None or line.is_lost:
            line = self._line = await self._open()
        return await line.ask(commands)

    def close(self) -> None:
        """Close the connection; one that is broken is closed already."""
        if self._line is not None:
            self._line.abort()

    async def _open(self) -> "_Line":
        at = self._address
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(_Line, at.host, at.port, ssl=at.context)
        if at.greeting:
            answers = await line.ask(at.greeting)
            if any(isinstance(answer, hiredis.ReplyError) for answer in answers):
                line.abort()
                raise ConnectionRefusedError
        return line


class _Line(asyncio.Protocol):
    """A connection, and the one exchange on it that waits for answers."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_lost = False
        self._reader = hiredis.Reader()
        self._missing = 0
        self._answers: list[Any] = []
        self._all_answered: asyncio.Future[list[Any]] | None = None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        if self._missing:
            raise RuntimeError("one exchange at a time")
        answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._all_answered = answered
        self._missing, self._answers = len(commands), []
        self._transport.write(b"".join([packed(each) for each in commands]))
        try:
            return await answered
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        self.is_lost = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._answers.append(answer)
        except hiredis.ProtocolError:
            self.abort()
            return
        if len(self._answers) > self._missing:
            # Answers to nothing: whoever asks next would take them for its own.
            self.abort()
        elif self._missing and len(self._answers) == self._missing:
            self._missing = 0
            answers, self._answers = self._answers, []
            if self._all_answered is not None and not self._all_answered.done():
                self._all_answered.set_result(answers)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if self._all_answered is not None and not self._all_answered.done():
            self._all_answered.set_exception(ConnectionResetError())
