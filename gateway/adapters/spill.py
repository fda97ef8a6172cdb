"""The Spill port: a bounded stream in the shared store, for records a dying process cannot ship.

Any replica ships them, several at once if it comes to that: the ledger knows a record by its id.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.adapters.scripts import script
from gateway.domain.usage.record import UsageRecord
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

PUT, TAKE, FORGET = script("spill_put"), script("spill_take"), script("spill_forget")

MOST_RECORDS = 200_000
"""In the stream: some 100 MB. What is there is never dropped for what comes."""
MOST_AT_ONCE = 200

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UsageRecord).decode


class NoSpill:
    """Where there is no shared store."""

    is_all = True

    async def put(self, records: Sequence[UsageRecord]) -> bool:
        """See ports.usage.Spill."""
        return False

    async def next(self) -> Sequence[UsageRecord]:
        """See ports.usage.Source."""
        return ()

    async def done(self, records: Sequence[UsageRecord]) -> None:
        """See ports.usage.Source."""

    def start_over(self) -> None:
        """See ports.usage.Source."""


class SharedSpill:
    """The stream of one deployment.

    on_unreadable: told how many entries were no records and were taken out; by whichever replica
    takes them out, and so once.
    """

    is_all = False

    def __init__(
        self,
        link: StoreLink[Connection],
        namespace: str,
        on_unreadable: Callable[[int], None],
        most_records: int = MOST_RECORDS,
    ) -> None:
        self._link = link
        self._key = f"{{{namespace}:usage}}:spilled"
        self._on_unreadable = on_unreadable
        self._most_records = most_records
        self._taken: list[bytes] = []

    async def put(self, records: Sequence[UsageRecord]) -> bool:
        """See ports.usage.Spill."""
        for start in range(0, len(records), MOST_AT_ONCE):
            lines = [_encode(each) for each in records[start : start + MOST_AT_ONCE]]
            if await self._ask(PUT, (self._most_records, *lines)) != 1:
                return False
        return True

    async def next(self) -> Sequence[UsageRecord]:
        """See ports.usage.Source."""
        while found := await self._ask(TAKE, (MOST_AT_ONCE,)):
            entries = list(zip(found[::2], map(_read, found[1::2]), strict=True))
            # What nobody can read goes at once: it must not wait for the ledger before others.
            is_gone = await self._forget_unreadable([id for id, record in entries if not record])
            readable = [(id, record) for id, record in entries if record]
            if readable or not is_gone:
                self._taken = [id for id, _ in readable]
                return [record for _, record in readable]
        return ()

    async def done(self, records: Sequence[UsageRecord]) -> None:
        """See ports.usage.Source."""
        taken, self._taken = tuple(self._taken), []
        await self._ask(FORGET, taken)

    def start_over(self) -> None:
        """See ports.usage.Source."""
        self._taken = []

    async def _forget_unreadable(self, entries: Sequence[bytes]) -> bool:
        """Whether the store has answered."""
        if not entries:
            return True
        count: int | None = await self._ask(FORGET, tuple(entries))
        if count:
            self._on_unreadable(count)
        return count is not None

    async def _ask(self, name: str, arguments: tuple[bytes | int, ...]) -> Any:
        """The script's answer; None when the store gives none."""
        return await self._link.ask(lambda store: store.run(name, (self._key,), arguments))


def _read(line: bytes) -> UsageRecord | None:
    """None for what another version has written in a way not known here."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
