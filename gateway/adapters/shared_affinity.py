"""Where conversations live, for all replicas: a key in the shared store for each of them.

What the store says is also kept in this process's memory, which stands for it while it is down,
and gives back to it what it has lost. Nobody waits longer than the link does.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec

from gateway.adapters.affinity import KEEP_SECONDS, MemoryAffinity, moved_from
from gateway.adapters.batches import Batches
from gateway.adapters.scripts import script
from gateway.ports import Bond
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

AFFINITY = script("affinity")
HAS_MOVED = b"1"


class Question(NamedTuple):
    """Where a conversation lives.

    bond: where it is to live if it lives nowhere; leaving: or there.
    """

    conversation: bytes
    bond: Bond | None
    leaving: str | None = None


class SharedAffinity:
    """The Affinity port for many replicas."""

    def __init__(self, link: StoreLink[Connection], namespace: str, memory: MemoryAffinity) -> None:
        self._link = link
        self._tag = f"{{{namespace}:affinity}}"
        self._memory = memory
        self._batches: Batches[Question, bytes] = Batches(self._send)

    @property
    def remembers(self) -> bool:
        """See ports.Affinity."""
        return self._link.is_up

    async def find(self, conversation: bytes) -> Bond | None:
        """See ports.Affinity."""
        mine = self._memory.known(conversation)
        # What is known here and not there was lost there, or settled while the store was down.
        answer = await self._ask(Question(conversation, mine))
        return mine if answer is None else self._learnt(conversation, answer)

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        """See ports.Affinity."""
        wanted = Bond(account, moved_from(account, leaving))
        answer = await self._ask(Question(conversation, wanted, leaving))
        bond = None if answer is None else self._learnt(conversation, answer)
        if bond is not None:
            return bond
        return await self._memory.settle(conversation, account, leaving)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Ask the store for the length of the block."""
        sending = tasks.create_task(self._batches.run())
        try:
            yield
        finally:
            await self._batches.close(sending)

    def _learnt(self, conversation: bytes, answer: bytes) -> Bond | None:
        bond = _read(answer)
        if bond is not None:
            self._memory.keep(conversation, bond)
        return bond

    async def _ask(self, question: Question) -> bytes | None:
        """A bond as the store writes it; None when the store does not say."""
        return await self._batches.ask(question) if self._link.is_up else None

    async def _send(self, questions: Sequence[Question]) -> Sequence[bytes] | None:
        if not questions:
            return ()
        return await self._link.ask(lambda store: self._run(store, questions))

    async def _run(self, store: Connection, questions: Sequence[Question]) -> Sequence[bytes]:
        keys = tuple(f"{self._tag}:{each.conversation.hex()}" for each in questions)
        packed: list[str] = []
        for each in questions:
            packed += (_written(each.bond), each.leaving or "")
        arguments = (int(KEEP_SECONDS * 1000), msgspec.msgpack.encode(packed))
        answers: list[bytes] = await store.run(AFFINITY, keys, arguments)
        return answers


def _written(bond: Bond | None) -> str:
    """As the store keeps it; empty for none."""
    return "" if bond is None else f"{int(bond.has_moved)}{bond.account}"


def _read(text: bytes) -> Bond | None:
    account = text[1:].decode("utf-8", "replace")
    return Bond(account, text.startswith(HAS_MOVED)) if text else None
