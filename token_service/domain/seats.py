"""The accounts there are, when each was last asked for, and how a new configuration changes them.

Time comes as an argument; what follows from a change is the broker's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from token_service.domain.credentials import Choice
from token_service.domain.errors import AccountNotFound, ArgumentInvalid
from token_service.domain.tokens import Account, AccountId

NEVER = float("-inf")


@dataclass
class Seat:
    """An account, and when it was last asked for on the monotonic clock."""

    account: Account
    asked: float = NEVER

    def was_asked_for(self, now: float, seconds: float) -> bool:
        """Whether somebody asked for it within the last `seconds`."""
        return now - self.asked <= seconds


@dataclass(frozen=True)
class Changes:
    """What another configuration means for the accounts that were there.

    removed   are there no more
    moved     are obtained another way or elsewhere: their tokens are not the account's any more
    renewed   have another credential, and are otherwise the same
    added     were not there
    """

    removed: tuple[Account, ...] = ()
    moved: tuple[Account, ...] = ()
    renewed: tuple[Account, ...] = ()
    added: tuple[Account, ...] = ()


class Seats:
    """The configured accounts by their ids."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._seats = {account.id: Seat(account) for account in accounts}

    def find(self, account: str) -> Seat:
        """The seat a caller names. Raises ArgumentInvalid, AccountNotFound."""
        if not account:
            raise ArgumentInvalid("account is required: name one from the configuration")
        seat = self._seats.get(AccountId(account))
        if seat is None:
            raise AccountNotFound("no such account, or not one this caller may use")
        return seat

    def get(self, account: str) -> Seat | None:
        """The seat of that id, if there is one."""
        return self._seats.get(AccountId(account))

    def ordered(self) -> list[Seat]:
        """All of them, by id."""
        return [seat for _, seat in sorted(self._seats.items())]

    def in_use(self, now: float, seconds: float) -> list[Account]:
        """Those that somebody asked for within the last `seconds`."""
        return [s.account for s in self._seats.values() if s.was_asked_for(now, seconds)]

    def is_direct(self, account: str) -> bool:
        """Whether the account's tokens are its GitHub credential; False for one that is not."""
        seat = self.get(account)
        return seat is not None and seat.account.choice is Choice.DIRECT

    def replace(self, accounts: Iterable[Account]) -> Changes:
        """These are the accounts from now on; who stays keeps when it was asked for."""
        new = {account.id: account for account in accounts}
        gone = [self._seats.pop(name) for name in self._seats.keys() - new.keys()]
        both = [(seat, new[name]) for name, seat in self._seats.items()]
        changes = Changes(
            removed=tuple(seat.account for seat in gone),
            moved=tuple(seat.account for seat, now in both if not _is_alike(seat.account, now)),
            renewed=tuple(now for seat, now in both if _has_another_credential(seat.account, now)),
            added=tuple(account for name, account in new.items() if name not in self._seats),
        )
        for seat, account in both:
            seat.account = account
        self._seats |= {account.id: Seat(account) for account in changes.added}
        return changes


def _is_alike(old: Account, new: Account) -> bool:
    """Whether a token of the one may be given as one of the other."""
    if old.choice in (Choice.DIRECT, Choice.STATIC):
        # The token is what was configured: a replaced one may have been revoked.
        return old == new
    return replace(old, credential_digest=new.credential_digest) == new


def _has_another_credential(old: Account, new: Account) -> bool:
    return old != new and _is_alike(old, new)
