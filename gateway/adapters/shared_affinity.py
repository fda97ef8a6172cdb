"""Where conversations live, for all replicas: a key in the shared store for each of them.

What the store says is also kept in this process's memory, which stands for it while it is down,
and gives back to it what it has lost. Nobody waits longer than the link does.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.adapters.affinity import KEEP_SECONDS, MemoryAffinity, moved_from
from gateway.adapters.batches import Batches, Queue
from gateway.adapters.scripts import script
from gateway.ports.shared_state import Bond
from runtime.valkey.calls import Call
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

AFFINITY = script("affinity")
HAS_MOVED = b"1"
AS_WANTED = b"="
"""The bond is the one that was wanted."""
KEPT_MILLISECONDS = int(KEEP_SECONDS * 1000)


class Question(NamedTuple):
    """Where a conversation lives.

    bond: where it is to live if it lives nowhere; leaving: or there.
    """

    conversation: bytes
    bond: Bond | None
    leaving: str | None = None


class SharedAffinity:
    """The Affinity port for many replicas."""

    def __init__(
        self,
        link: StoreLink[Connection],
        batches: Batches,
        namespace: str,
        memory: MemoryAffinity,
    ) -> None:
        self._link = link
        self._tag = f"{{{namespace}:affinity}}"
        self._memory = memory
        self._queue: Queue[Question, bytes] = batches.join(self)

    @property
    def remembers(self) -> bool:
        """See ports.shared_state.Affinity."""
        return self._link.is_up

    async def find(self, conversation: bytes) -> Bond | None:
        """See ports.shared_state.Affinity."""
        mine = self._memory.known(conversation)
        # What is known here and not there was lost there, or settled while the store was down.
        answer = await self._queue.ask(Question(conversation, mine))
        if answer is None or answer == AS_WANTED:
            return mine
        return self._learnt(conversation, answer)

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        """See ports.shared_state.Affinity."""
        wanted = Bond(account, moved_from(account, leaving))
        answer = await self._queue.ask(Question(conversation, wanted, leaving))
        if answer == AS_WANTED:
            self._memory.keep(conversation, wanted)
            return wanted
        bond = None if answer is None else self._learnt(conversation, answer)
        if bond is not None:
            return bond
        return await self._memory.settle(conversation, account, leaving)

    def next_call(self) -> Call | None:
        """See batches.Part."""
        questions = self._queue.take()
        return self._call(questions) if questions else None

    def answered(self, answer: Any) -> None:
        """See batches.Part."""
        self._queue.answer(answer)

    def _learnt(self, conversation: bytes, answer: bytes) -> Bond | None:
        bond = _read(answer)
        if bond is not None:
            self._memory.keep(conversation, bond)
        return bond

    def _call(self, questions: Sequence[Question]) -> Call:
        packed: list[str] = []
        for _, bond, leaving in questions:
            packed += (_written(bond), leaving or "")
        keys = tuple([f"{self._tag}:{conversation.hex()}" for conversation, _, _ in questions])
        return Call(AFFINITY, keys, (KEPT_MILLISECONDS, msgspec.msgpack.encode(packed)))


def _written(bond: Bond | None) -> str:
    """As the store keeps it; empty for none."""
    return "" if bond is None else f"{int(bond.has_moved)}{bond.account}"


def _read(text: bytes) -> Bond | None:
    account = text[1:].decode("utf-8", "replace")
    return Bond(account, text.startswith(HAS_MOVED)) if text else None
