"""Callers' keys in the ledger's database: the KeyStore port, over the ledger's connections."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine, select

from gateway.adapters.ledger import key_changes as changes
from gateway.adapters.ledger.key_rows import SELECTED, key_of
from gateway.adapters.ledger.tables import api_keys, key_changes
from gateway.adapters.ledger.thread import SqlThread
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import Changes, Forgotten

MOST_KEYS = 5_000
"""In one answer."""

T = TypeVar("T")


class SqlKeys:
    """The KeyStore port; made by SqlLedger.keys. Closed with the ledger.

    prepare: the ledger's. seconds: how long one job may take.
    """

    def __init__(
        self,
        engine: Engine,
        thread: SqlThread,
        prepare: Callable[[], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._engine = engine
        self._thread = thread
        self._prepare = prepare
        self._seconds = seconds

    async def prepare(self) -> None:
        """See ports.keys.KeyStore."""
        await self._prepare()

    async def changed_since(self, number: int) -> Changes:
        """See ports.keys.KeyStore."""
        return await self._run(partial(_changed_since, self._engine, number))

    async def named(self, key_id: str) -> Sequence[StoredKey]:
        """See ports.keys.KeyStore."""
        return await self._run(partial(_named, self._engine, key_id))

    async def list(self) -> Sequence[StoredKey]:
        """See ports.keys.KeyStore."""
        found: dict[str, StoredKey] = {}
        number, is_all = 0, False
        while not is_all:
            part = await self.changed_since(number)
            # One that is changed meanwhile comes again.
            found.update((key.sha256, key) for key in part.keys)
            number, is_all = part.number, part.is_all
        return sorted(found.values(), key=lambda key: (key.id, key.created_at, key.number))

    async def add(self, key: StoredKey) -> None:
        """See ports.keys.KeyStore."""
        await self._run(partial(changes.add, self._engine, key))

    async def revoke(self, key_id: str, by: str, now: float) -> int:
        """See ports.keys.KeyStore."""
        return await self._run(partial(changes.revoke, self._engine, key_id, by, now))

    async def rotate(self, new: StoredKey, by: str, now: float, keep_until: float | None) -> int:
        """See ports.keys.KeyStore."""
        return await self._run(partial(changes.rotate, self._engine, new, by, now, keep_until))

    async def forget(self, key_id: str, name: str, by: str, now: float) -> Forgotten | None:
        """See ports.keys.KeyStore. The keys come last: until then it can be repeated by id."""
        await self.revoke(key_id, by, now)
        records = await self.rename_records(key_id, name)
        keys = await self._run(partial(changes.erase, self._engine, key_id, name, by))
        return Forgotten(name, keys, records) if keys or records else None

    async def rename_records(self, key_id: str, name: str) -> int:
        """See ports.keys.KeyStore. Job by job, so that what comes meanwhile is not kept waiting."""
        count = 0
        while True:
            renamed = await self._run(partial(changes.rename_records, self._engine, key_id, name))
            count += renamed
            if renamed < changes.RECORDS:
                return count

    async def _run(self, job: Callable[[], T]) -> T:
        return await self._thread.run(job, self._seconds)


def _changed_since(engine: Engine, number: int) -> Changes:
    newer = select(*SELECTED).where(api_keys.c.change_number > number)
    with engine.connect() as connection:
        # First: whatever has a number up to this one is seen by the question that follows.
        latest = connection.scalar(select(key_changes.c.number)) or 0
        if latest == number:
            return Changes(number, ())
        if latest < number:
            return Changes(0, (), is_all=False, is_older=True)
        asked = newer.order_by(api_keys.c.change_number).limit(MOST_KEYS)
        keys = [key_of(row) for row in connection.execute(asked)]
    is_all = len(keys) < MOST_KEYS
    last = keys[-1].number if keys else number
    return Changes(max(last, latest) if is_all else last, keys, is_all)


def _named(engine: Engine, key_id: str) -> Sequence[StoredKey]:
    asked = select(*SELECTED).where(api_keys.c.id == key_id).order_by(api_keys.c.change_number)
    with engine.connect() as connection:
        return [key_of(row) for row in connection.execute(asked)]
