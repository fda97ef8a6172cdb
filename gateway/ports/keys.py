"""Callers' keys in the database, and tokens that stand for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.domain.stored_keys import StoredKey


class TokenVerifier(Protocol):
    """JWTs that callers show, and whether they are their issuer's for this gateway."""

    def looks_like(self, text: str) -> bool:
        """Whether this is meant as a token and no key: three parts, the first a JSON object with
        an `alg`, 8 KiB at most. Costs next to nothing and believes nothing."""

    async def verify(self, token: str) -> Mapping[str, Any]:
        """Its claims; `exp` is among them. Bounded in time.

        Raises GatewayError: CALLER_KEY_TOKEN with the reason in words, or GATEWAY_ISSUER while
        the issuer's keys cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of keys since a number."""

    number: int
    """Ask for what comes after this one next."""
    keys: Sequence[StoredKey]
    """As they are now, in the order of their last changes."""
    is_all: bool = True
    """Whether there is no more at the moment."""
    is_older: bool = False
    """The database knows less than whoever asks: it was restored or made anew. Ask from 0."""


class KeyIdTaken(Exception):
    """Another key has this id already, or had it."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What `forget` has done."""

    name: str
    """What keys and records are called now."""
    keys: int
    records: int
    """How many of each."""


class KeyStore(Protocol):
    """Callers' keys in the ledger's database. Bounded in time; each method raises LedgerDown.

    Each change of a key has a number, and whoever sees one sees all that are lower.
    """

    async def prepare(self) -> None:
        """Make the tables what this version needs, where they are not."""

    async def changed_since(self, number: int) -> Changes:
        """Some thousand keys at most whose last change has a higher number; 0: all there are."""

    async def named(self, key_id: str) -> Sequence[StoredKey]:
        """All keys with this id, those that are revoked too, the latest change last."""

    async def list(self) -> Sequence[StoredKey]:
        """All keys, by id and age."""

    async def add(self, key: StoredKey) -> None:
        """Keep a new key. Raises KeyIdTaken."""

    async def revoke(self, key_id: str, by: str, now: float) -> int:
        """Take back all keys with this id; how many were not revoked yet."""

    async def rotate(self, new: StoredKey, by: str, now: float, keep_until: float | None) -> int:
        """Keep a new key beside those that have its id, which end at keep_until; None: are revoked.

        How many end so; 0: there is none that is not revoked, and nothing was done.
        """

    async def forget(self, key_id: str, name: str, by: str, now: float) -> Forgotten | None:
        """Revoke the keys with this id and take from them, and from the records, who it was.

        name: what they are called afterwards. None: nothing has this id. May be repeated; what
        fails in the middle leaves the keys revoked.
        """

    async def rename_records(self, key_id: str, name: str) -> int:
        """Give the usage records of one id another one; how many."""


class KeyEvents(Protocol):
    """What happened to keys of the database. None of these waits or raises."""

    def keys_configured(self, count: int) -> None:
        """The configuration has so many from now on."""

    def keys_read(self, changed: int, usable: int, revoked: int) -> None:
        """So many have changed; so many are known now, expired ones among those usable."""

    def keys_stale(self, reason: str) -> None:
        """The database cannot be asked; what is known goes on."""

    def keys_fresh(self) -> None:
        """It can, again or for the first time."""

    def key_shadowed(self, key_id: str) -> None:
        """A key of the configuration has the id of one in the database, which does not count."""
