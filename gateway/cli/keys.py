"""`python -m gateway keys`: makes API keys and takes them back, for the whole fleet.

Speaks to the database alone: every gateway on it takes over what has changed there. A new key is
in what `new` and `rotate` say, and nowhere else.
"""

import asyncio
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace

from gateway.domain.api_keys import ALPHABET, RANDOM_CHARACTERS, digest, new_key
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import KeyIdTaken, KeyStore

SETTLE_SECONDS = 8.0
"""After a revocation no gateway serves the key any more, and its last records are in the ledger."""
SHOWN_ONCE = "The key is shown this once and stored nowhere: hand it to its user."


class KeyProblem(Exception):
    """What the operator has asked for cannot be done; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts on keys, and when: seconds since the epoch."""

    name: str
    now: float


def drawn_key() -> str:
    """A new key, at random."""
    return new_key(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))


def print_new_key(key_id: str, group: str) -> None:
    """Print a new key and its digest, then the entry for the configuration file."""
    key = drawn_key()
    stored = digest(key)
    print(f"id:     {key_id}")
    print(f"key:    {key}")
    print(f"sha256: {stored}")
    print()
    print(SHOWN_ONCE)
    print("What the gateway stores is the sha256, in gateway.yaml:")
    print()
    print("keys:")
    print(f"  - {{id: {key_id}, sha256: {stored}, group: {group}}}")
    print()
    print("With --config F the key is stored in the database instead, for all gateways on it.")


async def make(store: KeyStore, wanted: StoredKey, in_file: Collection[str]) -> str:
    """Keep a new key of what is wanted, and say it. in_file: the configuration's ids.

    Raises KeyProblem and LedgerDown, as the others do.
    """
    if wanted.id in in_file:
        raise KeyProblem(f"the configuration has a key '{wanted.id}'; choose another --id")
    key = drawn_key()
    try:
        await store.add(replace(wanted, sha256=digest(key)))
    except KeyIdTaken:
        raise KeyProblem(
            f"there is or was a key '{wanted.id}', whose usage is counted under that id; choose "
            "another --id, or give it another key with `keys rotate`"
        ) from None
    return _shown(wanted, key)


async def revoke(store: KeyStore, key_id: str, in_file: Collection[str], who: Operator) -> str:
    """Take back all keys with this id."""
    await _existing(store, key_id, in_file)
    count = await store.revoke(key_id, who.name, who.now)
    if not count:
        return f"{key_id}: was revoked before"
    return f"revoked: {key_id}; within five seconds no gateway takes it, and its streams are ended"


async def rotate(
    store: KeyStore,
    key_id: str,
    in_file: Collection[str],
    who: Operator,
    keep_seconds: float,
    expires_at: float | None,
) -> str:
    """Make another key with what the last one may do, which ends now or in so many seconds.

    expires_at: of the new one; None: as the last one's.
    """
    valid = [key for key in await _existing(store, key_id, in_file) if not key.is_revoked]
    if not valid:
        raise KeyProblem(f"'{key_id}' is revoked; make a key with another id")
    key = drawn_key()
    made = replace(valid[-1], sha256=digest(key), created_at=who.now, created_by=who.name)
    made = replace(made, expires_at=_newest_end(valid) if expires_at is None else expires_at)
    if not made.is_valid(who.now):
        raise KeyProblem(f"'{key_id}' has expired; say with --expires how long the new one lives")
    keep_until = who.now + keep_seconds if keep_seconds else None
    if not await store.rotate(made, who.name, who.now, keep_until):
        raise KeyProblem(f"'{key_id}' was revoked meanwhile")
    end = f"works for {keep_seconds:.0f} more seconds" if keep_seconds else "is revoked"
    return f"{_shown(made, key)}\nThe one before {end}."


async def forget(store: KeyStore, key_id: str, in_file: Collection[str], who: Operator) -> str:
    """Revoke the keys with this id and take the id, and who it was, from keys and records."""
    if key_id in in_file:
        raise KeyProblem(f"the configuration has the key '{key_id}'; remove it there first")
    was_valid = any(not key.is_revoked for key in await store.named(key_id))
    name = f"forgotten-{secrets.token_hex(8)}"
    done = await store.forget(key_id, name, who.name, who.now)
    if done is None:
        raise KeyProblem(_unknown(key_id))
    records = done.records
    if was_valid:
        # Records of what it had under way come with its end.
        await asyncio.sleep(SETTLE_SECONDS)
        records += await store.rename_records(key_id, name)
    return (
        f"forgotten: {done.keys} key(s) and {records} usage record(s) are called {name} now. "
        "Records that come later, from a gateway that was away, are found by forgetting again."
    )


async def _existing(store: KeyStore, key_id: str, in_file: Collection[str]) -> list[StoredKey]:
    found = list(await store.named(key_id))
    if not found and key_id in in_file:
        raise KeyProblem(f"'{key_id}' is a key of the configuration; change it there")
    if not found:
        raise KeyProblem(_unknown(key_id))
    return found


def _unknown(key_id: str) -> str:
    return f"there is no key '{key_id}'; see `keys list`"


def _newest_end(keys: list[StoredKey]) -> float | None:
    """Of those that are valid the latest end: one that is being replaced ends early."""
    ends = [key.expires_at for key in keys]
    return None if None in ends else max(end for end in ends if end is not None)


def _shown(key: StoredKey, text: str) -> str:
    return (
        f"id:     {key.id}\ngroup:  {key.group_id}\nkey:    {text}\n\n{SHOWN_ONCE}\n"
        "It is stored, as a digest, in the database: every gateway takes it within five seconds."
    )
