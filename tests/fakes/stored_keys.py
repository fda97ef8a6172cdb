"""Keys as the database keeps them, each with a digest of its own; and a KeyStore in memory."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from gateway.adapters.ledger.engine import open_engine
from gateway.adapters.ledger.key_rows import row_of
from gateway.adapters.ledger.tables import api_keys, key_changes
from gateway.domain.api_keys import digest
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import Changes, Forgotten, KeyIdTaken
from gateway.ports.usage import LedgerDown
from tests.fakes.ledger_records import NOON

_numbers = itertools.count(1)


def a_stored_key(**changes: Any) -> StoredKey:
    """A key of engineering, valid for ever."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "sha256": digest(f"key {number}"),
        "id": f"key-{number}",
        "group_id": "engineering",
        "created_at": NOON,
        "created_by": "root",
    }
    return StoredKey(**{**fields, **changes})


def fill(database_url: str, keys: Sequence[StoredKey]) -> None:
    """Put so many into an empty table in no time, numbered from 1."""
    engine = open_engine(database_url)
    rows = [row_of(key, number) for number, key in enumerate(keys, 1)]
    with engine.begin() as connection:
        connection.execute(update(key_changes).values(number=len(rows)))
        connection.execute(api_keys.insert(), rows)
    engine.dispose()


class FakeKeyStore:
    """The KeyStore port in memory."""

    def __init__(self) -> None:
        self.keys: dict[str, StoredKey] = {}
        self.number = 0
        self.most = 5_000
        self.is_down = False
        self.renamed: list[tuple[str, str]] = []

    async def prepare(self) -> None:
        self._ask()

    async def changed_since(self, number: int) -> Changes:
        self._ask()
        if self.number < number:
            return Changes(0, (), is_all=False, is_older=True)
        newer = sorted(
            (key for key in self.keys.values() if key.number > number), key=lambda key: key.number
        )
        part = newer[: self.most]
        is_all = len(part) == len(newer)
        return Changes(self.number if is_all else part[-1].number, part, is_all)

    async def named(self, key_id: str) -> Sequence[StoredKey]:
        self._ask()
        found = [key for key in self.keys.values() if key.id == key_id]
        return sorted(found, key=lambda key: key.number)

    async def list(self) -> Sequence[StoredKey]:
        self._ask()
        return sorted(self.keys.values(), key=lambda key: (key.id, key.created_at, key.number))

    async def add(self, key: StoredKey) -> None:
        if await self.named(key.id):
            raise KeyIdTaken(key.id)
        self._put(key)

    async def revoke(self, key_id: str, by: str, now: float) -> int:
        found = [key for key in await self.named(key_id) if not key.is_revoked]
        for key in found:
            self._put(replace(key, revoked_at=now, revoked_by=by))
        return len(found)

    async def rotate(self, new: StoredKey, by: str, now: float, keep_until: float | None) -> int:
        found = [key for key in await self.named(new.id) if not key.is_revoked]
        for key in found:
            if keep_until is None:
                self._put(replace(key, revoked_at=now, revoked_by=by))
            else:
                ends = [each for each in (key.expires_at, keep_until) if each is not None]
                self._put(replace(key, expires_at=min(ends)))
        if found:
            self._put(new)
        return len(found)

    async def forget(self, key_id: str, name: str, by: str, now: float) -> Forgotten | None:
        await self.revoke(key_id, by, now)
        found = await self.named(key_id)
        for key in found:
            self._put(replace(key, id=name, owner="", created_by="", revoked_by=by))
        records = await self.rename_records(key_id, name)
        return Forgotten(name, len(found), records) if found or records else None

    async def rename_records(self, key_id: str, name: str) -> int:
        """There are none."""
        self._ask()
        self.renamed.append((key_id, name))
        return 0

    def remove(self, sha256: str) -> None:
        """As plain SQL would."""
        del self.keys[sha256]

    def _put(self, key: StoredKey) -> None:
        self.number += 1
        self.keys[key.sha256] = replace(key, number=self.number)

    def _ask(self) -> None:
        if self.is_down:
            raise LedgerDown("OperationalError")
