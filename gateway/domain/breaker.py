"""Circuit breakers of accounts: when failures are the account's and not one caller's.

Failures of three different keys count: where there are as many no caller opens one alone. In a
group with fewer keys those of three different request bodies do, whosever they are. Sets nothing
aside; says for how long.
"""

from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

WITNESSES = 3
"""So many different keys, or bodies, have to have failed."""
WINDOW_SECONDS = 30.0
FIRST_SECONDS = 15.0
LONGEST_SECONDS = 300.0
REOPENING_SECONDS = 600.0
"""An account that fails again so soon after it came back is left alone for twice as long."""
MAX_ACCOUNTS = 10_000
"""More than any configuration has, with those of former configurations."""

_Who = TypeVar("_Who", str, bytes)


@dataclass(slots=True)
class _Account:
    """Who has failed on an account lately, fewer than WITNESSES each, and its last opening."""

    keys: dict[str, float] = field(default_factory=dict)
    bodies: dict[bytes, float] = field(default_factory=dict)
    open_seconds: float = 0.0
    open_until: float = -inf


class Breaker:
    """One circuit breaker for each account. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def strike(
        self, account: str, key: str, body_digest: bytes, keys_in_group: int, now: float
    ) -> float | None:
        """A request failed. Seconds to set the account aside for, when that opens its breaker.

        key, keys_in_group: whose request it was, and how many keys share that key's group.
        """
        state = self._state(account)
        if now < state.open_until:
            # Was under way already when it opened.
            return None
        _witness(state.keys, key, now)
        if keys_in_group < WITNESSES:
            _witness(state.bodies, body_digest, now)
        if max(len(state.keys), len(state.bodies)) < WITNESSES:
            return None
        return _open(state, now)

    def succeeded(self, account: str) -> None:
        """The account has answered: nothing is held against it any more."""
        self._accounts.pop(account, None)

    def _state(self, account: str) -> _Account:
        state = self._accounts.pop(account, None) or _Account()
        if len(self._accounts) >= MAX_ACCOUNTS:
            del self._accounts[next(iter(self._accounts))]
        # Put in last, so that the first one is the one that failed longest ago.
        self._accounts[account] = state
        return state


def _witness(seen: dict[_Who, float], who: _Who, now: float) -> None:
    seen[who] = now
    for one in [one for one, when in seen.items() if when <= now - WINDOW_SECONDS]:
        del seen[one]


def _open(state: _Account, now: float) -> float:
    is_again = now - state.open_until <= REOPENING_SECONDS
    seconds = min(LONGEST_SECONDS, state.open_seconds * 2) if is_again else FIRST_SECONDS
    state.keys.clear()
    state.bodies.clear()
    state.open_seconds, state.open_until = seconds, now + seconds
    return seconds
