"""USE CASE: the keys a caller may have, all of them in memory: the configuration's, and the
database's as they were last read.

A request asks nobody. The database is read at the start and then asked every two seconds for what
has changed; while it is down, what is known goes on. Judges no key: who asks gets it, expired or
not, and asks apart whether one was revoked.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from gateway.domain.api_keys import ApiKey
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import KeyEvents, KeyStore
from gateway.ports.usage import LedgerDown

INTERVAL_SECONDS = 2.0
SPREAD = 0.2
"""The part of the interval by which processes differ, so that they do not ask all at once."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
"""Between attempts while the database is down."""


class Keys:
    """Finds keys by their SHA-256; `run` keeps them current until it is cancelled.

    file: the configuration's. store: None where there is no database to ask. on_gone: called with
    the SHA-256 of each key that is none any more; neither waits nor raises. fraction: uniform in
    [0, 1); spreads the processes' questions.
    """

    def __init__(
        self,
        file: Mapping[str, ApiKey],
        store: KeyStore | None,
        on_gone: Callable[[str], None],
        events: KeyEvents,
        fraction: Callable[[], float],
    ) -> None:
        self._store = store
        self._on_gone = on_gone
        self._events = events
        self._fraction = fraction
        self._stored: dict[str, ApiKey] = {}
        self._members: Counter[str] = Counter()
        self._revoked: set[str] = set()
        self._shadowed: set[str] = set()
        self._number = 0
        self._is_prepared = self._is_fresh = False
        self._complete = asyncio.Event()
        if store is None:
            self._complete.set()
        self.replace_file(file)

    # --- for requests ---

    @property
    def is_complete(self) -> bool:
        """Whether a key that is not found is unknown: the database has been read once."""
        return self._complete.is_set()

    def find(self, sha256: str) -> ApiKey | None:
        """The key, which may have expired. The configuration's counts before the database's."""
        key = self._file.get(sha256)
        if key is not None:
            return key
        key = self._stored.get(sha256)
        # By id it would share limits, budget and records with another key.
        return None if key is None or key.id in self._file_ids else key

    def revoked(self, sha256: str) -> bool:
        """Whether it was a key of the database, and was taken back."""
        return sha256 in self._revoked and sha256 not in self._file

    def members(self, group_id: str) -> int:
        """How many keys of the database belong to a group, expired ones included."""
        return self._members[group_id]

    # --- what changes ---

    def replace_file(self, keys: Mapping[str, ApiKey]) -> None:
        """These are the configuration's from now on. Streams of those that went go on."""
        self._file = keys
        self._file_ids = frozenset(key.id for key in keys.values())
        self._events.keys_configured(len(keys))
        self._tell_shadowed(self._stored.values())

    async def loaded(self, seconds: float) -> bool:
        """Wait until the database has been read once, so long at most; whether it has been."""
        try:
            async with asyncio.timeout(seconds):
                await self._complete.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Read, and ask again and again; ends only where there is no database."""
        pause = FIRST_PAUSE_SECONDS
        while self._store is not None:
            if await self.refresh():
                pause = FIRST_PAUSE_SECONDS
                spread = SPREAD * (self._fraction() - 0.5)
                await asyncio.sleep(INTERVAL_SECONDS * (1 + spread))
            else:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def refresh(self) -> bool:
        """Take over what has changed in the database; whether it could be asked."""
        if self._store is None:
            return True
        try:
            if not self._is_prepared:
                await self._store.prepare()
                self._is_prepared = True
            await self._catch_up(self._store)
        except LedgerDown as error:
            self._is_fresh = False
            self._events.keys_stale(str(error))
            return False
        if not self._is_fresh:
            self._is_fresh = True
            self._events.keys_fresh()
        self._complete.set()
        return True

    # --- parts ---

    async def _catch_up(self, store: KeyStore) -> None:
        changed, is_all = 0, False
        while not is_all:
            changes = await store.changed_since(self._number)
            if changes.is_older:
                await self._start_over(store)
                return
            for key in changes.keys:
                self._take(key)
            self._tell_shadowed(
                self._stored[key.sha256] for key in changes.keys if not key.is_revoked
            )
            self._number, is_all = changes.number, changes.is_all
            changed += len(changes.keys)
        if changed:
            self._events.keys_read(changed, len(self._stored), len(self._revoked))

    async def _start_over(self, store: KeyStore) -> None:
        """The database is another one: read all of it, and then forget what is not in it."""
        keys: dict[str, StoredKey] = {}
        number, is_all = 0, False
        while not is_all:
            changes = await store.changed_since(number)
            keys.update((key.sha256, key) for key in changes.keys)
            number, is_all = changes.number, changes.is_all
        for sha256 in [each for each in self._stored if each not in keys]:
            self._drop(sha256)
            self._tell_gone(sha256)
        self._revoked.intersection_update(keys)
        for key in keys.values():
            self._take(key)
        self._tell_shadowed(self._stored.values())
        self._number = number
        self._events.keys_read(len(keys), len(self._stored), len(self._revoked))

    def _take(self, key: StoredKey) -> None:
        self._drop(key.sha256)
        if not key.is_revoked:
            self._revoked.discard(key.sha256)
            self._stored[key.sha256] = key.api_key()
            self._members[key.group_id] += 1
            return
        self._revoked.add(key.sha256)
        self._tell_gone(key.sha256)

    def _drop(self, sha256: str) -> None:
        known = self._stored.pop(sha256, None)
        if known is not None:
            self._members[known.group] -= 1

    def _tell_gone(self, sha256: str) -> None:
        if sha256 not in self._file:
            self._on_gone(sha256)

    def _tell_shadowed(self, keys: Iterable[ApiKey]) -> None:
        """Of each id once."""
        found = {key.id for key in keys if key.id in self._file_ids} - self._shadowed
        self._shadowed |= found
        for key_id in sorted(found):
            self._events.key_shadowed(key_id)
