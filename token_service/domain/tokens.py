"""Accounts and their tokens as values. Whatever is secret in one is kept out of its repr."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NewType

from token_service.domain.credentials import Choice, Installation, Strategy
from token_service.domain.hosts import Site

AccountId = NewType("AccountId", str)


@dataclass(frozen=True)
class Account:
    """One configured account; its credential is known only to its source.

    installation       of the GitHub App, for the strategy github_app
    credential_digest  of the credential and the installation: another one is another credential
    """

    id: AccountId
    choice: Choice
    site: Site
    installation: Installation | None = None
    credential_digest: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class AccountChanges:
    """How one set of accounts differs from another; a changed one has the same id."""

    added: tuple[AccountId, ...] = ()
    removed: tuple[AccountId, ...] = ()
    changed: tuple[AccountId, ...] = ()


def changes(before: Iterable[Account], after: Iterable[Account]) -> AccountChanges:
    """What became of the accounts; each list in the order of the configuration."""
    old = {account.id: account for account in before}
    new = {account.id: account for account in after}
    return AccountChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
    )


@dataclass(frozen=True)
class Grant:
    """A token as its source gave it, before the store has numbered it.

    life        seconds it is valid, counted from before it was asked for
    refresh_in  seconds after which its issuer wants it renewed; None if it did not say
    expires_at  seconds since the epoch by the issuer's clock, for people
    """

    value: str = field(repr=False)
    strategy: Strategy
    api_base_url: str
    headers: Mapping[str, str]
    life: float
    refresh_in: float | None
    expires_at: float
    sku: str = ""


@dataclass(frozen=True)
class CopilotToken:
    """A token an account holds.

    token_id       random; names the token without revealing it
    generation     strictly increasing per account
    obtained       monotonic seconds, before the token was asked for
    life           seconds from `obtained` to its end
    refresh_after  seconds from `obtained` to its renewal
    expires_at     seconds since the epoch by the issuer's clock, for people and logs
    """

    account: AccountId
    value: str = field(repr=False)
    token_id: str
    generation: int
    strategy: Strategy
    api_base_url: str
    headers: Mapping[str, str]
    sku: str
    obtained: float
    life: float
    refresh_after: float
    expires_at: float


def next_generation(known: int, wall: float, stride: int) -> int:
    """A number above all known ones, and above any this account had before a restart.

    known: the highest this process has seen, 0 for none; wall: seconds since the epoch;
    stride: random, 0 to 1023. Milliseconds in the upper bits make a restarted process start
    above its last life without a shared store; the stride keeps two processes that renew in
    the same millisecond apart. Stays below 2**53 until the year 2248, so that a float (a
    metric) can hold it.
    """
    return max(known + 1, int(wall * 1000) << 10) + stride
